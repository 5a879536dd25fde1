/**
 * The allocators once more, as plainly as they can be said: lists of objects, searched from end to end. They share no code
 * with the library, and give the same offsets, chunks and sizes.
 */
import type { Placement } from '../../src/solver/allocator.js';
import type { BufferSpec } from '../../src/problem/problem.js';

/** A stretch of steps in which a buffer needs the same bytes. */
interface Piece {
  readonly start: number;
  readonly end: number;
  readonly lower: number;
  readonly upper: number;
}

const alignUp = (bytes: number, alignment: number): number => Math.ceil(bytes / alignment) * alignment;

const largestAlignment = (buffers: readonly BufferSpec[]): number =>
  Math.max(1, ...buffers.map(({ alignment = 1 }) => alignment));

const byStart = (buffers: readonly BufferSpec[]): number[] =>
  [...buffers.keys()].sort((a, b) => buffers[a].start - buffers[b].start || a - b);

function piecesOf({ start, end, size, gaps = [] }: BufferSpec): Piece[] {
  const pieces: Piece[] = [];
  let from = start;
  for (const gap of gaps) {
    const { lower = 0, upper = lower } = gap;
    pieces.push(
      { start: from, end: gap.start, lower: 0, upper: size },
      { start: gap.start, end: gap.end, lower, upper },
    );
    from = gap.end;
  }
  return [...pieces, { start: from, end, lower: 0, upper: size }].filter((p) => p.start < p.end && p.lower < p.upper);
}

/** Buffers in `order`, each at the lowest free offset of the chunk that grows least; what is fixed comes first. */
export function plainGreedy(
  buffers: readonly BufferSpec[],
  order: Iterable<number>,
  maxChunkSize = Infinity,
): Placement {
  const pieces = buffers.map(piecesOf);
  const offsets = new Float64Array(buffers.length);
  const chunkOf = new Int32Array(buffers.length);
  const chunks: { size: number; limit: number; placed: number[] }[] = [];
  const settle = (b: number, chunk: number, offset: number): void => {
    chunks[chunk] ??= { size: 0, limit: maxChunkSize, placed: [] };
    const { size, limit, placed } = chunks[chunk];
    const end = offset + buffers[b].size;
    chunks[chunk] = { size: Math.max(size, end), limit: Math.max(limit, buffers[b].size), placed: [...placed, b] };
    offsets[b] = offset;
    chunkOf[b] = chunk;
  };
  /** What the placed buffers of a chunk rule out: the open interval between low and high for each two pieces that meet. */
  const lowest = (b: number, placed: readonly number[]): number => {
    const { alignment = 1 } = buffers[b];
    const ruled = placed.flatMap((a) =>
      pieces[a].flatMap((p) =>
        pieces[b]
          .filter((q) => p.start < q.end && q.start < p.end)
          .map((q) => ({ low: offsets[a] + p.lower - q.upper, high: offsets[a] + p.upper - q.lower })),
      ),
    );
    ruled.sort((x, y) => x.low - y.low);
    let offset = 0;
    for (const { low, high } of ruled) if (low < offset && offset < high) offset = alignUp(high, alignment);
    return offset;
  };
  buffers.forEach(({ fixedOffset }, b) => fixedOffset !== undefined && settle(b, 0, fixedOffset));
  for (const b of order) {
    const { fixedOffset, size } = buffers[b];
    if (fixedOffset !== undefined) continue;
    const choices = chunks
      .map((chunk, c) => ({ chunk, c, offset: lowest(b, chunk.placed) }))
      .filter(({ chunk, offset }) => offset + size <= Math.max(chunk.limit, size))
      .map(({ chunk, c, offset }) => ({ c, offset, growth: Math.max(0, offset + size - chunk.size) }));
    const least = Math.min(...choices.map(({ growth }) => growth));
    const best = choices.find(({ growth }) => growth === least);
    settle(b, best?.c ?? chunks.length, best?.offset ?? 0);
  }
  return { offsets, chunkOf, chunks: chunks.map(({ size }) => size) };
}

