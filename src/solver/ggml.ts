/**
 * ggml's online allocator: buffers in the order of their starts, each into the best-fitting free block of any chunk.
 * Matches `ggml_dyn_tallocr` of ggml 0.18 byte for byte, its limit of 256 free blocks aside.
 *
 * A chunk is a list of free blocks by offset; the last one reaches to the chunk's limit and is used only when no hole
 * fits, so that the chunk does not grow without need:
 *
 *     0      used     hole   used  hole    used     last block → limit
 *     ├───────────────░░░░░░░──────░░░░────────────░░░░░░░░░░░░░░░░░
 *                                                  ↑ maxSize: highest end ever reached
 *
 * Not optimal. O(n · f) time for n buffers and f free blocks; a model graph has a handful of free blocks.
 */
import { checkProblem } from '../problem/check-problem.js';
import type { GapTable, Problem } from '../problem/problem.js';
import { ColumnSet } from '../columns.js';
import { alignUp, checkBytes } from '../units.js';
import { checkOptions } from '../errors.js';
import { Chunk } from './ggml-chunk.js';
import { PLACE_OPTIONS, placementSize, type Allocator, type PlaceOptions, type Placement } from './allocator.js';
import { refuseFixedOffsets } from './refuse-fixed-offsets.js';

/** ggml opens at most 16 chunks; the last one has no limit. */
const MAX_CHUNKS = 16;

export const ggmlAllocator: Allocator = {
  name: 'ggml',
  placesEmptyBuffers: true,
  place(problem: Problem, options: PlaceOptions = {}): Placement {
    checkProblem(problem);
    checkOptions(options, PLACE_OPTIONS);
    refuseFixedOffsets(problem);
    const { maxChunkSize = Infinity } = options;
    const placement = placeAsGgml(problem, maxChunkSize);
    checkBytes(placementSize(placement), 'the buffer with every size padded to the largest alignment');
    return placement;
  },
};

/** The same without checks: a placement above 2^53 - 1 bytes is not exact. */
export function placeAsGgml(problem: Problem, maxChunkSize: number): Placement {
  return new OnlinePlacement(problem, maxChunkSize).run();
}

/** Plain fields and loops: this is the hot path of every measurement. */
class OnlinePlacement {
  readonly #chunks: Chunk[] = [];
  readonly #offsets: Float64Array;
  readonly #chunkOf: Int32Array;
  /** Padded bytes that each buffer takes now. */
  readonly #occupied: Float64Array;
  /** Gaps that give up a tail, the latest first. */
  readonly #shrinks: Shrink[];
  readonly #problem: Problem;
  readonly #maxChunkSize: number;

  constructor(problem: Problem, maxChunkSize: number) {
    this.#problem = problem;
    this.#maxChunkSize = maxChunkSize;
    const { bufferCount, sizes } = problem;
    const alignment = largestAlignment(problem);
    const columns = new ColumnSet(20 * bufferCount);
    this.#offsets = columns.float64(bufferCount);
    this.#occupied = columns.float64(bufferCount);
    this.#chunkOf = columns.int32(bufferCount);
    for (let b = 0; b < bufferCount; b++) this.#occupied[b] = alignUp(sizes[b], alignment);
    this.#shrinks = problem.gaps === null ? [] : shrinksOf(problem, problem.gaps, alignment);
  }

  run(): Placement {
    const { bufferCount, starts } = this.#problem;
    const order = startOrder(starts);
    const endings = endingsByStep(this.#problem);
    let step = 0;
    for (let i = 0; i < bufferCount; i++) {
      const buffer = order === null ? i : order[i];
      for (const start = starts[buffer]; step < start;) this.#free(endings, ++step);
      this.#allocate(buffer);
    }
    return { offsets: this.#offsets, chunkOf: this.#chunkOf, chunks: this.#chunks.map(({ maxSize }) => maxSize) };
  }

  #allocate(buffer: number): void {
    const size = this.#occupied[buffer];
    let chunk = this.#chunkWithBestHole(size);
    if (chunk === -1) chunk = this.#chunkWithBestLastBlock(size);
    if (chunk === -1) chunk = this.#openChunk(size);
    this.#offsets[buffer] = this.#chunks[chunk].take(size);
    this.#chunkOf[buffer] = chunk;
  }

  /**
   * Selects the smallest fitting hole of each chunk and returns the last chunk that has one. Like ggml, it does not
   * compare the holes of different chunks.
   */
  #chunkWithBestHole(size: number): number {
    let best = -1;
    for (let c = 0; c < this.#chunks.length; c++) if (this.#chunks[c].selectHole(size)) best = c;
    return best;
  }

  /** Takes the chunk with the least room to spare below its highest end; failing that, the chunk that grows least. */
  #chunkWithBestLastBlock(size: number): number {
    let best = -1;
    let bestReuse = -Infinity;
    for (let c = 0; c < this.#chunks.length; c++) {
      const chunk = this.#chunks[c];
      if (!chunk.selectLastBlock(size)) continue;
      const reuse = chunk.maxSize - chunk.selectedOffset() - size;
      const better = bestReuse < 0 ? reuse > bestReuse : reuse >= 0 && reuse < bestReuse;
      if (!better) continue;
      best = c;
      bestReuse = reuse;
    }
    return best;
  }

