/**
 * The allocators once more, as plainly as they can be said: lists of objects, searched from end to end. For comparison.
 */
import type { PlaceOptions } from '../../src/alloc/allocator.js';
import type { Problem } from '../../src/problem/problem.js';

/** Where every buffer goes. */
export interface PlainPlacement {
  readonly offsets: number[];
  readonly chunkOf: number[];
  readonly chunks: number[];
}

const alignUp = (bytes: number, alignment: number): number => Math.ceil(bytes / alignment) * alignment;

const indices = ({ bufferCount }: Problem): number[] => Array.from({ length: bufferCount }, (_, b) => b);

/** What a buffer needs at a step: bytes from `lower` to `upper`, relative to the buffer; `null` if it is not live. */
function needAt({ sizes, starts, ends, gaps }: Problem, b: number, step: number): readonly [number, number] | null {
  if (step < starts[b] || step >= ends[b]) return null;
  for (let g = gaps?.first[b] ?? 0; g < (gaps?.first[b + 1] ?? 0); g++) {
    if (gaps!.starts[g] <= step && step < gaps!.ends[g]) return [gaps!.lowers[g], gaps!.uppers[g]];
  }
  return [0, sizes[b]];
}

/** The offsets of `b` that a neighbour at `offset` rules out, one open interval per step at which both are live. */
function ruledOut(problem: Problem, b: number, other: number, offset: number): (readonly [number, number])[] {
  const ruled: (readonly [number, number])[] = [];
  for (let step = 0; step < problem.stepCount; step++) {
    const mine = needAt(problem, b, step);
    const theirs = needAt(problem, other, step);
    if (mine === null || theirs === null || mine[0] === mine[1] || theirs[0] === theirs[1]) continue;
    ruled.push([offset + theirs[0] - mine[1], offset + theirs[1] - mine[0]]);
  }
  return ruled;
}

/** Buffers in `order`, each into a hole or on top, in the chunk that grows least; fixed ones first. */
export function plainGreedy(
  problem: Problem,
  order: readonly number[],
  fit: 'best' | 'lowest',
  { maxChunkSize = Infinity, allowOversize = false }: PlaceOptions = {},
): PlainPlacement {
  const { sizes, alignments, fixedOffsets } = problem;
  const placed = new Map<number, { chunk: number; offset: number }>();
  const chunks: { size: number; limit: number }[] = [];
  const limitFor = (b: number, chunk: number): number => Math.max(chunks[chunk].limit, allowOversize ? sizes[b] : 0);
  const settle = (b: number, chunk: number, offset: number): void => {
    if (chunk === chunks.length) chunks.push({ size: 0, limit: maxChunkSize });
    placed.set(b, { chunk, offset });
    chunks[chunk] = { size: Math.max(chunks[chunk].size, offset + sizes[b]), limit: limitFor(b, chunk) };
  };
  const isFixed = (b: number): boolean => fixedOffsets !== null && !Number.isNaN(fixedOffsets[b]);
  for (const b of indices(problem)) if (isFixed(b)) settle(b, 0, fixedOffsets![b]);

  for (const b of order.filter((each) => !isFixed(each))) {
    const choices = chunks.map((_, chunk) => {
      const ruled = [...placed]
        .filter(([, place]) => place.chunk === chunk)
        .flatMap(([other, { offset }]) => ruledOut(problem, b, other, offset));
      const offset = freeOffset(ruled, alignments[b], fit);
      const growth = Math.max(0, offset + sizes[b] - chunks[chunk].size);
      return { chunk, offset, growth, fits: offset + sizes[b] <= limitFor(b, chunk) };
    });
    const fitting = choices.filter(({ fits }) => fits);
    const least = Math.min(...fitting.map(({ growth }) => growth));
    const best = fitting.find(({ growth }) => growth === least);
    settle(b, best?.chunk ?? chunks.length, best?.offset ?? 0);
  }
  return {
    offsets: indices(problem).map((b) => placed.get(b)!.offset),
    chunkOf: indices(problem).map((b) => placed.get(b)!.chunk),
    chunks: chunks.map(({ size }) => size),
  };
}

