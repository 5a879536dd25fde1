/**
 * Which bytes are taken when: answers "what is the lowest free offset over these sections?" without listing the
 * buffers that are live there.
 *
 * A binary tree over the sections. Each node has two sets of bytes: those taken somewhere in its sections (`within`),
 * and those that one buffer takes in all of them, but not in all of its parent's (`across`).
 *
 *     sections  0   1   2   3         a buffer over sections 1 to 3 is `across` in the nodes [1] and [2 3], and
 *             [0]  [1] [2] [3]        `within` in those two and in their ancestors [0 1] and [0 1 2 3].
 *             [0    1] [2   3]        The bytes taken over sections 0 and 1 are those `within` [0 1] and those
 *             [0    1   2   3]        `across` its ancestor.
 *
 * Invariant: O(log sections) sets change with a buffer and O(log sections) are read for a query. A query walks up all
 * its sets together, from one obstacle to the next, so its cost is the number of obstacles below the answer. Touching
 * intervals are merged, so there are few obstacles in a good placement.
 */
/* eslint-disable no-bitwise -- numbers of nodes and slots, never bytes */
import { grown } from '../../columns.js';
import { alignUp } from '../../units.js';
import { IntervalSets } from './interval-sets.js';

export class Occupancy {
  /** Sets read and intervals met so far: the work, the same on every machine. */
  work = 0;
  readonly #leafCount: number;
  /** Set `2 * node` holds what is within a node, set `2 * node + 1` what is across it. */
  readonly #sets: IntervalSets;

  // The sets of the current query: slots `cursors[i]` to `lasts[i]` (exclusive), and the bytes `[lowers[i], uppers[i])`
  // of the buffer that must stay out of them.
  #listCount = 0;
  #cursors = new Int32Array(256);
  #lasts = new Int32Array(256);
  #lowers = new Float64Array(256);
  #uppers = new Float64Array(256);

  constructor(sectionCount: number) {
    this.#leafCount = 2 ** Math.ceil(Math.log2(Math.max(1, sectionCount)));
    this.#sets = new IntervalSets(4 * this.#leafCount);
  }

  /** Frees everything. */
  clear(): void {
    this.#sets.clear();
  }

  /** Takes the bytes `[low, high)` over sections `[start, end)`. */
  take(start: number, end: number, low: number, high: number): void {
    const sets = this.#sets;
    let left = start + this.#leafCount;
    let right = end + this.#leafCount;
    let outerLeft = left;
    let outerRight = right - 1;
    // `left` and `right` delimit the nodes that lie inside and are not yet covered, as in any bottom-up segment tree;
    // `outerLeft` and `outerRight` are the ancestors of the outermost leaves.
    for (; left < right; left >>>= 1, right >>>= 1) {
      if (left & 1) this.#cover(left++, low, high);
      if (right & 1) this.#cover(--right, low, high);
    }
    let width = 1;
    for (; outerLeft >= 1; outerLeft >>>= 1, outerRight >>>= 1, width *= 2) {
      this.work++;
      if (!this.#isInside(outerLeft, width, start, end)) sets.add(2 * outerLeft, low, high);
      if (outerRight !== outerLeft && !this.#isInside(outerRight, width, start, end))
        sets.add(2 * outerRight, low, high);
    }
  }

  #cover(node: number, low: number, high: number): void {
    this.work += 2;
    this.#sets.add(2 * node, low, high);
    if (node < this.#leafCount) this.#sets.add(2 * node + 1, low, high);
  }

  #isInside(node: number, width: number, start: number, end: number): boolean {
    const first = node * width - this.#leafCount;
    return start <= first && first + width <= end;
  }

  /** Starts a query. */
  ask(): void {
    this.#listCount = 0;
  }

  /** Adds to the query: over sections `[start, end)` the buffer needs its bytes `[lower, upper)`. */
  need(start: number, end: number, lower: number, upper: number): void {
    let left = start + this.#leafCount;
    let right = end + this.#leafCount;
    let outerLeft = left;
    let outerRight = right - 1;
    for (; left < right; left >>>= 1, right >>>= 1) {
      if (left & 1) this.#read(2 * left++, lower, upper);
      if (right & 1) this.#read(2 * --right, lower, upper);
    }
    let width = 1;
    for (; outerLeft >= 1; outerLeft >>>= 1, outerRight >>>= 1, width *= 2) {
      if (!this.#isInside(outerLeft, width, start, end)) this.#read(2 * outerLeft + 1, lower, upper);
      if (outerRight !== outerLeft && !this.#isInside(outerRight, width, start, end)) {
        this.#read(2 * outerRight + 1, lower, upper);
      }
    }
  }

  #read(set: number, lower: number, upper: number): void {
    const count = this.#sets.counts[set];
    if (count === 0) return;
    const i = this.#listCount++;
    if (i === this.#cursors.length) this.#growLists();
    this.#cursors[i] = this.#sets.first[set];
    this.#lasts[i] = this.#sets.first[set] + count;
    this.#lowers[i] = lower;
    this.#uppers[i] = upper;
  }

  /** The lowest offset of at least `from`, a multiple of `alignment`, that keeps the buffer off all taken bytes. */
  lowest(alignment: number, from: number): number {
    const listCount = this.#listCount;
    const cursors = this.#cursors;
    const lasts = this.#lasts;
    const { lows, highs } = this.#sets;
    let offset = alignUp(from, alignment);
    let work = listCount;
    // Go round the lists until every list agrees with the offset.
    for (let i = 0, agreeing = 0; agreeing < listCount; i = i + 1 === listCount ? 0 : i + 1) {
      const last = lasts[i];
      const lower = this.#lowers[i];
      const upper = this.#uppers[i];
      let cursor = cursors[i];
      agreeing++;
      for (;;) {
        if (cursor < last && highs[cursor] - lower <= offset) cursor = skip(highs, cursor + 1, last, offset + lower);
        work++;
        if (cursor === last || lows[cursor] >= offset + upper) break;
        const end = highs[cursor++] - lower;
        offset = alignment === 1 ? end : alignUp(end, alignment);
        agreeing = 1;
      }
      cursors[i] = cursor;
    }
    this.work += work;
    return offset;
  }

  #growLists(): void {
    this.#cursors = grown(this.#cursors);
    this.#lasts = grown(this.#lasts);
    this.#lowers = grown(this.#lowers);
    this.#uppers = grown(this.#uppers);
  }
}

/** The first of the slots `from` to `last` (exclusive) whose interval ends above `bytes`; `last` if none does. */
function skip(highs: Float64Array, from: number, last: number, bytes: number): number {
  let low = from;
  let stride = 1;
  while (low + stride - 1 < last && highs[low + stride - 1] <= bytes) {
    low += stride;
    stride *= 2;
  }
  for (let high = Math.min(last, low + stride - 1); low < high;) {
    const middle = (low + high) >>> 1;
    if (highs[middle] <= bytes) low = middle + 1;
    else high = middle;
  }
  return low;
}
