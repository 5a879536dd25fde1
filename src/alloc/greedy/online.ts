/**
 * Places buffers in the order of their starts, each into the smallest free block that fits, give or take 3 %: what an
 * allocator at run time would do, in constant time per buffer. It makes no use of gaps.
 *
 * Blocks, used and free, form a list by offset; free ones are also in bins by size, 32 bins to each power of two (two-
 * level segregated fit, Masmano et al. 2004). The last block of the list is the unlimited rest and is in no bin.
 *
 * Invariant: two neighbours in the list are never both free. O(n log n), for sorting.
 */
import type { Problem } from '../../problem/problem.js';
import { alignUp, MAX_BYTES } from '../../units.js';
import { floorLog2 } from './floor-log2.js';

const BINS_PER_POWER = 32;
const BIN_COUNT = 53 * BINS_PER_POWER;
/** How many blocks of a bin are looked at for the best fit. */
const LOOKS = 16;

/** Offsets, or `null` where this cannot be done: with fixed offsets, or if padding would exceed 2^53 - 1 bytes. */
export function placeOnline(problem: Problem): Float64Array | null {
  const { bufferCount, sizes, starts, ends, alignments, fixedOffsets } = problem;
  const alignment = alignments.reduce((a, b) => Math.max(a, b), 1);
  const padded = sizes.map((size) => alignUp(size, alignment));
  if (fixedOffsets !== null || padded.reduce((a, b) => a + b, 0) > MAX_BYTES) return null;
  const byStart = sortedBy(starts);
  const byEnd = sortedBy(ends);
  const offsets = new Float64Array(bufferCount);
  const blockOf = new Int32Array(bufferCount);
  const blocks = new Blocks(bufferCount);
  let ended = 0;
  for (let i = 0; i < bufferCount; i++) {
    const b = byStart[i];
    for (; ends[byEnd[ended]] <= starts[b]; ended++) blocks.release(blockOf[byEnd[ended]]);
    const block = blocks.take(padded[b]);
    blockOf[b] = block;
    offsets[b] = blocks.offsets[block];
  }
  return offsets;
}

/** Indices by value, equal values by index. */
function sortedBy(values: Int32Array): Int32Array {
  const count = values.length;
  const packed = new Float64Array(count);
  for (let b = 0; b < count; b++) packed[b] = values[b] * count + b;
  return Int32Array.from(packed.sort(), (value) => value % count);
}

class Blocks {
  readonly offsets: Float64Array;
  readonly #sizes: Float64Array;
  readonly #isFree: Uint8Array;
  /** Neighbours by offset; -1 at the ends. */
  readonly #below: Int32Array;
  readonly #above: Int32Array;
  /** Neighbours in the bin; -1 at the ends. */
  readonly #binPrevious: Int32Array;
  readonly #binNext: Int32Array;
  readonly #bins = new Int32Array(BIN_COUNT).fill(-1);
  readonly #spareIds: Int32Array;
  #spareCount: number;
  /** The unlimited block above all others. */
  readonly #rest: number;

  constructor(bufferCount: number) {
    const most = 2 * bufferCount + 1;
    this.offsets = new Float64Array(most);
    this.#sizes = new Float64Array(most);
    this.#isFree = new Uint8Array(most);
    this.#below = new Int32Array(most).fill(-1);
    this.#above = new Int32Array(most).fill(-1);
    this.#binPrevious = new Int32Array(most);
    this.#binNext = new Int32Array(most);
    this.#spareIds = Int32Array.from({ length: most }, (_, i) => most - 1 - i);
    this.#spareCount = most;
    this.#rest = this.#spareIds[--this.#spareCount];
  }

  /** Takes `size` bytes and returns their block. */
  take(size: number): number {
    const hole = this.#findHole(size);
    if (hole === -1) {
      const block = this.#insertBelow(this.#rest, this.offsets[this.#rest], size);
      this.offsets[this.#rest] += size;
      return block;
    }
    this.#unbin(hole);
    const spare = this.#sizes[hole] - size;
    if (spare > 0) {
      const block = this.#insertBelow(hole, this.offsets[hole], size);
      this.offsets[hole] += size;
      this.#sizes[hole] = spare;
      this.#bin(hole);
      return block;
    }
    return hole;
  }

  /** Frees a block and merges it with its free neighbours. */
  release(block: number): void {
    const below = this.#below[block];
    const above = this.#above[block];
    if (below !== -1 && this.#isFree[below] === 1) {
      this.#unbin(below);
      this.offsets[block] = this.offsets[below];
      this.#sizes[block] += this.#sizes[below];
      this.#unlink(below);
    }
    if (above === this.#rest) {
      this.offsets[above] = this.offsets[block];
      return this.#unlink(block);
    }
    if (this.#isFree[above] === 1) {
      this.#unbin(above);
      this.#sizes[block] += this.#sizes[above];
      this.#unlink(above);
    }
    this.#bin(block);
  }

  #findHole(size: number): number {
    let best = -1;
    for (let bin = binOf(size); bin < BIN_COUNT && best === -1; bin++) {
      let looks = LOOKS;
      for (let block = this.#bins[bin]; block !== -1 && looks > 0; block = this.#binNext[block], looks--) {
        const fits = this.#sizes[block] >= size;
        if (fits && (best === -1 || this.#sizes[block] < this.#sizes[best])) best = block;
      }
    }
    return best;
  }

  #insertBelow(above: number, offset: number, size: number): number {
    const block = this.#spareIds[--this.#spareCount];
    const below = this.#below[above];
    this.offsets[block] = offset;
    this.#sizes[block] = size;
    this.#isFree[block] = 0;
    this.#below[block] = below;
    this.#above[block] = above;
    this.#below[above] = block;
    if (below !== -1) this.#above[below] = block;
    return block;
  }

  #unlink(block: number): void {
    const below = this.#below[block];
    const above = this.#above[block];
    if (below !== -1) this.#above[below] = above;
    if (above !== -1) this.#below[above] = below;
    this.#spareIds[this.#spareCount++] = block;
  }

  #bin(block: number): void {
    const bin = binOf(this.#sizes[block]);
    const next = this.#bins[bin];
    this.#isFree[block] = 1;
    this.#binPrevious[block] = -1;
    this.#binNext[block] = next;
    if (next !== -1) this.#binPrevious[next] = block;
    this.#bins[bin] = block;
  }

  #unbin(block: number): void {
    const previous = this.#binPrevious[block];
    const next = this.#binNext[block];
    this.#isFree[block] = 0;
    if (previous === -1) this.#bins[binOf(this.#sizes[block])] = next;
    else this.#binNext[previous] = next;
    if (next !== -1) this.#binPrevious[next] = previous;
  }
}

/** Bins by size, increasing: the power of two and the next five bits. */
function binOf(size: number): number {
  const power = floorLog2(size);
  return power * BINS_PER_POWER + Math.floor((size / 2 ** power - 1) * BINS_PER_POWER);
}