function freeOffset(ruled: readonly (readonly [number, number])[], alignment: number, fit: 'best' | 'lowest'): number {
  const candidates = [0, ...ruled.map(([, high]) => alignUp(Math.max(0, high), alignment))].sort((a, b) => a - b);
  const free = candidates.filter((offset) => ruled.every(([low, high]) => offset <= low || high <= offset));
  const spareAt = (offset: number): number => Math.min(...ruled.map(([low]) => low - offset).filter((n) => n >= 0));
  const spares = free.map(spareAt);
  const least = Math.min(...spares);
  return fit === 'lowest' || least === Infinity ? free[0] : free[spares.indexOf(least)];
}

/** Free blocks of one chunk by offset; the last one reaches to the limit. */
interface PlainChunk {
  blocks: { offset: number; size: number }[];
  max: number;
}

/** ggml's allocator: each buffer at its start into the smallest hole, or where a chunk's end leaves most for reuse. */
export function plainGgml(problem: Problem, maxChunkSize = Infinity): PlainPlacement {
  const { starts, ends, sizes, stepCount } = problem;
  const alignment = Math.max(1, ...problem.alignments);
  const chunks: PlainChunk[] = [];
  const offsets = sizes.length === 0 ? [] : new Array<number>(sizes.length).fill(0);
  const chunkOf = offsets.map(() => 0);
  const taken = Array.from(sizes, (size) => alignUp(size, alignment));
  const order = indices(problem).sort((a, b) => starts[a] - starts[b] || a - b);

  const give = (chunk: PlainChunk, offset: number, size: number): void => {
    if (size === 0) return;
    chunk.blocks.push({ offset, size });
    chunk.blocks.sort((a, b) => a.offset - b.offset);
    chunk.blocks = chunk.blocks.reduce<PlainChunk['blocks']>((merged, block) => {
      const before = merged[merged.length - 1];
      if (before === undefined || before.offset + before.size !== block.offset) return [...merged, block];
      return [...merged.slice(0, -1), { offset: before.offset, size: before.size + block.size }];
    }, []);
  };
  const take = (chunk: PlainChunk, block: number, size: number): number => {
    const { offset, size: whole } = chunk.blocks[block];
    chunk.blocks.splice(block, 1, ...(whole === size ? [] : [{ offset: offset + size, size: whole - size }]));
    chunk.max = Math.max(chunk.max, offset + size);
    return offset;
  };
  const allocate = (b: number): void => {
    const size = taken[b];
    let best: { chunk: number; block: number; reuse: number } | null = null;
    chunks.forEach(({ blocks }, chunk) => {
      const holes = blocks.slice(0, -1).flatMap((block, i) => (block.size >= size ? [{ i, size: block.size }] : []));
      if (holes.length === 0) return;
      const smallest = Math.min(...holes.map((hole) => hole.size));
      best = { chunk, block: holes.findLast((hole) => hole.size === smallest)!.i, reuse: 0 };
    });
    if (best === null) {
      chunks.forEach(({ blocks, max }, chunk) => {
        const block = blocks.length - 1;
        if (block < 0 || blocks[block].size < size) return;
        const reuse = max - blocks[block].offset - size;
        const isBetter = best === null || (best.reuse < 0 ? reuse > best.reuse : reuse >= 0 && reuse < best.reuse);
        if (isBetter) best = { chunk, block, reuse };
      });
    }
    if (best === null) {
      const limit = chunks.length === 15 ? Infinity : Math.max(size, maxChunkSize);
      best = { chunk: chunks.push({ blocks: [{ offset: 0, size: limit }], max: 0 }) - 1, block: 0, reuse: 0 };
    }
    const { chunk, block } = best as { chunk: number; block: number };
    chunkOf[b] = chunk;
    offsets[b] = take(chunks[chunk], block, size);
  };

  const shrinks = indices(problem).flatMap((b) => shrinksOf(problem, b, alignment));
  for (let step = 0, next = 0; step < Math.max(1, stepCount); step++) {
    // Buffers in the reverse of their order, and then the tails.
    for (const b of indices(problem).reverse()) if (ends[b] === step) give(chunks[chunkOf[b]], offsets[b], taken[b]);
    for (const { b, bytes } of shrinks.filter((shrink) => shrink.step === step)) {
      if (taken[b] > bytes) give(chunks[chunkOf[b]], offsets[b] + bytes, taken[b] - bytes);
      taken[b] = bytes;
    }
    for (; next < order.length && starts[order[next]] === step; next++) allocate(order[next]);
  }
  return { offsets, chunkOf, chunks: chunks.map(({ max }) => max) };
}

