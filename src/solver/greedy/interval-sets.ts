/**
 * Many sorted sets of disjoint intervals of bytes in one pool of memory.
 *
 * Invariant: the intervals of a set ascend and never touch: what touches is merged, so a tight stack of buffers is one
 * interval. A set occupies a block of 2^k slots of the pool; a block that a set outgrew is used again.
 */
import { grown } from '../../columns.js';

export class IntervalSets {
  /** First slot of each set. */
  readonly first: Int32Array;
  /** Number of intervals of each set. */
  readonly counts: Int32Array;
  /** Bytes, inclusive, by slot. */
  lows = new Float64Array(1024);
  /** Bytes, exclusive, by slot. */
  highs = new Float64Array(1024);
  /** 1 + log2 of the slots of each set; 0: none yet. */
  readonly #room: Uint8Array;
  /** Heads of the lists of unused blocks by size; a block's first `lows` names the next one. -1 ends a list. */
  readonly #unused = new Int32Array(32).fill(-1);
  #top = 0;

  constructor(setCount: number) {
    this.first = new Int32Array(setCount);
    this.counts = new Int32Array(setCount);
    this.#room = new Uint8Array(setCount);
  }

  /** Empties all sets and keeps the memory. */
  clear(): void {
    this.counts.fill(0);
    this.#room.fill(0);
    this.#unused.fill(-1);
    this.#top = 0;
  }

  /** Adds the bytes `[low, high)` to a set. O(log count + count moved). */
  add(set: number, low: number, high: number): void {
    const count = this.counts[set];
    const begin = this.first[set];
    const { lows, highs } = this;
    let left = begin;
    for (let right = begin + count; left < right;) {
      const middle = Math.floor((left + right) / 2);
      if (highs[middle] < low) left = middle + 1;
      else right = middle;
    }
    const end = begin + count;
    if (left === end || lows[left] > high) return this.#insert(set, left - begin, low, high);
    if (lows[left] > low) lows[left] = low;
    if (highs[left] >= high) return;
    let after = left + 1;
    while (after < end && lows[after] <= high) after++;
    highs[left] = Math.max(highs[after - 1], high);
    if (after === left + 1) return;
    lows.copyWithin(left + 1, after, end);
    highs.copyWithin(left + 1, after, end);
    this.counts[set] = count - (after - left - 1);
  }

  #insert(set: number, index: number, low: number, high: number): void {
    const count = this.counts[set]++;
    const room = this.#room[set];
    if (room === 0 || count === 2 ** (room - 1)) this.#grow(set, count);
    const { lows, highs } = this;
    const at = this.first[set] + index;
    const end = this.first[set] + count;
    if (count - index < 16) {
      for (let i = end; i > at; i--) {
        lows[i] = lows[i - 1];
        highs[i] = highs[i - 1];
      }
    } else {
      lows.copyWithin(at + 1, at, end);
      highs.copyWithin(at + 1, at, end);
    }
    lows[at] = low;
    highs[at] = high;
  }

  /** Moves a full set to a block twice as large. */
  #grow(set: number, count: number): void {
    const room = this.#room[set];
    const from = this.first[set];
    const to = this.#takeBlock(room);
    const { lows, highs } = this;
    lows.copyWithin(to, from, from + count);
    highs.copyWithin(to, from, from + count);
    if (room > 0) {
      lows[from] = this.#unused[room - 1];
      this.#unused[room - 1] = from;
    }
    this.first[set] = to;
    this.#room[set] = room + 1;
  }

  #takeBlock(sizeLog2: number): number {
    const unused = this.#unused[sizeLog2];
    if (unused !== -1) {
      this.#unused[sizeLog2] = this.lows[unused];
      return unused;
    }
    const block = this.#top;
    this.#top += 2 ** sizeLog2;
    if (this.#top > this.lows.length) {
      const longer = Math.max(this.#top, Math.ceil(this.lows.length * 1.5));
      this.lows = grown(this.lows, longer);
      this.highs = grown(this.highs, longer);
    }
    return block;
  }
}