/** A stretch of free bytes. */
interface Block {
  readonly offset: number;
  readonly size: number;
}

/** Free blocks by offset; the last one reaches to the limit. */
interface PlainChunk {
  blocks: Block[];
  max: number;
}

/** ggml's allocator: each buffer at its start into the smallest hole, or where a chunk's end leaves most for reuse. */
export function plainGgml(buffers: readonly BufferSpec[], maxChunkSize = Infinity): Placement {
  const alignment = largestAlignment(buffers);
  const chunks: PlainChunk[] = [];
  const offsets = new Float64Array(buffers.length);
  const chunkOf = new Int32Array(buffers.length);
  const taken = buffers.map(({ size }) => alignUp(size, alignment));
  const order = byStart(buffers);
  const shrinks = buffers.flatMap((buffer, b) => shrinksOf(buffer, b, alignment));
  const allocate = (b: number): void => {
    let chunk = chunkWithHole(chunks, taken[b]);
    if (chunk === -1) chunk = chunkWithRoomAtTheEnd(chunks, taken[b]);
    if (chunk === -1) {
      const limit = chunks.length === 15 ? Infinity : Math.max(taken[b], maxChunkSize);
      chunk = chunks.push({ blocks: [{ offset: 0, size: limit }], max: 0 }) - 1;
    }
    chunkOf[b] = chunk;
    offsets[b] = take(chunks[chunk], taken[b]);
  };
  const lastStep = Math.max(0, ...buffers.map(({ start }) => start));
  for (let step = 0, next = 0; step <= lastStep; step++) {
    buffers.forEach(({ end }, b) => end === step && give(chunks[chunkOf[b]], offsets[b], taken[b]));
    for (const { b, bytes } of shrinks.filter((shrink) => shrink.step === step)) {
      give(chunks[chunkOf[b]], offsets[b] + bytes, taken[b] - bytes);
      taken[b] = bytes;
    }
    for (; next < order.length && buffers[order[next]].start === step; next++) allocate(order[next]);
  }
  return { offsets, chunkOf, chunks: chunks.map(({ max }) => max) };
}

/** The smallest hole that fits, the later one on a tie; the last block is none. */
function holeFor({ blocks }: PlainChunk, size: number): number {
  const sizes = blocks.slice(0, -1).map((block) => block.size);
  return sizes.lastIndexOf(Math.min(...sizes.filter((each) => each >= size)));
}

const chunkWithHole = (chunks: readonly PlainChunk[], size: number): number =>
  chunks.findLastIndex((chunk) => holeFor(chunk, size) !== -1);

/** Where the buffer ends below what was reached, and leaves least of that; else where it ends least above. */
function chunkWithRoomAtTheEnd(chunks: readonly PlainChunk[], size: number): number {
  const choices = chunks.flatMap(({ blocks, max }, c) => {
    const last = blocks.at(-1);
    return last === undefined || last.size < size ? [] : [{ c, spare: max - last.offset - size }];
  });
  const within = choices.filter(({ spare }) => spare >= 0);
  const [first] = (within.length > 0 ? within : choices).sort((p, q) => Math.abs(p.spare) - Math.abs(q.spare));
  return first?.c ?? -1;
}

function take(chunk: PlainChunk, size: number): number {
  const hole = holeFor(chunk, size);
  const block = hole === -1 ? chunk.blocks.length - 1 : hole;
  const { offset, size: whole } = chunk.blocks[block];
  chunk.blocks.splice(block, 1, ...(whole === size ? [] : [{ offset: offset + size, size: whole - size }]));
  chunk.max = Math.max(chunk.max, offset + size);
  return offset;
}

function give(chunk: PlainChunk, offset: number, size: number): void {
  if (size === 0) return;
  const blocks = [...chunk.blocks, { offset, size }].sort((a, b) => a.offset - b.offset);
  chunk.blocks = blocks.reduce<Block[]>((merged, block) => {
    const before = merged.at(-1);
    if (before === undefined || before.offset + before.size !== block.offset) return [...merged, block];
    return [...merged.slice(0, -1), { offset: before.offset, size: before.size + block.size }];
  }, []);
}

