/**
 * Placed buffers by offset, those of equal offsets in the order in which they were placed.
 */
import type { Problem } from '../../problem/problem.js';

export class SortedByOffset {
  readonly #starts: Int32Array;
  readonly #ends: Int32Array;
  readonly #sizes: Float64Array;
  readonly #offsets: Float64Array;
  readonly #order: Int32Array;
  #count = 0;

  /** @param offsets of each buffer that is added; others may change */
  constructor({ bufferCount, starts, ends, sizes }: Problem, offsets: Float64Array) {
    this.#starts = starts;
    this.#ends = ends;
    this.#sizes = sizes;
    this.#offsets = offsets;
    this.#order = new Int32Array(bufferCount);
  }

  /** O(n). */
  add(buffer: number): void {
    let low = 0;
    for (let high = this.#count; low < high;) {
      const middle = (low + high - ((low + high) % 2)) / 2;
      if (this.#offsets[this.#order[middle]] <= this.#offsets[buffer]) low = middle + 1;
      else high = middle;
    }
    this.#order.copyWithin(low + 1, low, this.#count++);
    this.#order[low] = buffer;
  }

  /** Calls `visit` with the first and one past the last byte of every placed buffer that meets `buffer`, until it says no. */
  eachThatMeets(buffer: number, visit: (lower: number, upper: number) => boolean): void {
    const [start, end] = [this.#starts[buffer], this.#ends[buffer]];
    for (let index = 0; index < this.#count; index++) {
      const other = this.#order[index];
      if (this.#starts[other] >= end || this.#ends[other] <= start) continue;
      const lower = this.#offsets[other];
      if (!visit(lower, lower + this.#sizes[other])) return;
    }
  }
}
