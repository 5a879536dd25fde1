/**
 * Places buffers in the order of their starts, each into the smallest free block that fits, give or take 3 %: as an
 * allocator at run time would, in constant time per buffer. Gaps are ignored.
 *
 * Blocks, used and free, form a list by offset; free ones are also in bins by size, 32 bins to each power of two (two-
 * level segregated fit, Masmano et al. 2004). The last block of the list is the unlimited rest and is in no bin.
 *
 * A word for each power of two says which of its bins are not empty, so that a search skips the others.
 *
 * Invariant: two neighbours in the list are never both free. O(n log n), for sorting.
 */
/* eslint-disable no-bitwise -- numbers of bins and sets of them, never bytes */
import type { Problem } from '../../problem/problem.js';
import { alignUp, floorLog2 } from '../../units.js';

const BINS_PER_POWER = 32;
const POWERS = 53;
/** Most blocks of a bin that are examined for the best fit. */
const LOOKS = 16;

/** Offsets, or `null` for a problem with fixed offsets. */
export function placeOnline(problem: Problem): Float64Array | null {
  const { bufferCount, sizes, starts, ends, alignments, fixedOffsets } = problem;
  if (fixedOffsets !== null) return null;
  const byStart = sortedBy(starts);
  const byEnd = sortedBy(ends);
  const offsets = new Float64Array(bufferCount);
  const blockOf = new Int32Array(bufferCount);
  const blocks = new Blocks(bufferCount);
  let ended = 0;
  for (let i = 0; i < bufferCount; i++) {
    const b = byStart[i];
    for (; ends[byEnd[ended]] <= starts[b]; ended++) blocks.release(blockOf[byEnd[ended]]);
    const block = blocks.take(sizes[b], alignments[b]);
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
  readonly #bins = new Int32Array(POWERS * BINS_PER_POWER).fill(-1);
  /** Bit i of word p: whether bin i of power p holds a block. */
  readonly #occupied = new Int32Array(POWERS);
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
    this.#sizes[this.#rest] = Infinity;
  }

  /** Takes `size` bytes at a multiple of `alignment` and returns their block. */
  take(size: number, alignment: number): number {
    const hole = this.#findHole(size, alignment);
    const offset = alignUp(this.offsets[hole], alignment);
    const padding = offset - this.offsets[hole];
    const spare = this.#sizes[hole] - padding - size;
    if (hole !== this.#rest) this.#unbin(hole);
    if (padding > 0) this.#bin(this.#insertBelow(hole, this.offsets[hole], padding));
    const block = spare > 0 ? this.#insertBelow(hole, offset, size) : hole;
    this.offsets[hole] = spare > 0 ? offset + size : offset;
    this.#sizes[hole] = spare > 0 ? spare : size;
    if (spare > 0 && hole !== this.#rest) this.#bin(hole);
    return block;
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

  /** The smallest examined block that has room, or the rest. */
  #findHole(size: number, alignment: number): number {
    let best = this.#rest;
    for (let bin = this.#nextBin(binOf(size)); bin !== -1 && best === this.#rest; bin = this.#nextBin(bin + 1)) {
      let looks = LOOKS;
      for (let block = this.#bins[bin]; block !== -1 && looks > 0; block = this.#binNext[block], looks--) {
        if (this.#sizes[block] >= this.#sizes[best]) continue;
        const padding = alignment === 1 ? 0 : alignUp(this.offsets[block], alignment) - this.offsets[block];
        if (this.#sizes[block] >= padding + size) best = block;
      }
    }
    return best;
  }

  /** The first bin from `bin` on that holds a block; -1 if none does. */
  #nextBin(bin: number): number {
    let power = Math.floor(bin / BINS_PER_POWER);
    let bins = power < POWERS ? this.#occupied[power] & (-1 << (bin % BINS_PER_POWER)) : 0;
    while (bins === 0 && ++power < POWERS) bins = this.#occupied[power];
    return bins === 0 ? -1 : power * BINS_PER_POWER + 31 - Math.clz32(bins & -bins);
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
    this.#occupied[Math.floor(bin / BINS_PER_POWER)] |= 1 << (bin % BINS_PER_POWER);
  }

  #unbin(block: number): void {
    const previous = this.#binPrevious[block];
    const next = this.#binNext[block];
    this.#isFree[block] = 0;
    if (next !== -1) this.#binPrevious[next] = previous;
    if (previous !== -1) {
      this.#binNext[previous] = next;
      return;
    }
    const bin = binOf(this.#sizes[block]);
    this.#bins[bin] = next;
    if (next === -1) this.#occupied[Math.floor(bin / BINS_PER_POWER)] &= ~(1 << (bin % BINS_PER_POWER));
  }
}

/** Bins by size, increasing: the power of two and the next five bits. */
function binOf(size: number): number {
  const power = floorLog2(size);
  return power * BINS_PER_POWER + Math.floor((size / 2 ** power - 1) * BINS_PER_POWER);
}