/** Where a buffer gives up a tail for good after its start; other gaps are of no use. */
function shrinksOf({ start, end, gaps = [] }: BufferSpec, b: number, alignment: number): ({ step: number } & Tail)[] {
  const shrinks: ({ step: number } & Tail)[] = [];
  let until = end;
  let least = 0;
  for (const { start: from, end: to, lower = 0, upper = lower } of [...gaps].reverse()) {
    const bytes = alignUp(upper, alignment);
    if (lower !== 0 || to !== until || bytes < least || from === start) break;
    shrinks.push({ b, step: from, bytes });
    until = from;
    least = bytes;
  }
  return shrinks;
}

/** Buffer `b` goes on with its first `bytes`. */
interface Tail {
  readonly b: number;
  readonly bytes: number;
}

interface OnlineBlock extends Block {
  readonly isFree: boolean;
  /** The higher, the later it was freed. */
  readonly age: number;
}

/** Sizes of one bin differ by less than 1/32 of a power of two. */
function binOf(size: number): number {
  const power = Math.floor(Math.log2(size)); // exact for the sizes of tests
  return power * 32 + Math.floor((size / 2 ** power - 1) * 32);
}

/** The smallest of the sixteen newest free blocks of the first bin that has one with room, of equal ones the newest. */
function findFree(blocks: readonly OnlineBlock[], size: number, alignment: number): OnlineBlock | undefined {
  const free = blocks.filter((block) => block.isFree).sort((p, q) => q.age - p.age);
  const bins = [...new Set(free.map((block) => binOf(block.size)))].filter((bin) => bin >= binOf(size));
  for (const bin of bins.sort((p, q) => p - q)) {
    const looked = free.filter((block) => binOf(block.size) === bin).slice(0, 16);
    const fitting = looked.filter((block) => alignUp(block.offset, alignment) + size <= block.offset + block.size);
    const least = Math.min(...fitting.map((block) => block.size));
    if (fitting.length > 0) return fitting.find((block) => block.size === least);
  }
  return undefined;
}

/** Offsets by two-level segregated fit. */
export function plainOnline(buffers: readonly BufferSpec[]): Float64Array {
  let age = 0;
  let top = 0;
  const blocks: OnlineBlock[] = [];
  const offsets = new Float64Array(buffers.length);
  const free = (b: number): void => {
    const at = blocks.findIndex((block) => !block.isFree && block.offset === offsets[b]);
    const near = [at - 1, at, at + 1].filter((i) => i === at || blocks[i]?.isFree);
    const size = near.reduce((sum, i) => sum + blocks[i].size, 0);
    const { offset } = blocks[near[0]];
    blocks.splice(near[0], near.length, { offset, size, isFree: true, age: age++ });
    if (blocks.at(-1)!.isFree) top = blocks.pop()!.offset;
  };
  const byEnd = [...buffers.keys()].sort((a, b) => buffers[a].end - buffers[b].end || a - b);
  for (const b of byStart(buffers)) {
    while (buffers[byEnd[0]].end <= buffers[b].start) free(byEnd.shift()!);
    const { size, alignment = 1 } = buffers[b];
    const hole = findFree(blocks, size, alignment);
    const bottom = hole?.offset ?? top;
    offsets[b] = alignUp(bottom, alignment);
    const end = offsets[b] + size;
    const padding = { offset: bottom, size: offsets[b] - bottom, isFree: true, age: age++ };
    const rest = {
      offset: end,
      size: hole === undefined ? 0 : hole.offset + hole.size - end,
      isFree: true,
      age: age++,
    };
    const used = { offset: offsets[b], size, isFree: false, age: 0 };
    const pieces = [padding, used, rest].filter((piece) => piece.size > 0);
    if (hole !== undefined) blocks.splice(blocks.indexOf(hole), 1, ...pieces);
    else blocks.push(...pieces);
    top = Math.max(top, end);
  }
  return offsets;
}