  #openChunk(size: number): number {
    const isLast = this.#chunks.length === MAX_CHUNKS - 1;
    const chunk = new Chunk(isLast ? Infinity : Math.max(size, this.#maxChunkSize));
    chunk.selectLastBlock(size);
    return this.#chunks.push(chunk) - 1;
  }

  /** Gives back the buffers that end at `step`, and the tails that gaps give up then. */
  #free({ first, next }: Endings, step: number): void {
    for (let b = first[step]; b !== -1; b = next[b]) {
      this.#chunks[this.#chunkOf[b]].free(this.#offsets[b], this.#occupied[b]);
    }
    while (this.#shrinks.length > 0 && this.#shrinks[this.#shrinks.length - 1].step === step) {
      const { buffer, bytes } = this.#shrinks.pop()!;
      const tail = this.#occupied[buffer] - bytes;
      if (tail > 0) this.#chunks[this.#chunkOf[buffer]].free(this.#offsets[buffer] + bytes, tail);
      this.#occupied[buffer] = bytes;
    }
  }
}

function largestAlignment({ alignments }: Problem): number {
  let largest = 1;
  for (let b = 0; b < alignments.length; b++) largest = Math.max(largest, alignments[b]);
  return largest;
}

/** From `step` on, `buffer` needs only its first `bytes`. */
interface Shrink {
  readonly step: number;
  readonly buffer: number;
  readonly bytes: number;
}

/**
 * Gaps that give up a tail for good, the latest first. An online allocator ignores all other gaps. It also ignores a
 * gap at the very start of a buffer, because the buffer then has no bytes yet that it could give up.
 */
function shrinksOf({ bufferCount, starts, ends }: Problem, gaps: GapTable, alignment: number): Shrink[] {
  const shrinks: Shrink[] = [];
  for (let buffer = 0; buffer < bufferCount; buffer++) {
    let until = ends[buffer];
    let atLeast = 0;
    for (let row = gaps.first[buffer + 1] - 1; row >= gaps.first[buffer]; row--) {
      const bytes = alignUp(gaps.uppers[row], alignment);
      const isTail = gaps.lowers[row] === 0 && gaps.ends[row] === until && gaps.starts[row] > starts[buffer];
      if (!isTail || bytes < atLeast) break;
      until = gaps.starts[row]!;
      atLeast = bytes;
      shrinks.push({ step: until, buffer, bytes });
    }
  }
  return shrinks.sort((a, b) => b.step - a.step);
}

/** Buffers by start, equal starts by index; `null` if they are in that order already. */
function startOrder(starts: Int32Array): Int32Array | null {
  let isSorted = true;
  for (let b = 1; b < starts.length && isSorted; b++) isSorted = starts[b - 1] <= starts[b];
  return isSorted ? null : Int32Array.from(starts.keys()).sort((a, b) => starts[a] - starts[b] || a - b);
}

/** Linked lists of the buffers that end at each step: `first[step]`, then `next[buffer]`, to -1. */
interface Endings {
  readonly first: Int32Array;
  readonly next: Int32Array;
}

function endingsByStep({ bufferCount, stepCount, ends }: Problem): Endings {
  const columns = new ColumnSet(4 * (stepCount + 1 + bufferCount));
  const first = columns.int32(stepCount + 1).fill(-1);
  const next = columns.int32(bufferCount);
  for (let b = 0; b < bufferCount; b++) {
    next[b] = first[ends[b]]!;
    first[ends[b]] = b;
  }
  return { first, next };
}
