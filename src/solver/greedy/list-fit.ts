/**
 * The lowest fit by a list of placed buffers in order of offset: for a few thousand buffers, most of which meet.
 *
 * A query goes up the list and raises the offset above each buffer in the way, until the next one leaves room. The
 * query also passes many buffers that live at other times, but each of these costs next to nothing.
 *
 * Invariant: entries 0 to `count` (exclusive) are placed buffers in order of offset; the problem has no gaps.
 */
import type { Problem } from '../../problem/problem.js';
import { alignUp } from '../../units.js';
import type { LowestFit } from './fit.js';

/** Entries passed per unit of work. */
const ENTRIES_PER_WORK = 16;

export class ListFit implements LowestFit {
  readonly #starts: Int32Array;
  readonly #ends: Int32Array;
  /** First byte taken, inclusive, and last one, exclusive. */
  readonly #lows: Float64Array;
  readonly #highs: Float64Array;
  #count = 0;
  #seenCount = 0;
  readonly #problem: Problem;

  constructor(problem: Problem) {
    this.#problem = problem;
    const { bufferCount } = problem;
    this.#starts = new Int32Array(bufferCount);
    this.#ends = new Int32Array(bufferCount);
    this.#lows = new Float64Array(bufferCount);
    this.#highs = new Float64Array(bufferCount);
  }

  get work(): number {
    return Math.floor(this.#seenCount / ENTRIES_PER_WORK);
  }

  reset(): void {
    this.#count = 0;
  }

  find(buffer: number, from = 0): number {
    const starts = this.#starts;
    const ends = this.#ends;
    const lows = this.#lows;
    const highs = this.#highs;
    const count = this.#count;
    const problem = this.#problem;
    const start = problem.starts[buffer];
    const end = problem.ends[buffer];
    const size = problem.sizes[buffer];
    const alignment = problem.alignments[buffer];
    let offset = alignment === 1 ? from : alignUp(from, alignment);
    let i = 0;
    for (; i < count; i++) {
      if (starts[i] >= end || start >= ends[i]) continue;
      if (lows[i] - offset >= size) break;
      if (highs[i] > offset) offset = alignment === 1 ? highs[i] : alignUp(highs[i], alignment);
    }
    this.#seenCount += i;
    return offset;
  }

  take(buffer: number, offset: number): void {
    const starts = this.#starts;
    const ends = this.#ends;
    const lows = this.#lows;
    const highs = this.#highs;
    const count = this.#count;
    const problem = this.#problem;
    let i = 0;
    for (let high = count; i < high;) {
      const middle = Math.floor((i + high) / 2);
      if (lows[middle] <= offset) i = middle + 1;
      else high = middle;
    }
    starts.copyWithin(i + 1, i, count);
    ends.copyWithin(i + 1, i, count);
    lows.copyWithin(i + 1, i, count);
    highs.copyWithin(i + 1, i, count);
    starts[i] = problem.starts[buffer];
    ends[i] = problem.ends[buffer];
    lows[i] = offset;
    highs[i] = offset + problem.sizes[buffer];
    this.#count++;
  }
}