/** Where a buffer gives up a tail for good; other gaps are of no use. */
function shrinksOf(
  { ends, gaps }: Problem,
  b: number,
  alignment: number,
): { b: number; step: number; bytes: number }[] {
  const shrinks: { b: number; step: number; bytes: number }[] = [];
  const rows =
    gaps === null ? [] : Array.from({ length: gaps.first[b + 1] - gaps.first[b] }, (_, i) => gaps.first[b] + i);
  let until = ends[b];
  let least = 0;
  for (const row of rows.reverse()) {
    const bytes = alignUp(gaps!.uppers[row], alignment);
    if (gaps!.lowers[row] !== 0 || gaps!.ends[row] !== until || bytes < least) break;
    shrinks.push({ b, step: gaps!.starts[row], bytes });
    until = gaps!.starts[row];
    least = bytes;
  }
  return shrinks;
}

/** Two-level segregated fit: the smallest of the sixteen newest free blocks of the first bin that has one that fits. */
export function plainOnline(problem: Problem): number[] {
  const { starts, ends, sizes } = problem;
  const alignment = Math.max(1, ...problem.alignments);
  const binOf = (size: number): number => {
    const power = Math.floor(Math.log2(size)); // exact for the sizes of tests
    return power * 32 + Math.floor((size / 2 ** power - 1) * 32);
  };
  let age = 0;
  let blocks: { offset: number; size: number; isFree: boolean; age: number }[] = [];
  let top = 0;
  const offsets = new Array<number>(sizes.length).fill(0);
  const byStart = indices(problem).sort((a, b) => starts[a] - starts[b] || a - b);
  const byEnd = indices(problem).sort((a, b) => ends[a] - ends[b] || a - b);
  let ended = 0;
  for (const b of byStart) {
    for (; ended < byEnd.length && ends[byEnd[ended]] <= starts[b]; ended++) {
      const at = blocks.findIndex((block) => !block.isFree && block.offset === offsets[byEnd[ended]]);
      blocks[at] = { ...blocks[at], isFree: true };
      const near = [at - 1, at, at + 1].filter((i) => blocks[i]?.isFree);
      const merged = {
        offset: blocks[near[0]].offset,
        size: near.reduce((sum, i) => sum + blocks[i].size, 0),
        isFree: true,
        age: age++,
      };
      blocks.splice(near[0], near.length, merged);
      const last = blocks[blocks.length - 1];
      if (last.isFree) {
        top = last.offset;
        blocks = blocks.slice(0, -1);
      }
    }
    const size = alignUp(sizes[b], alignment);
    const free = blocks.filter((block) => block.isFree).sort((p, q) => q.age - p.age);
    let hole: (typeof blocks)[number] | undefined;
    for (const bin of [...new Set(free.map((block) => binOf(block.size)))].sort((p, q) => p - q)) {
      if (bin < binOf(size)) continue;
      const looked = free.filter((block) => binOf(block.size) === bin).slice(0, 16);
      const fitting = looked.filter((block) => block.size >= size);
      hole = fitting.find((block) => block.size === Math.min(...fitting.map((each) => each.size)));
      if (hole !== undefined) break;
    }
    if (hole === undefined) {
      offsets[b] = top;
      blocks.push({ offset: top, size, isFree: false, age: age++ });
      top += size;
      continue;
    }
    offsets[b] = hole.offset;
    const at = blocks.indexOf(hole);
    const rest = { offset: hole.offset + size, size: hole.size - size, isFree: true, age: age++ };
    blocks.splice(at, 1, { offset: hole.offset, size, isFree: false, age: 0 }, ...(rest.size > 0 ? [rest] : []));
  }
  return offsets;
}
