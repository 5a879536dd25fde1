/**
 * Accesses by the bytes that they touch: which earlier accesses does a later access meet?
 *
 * A binary tree over the ranges between all first and last bytes, storage after storage. An access is kept at the
 * fewest nodes that make up its bytes, so most of the others are never looked at:
 *
 *     bytes   0    16    32    48    64      a write to [0, 32) is kept at one node, a read of [16, 64) at two.
 *             [0 16][16 32][32 48][48 64]
 *             [0        32][32        64]
 *             [0                      64]
 *
 * Invariant: accesses are numbered in the order in which they are added. An access is no longer found through bytes
 * that a later write covers: every access that meets it there meets that write as well.
 */
import type { Region } from './regions.js';

/** The fields of an access that matter here. */
interface Touch {
  /** Number of the storage, from 0. */
  readonly storage: number;
  readonly region: Region;
  readonly isWrite: boolean;
}

const NONE = -1;
const [WRITE, READ] = [0, 1] as const;

export class Touches {
  readonly #accesses: readonly Touch[];
  /** The ranges of access `a`: `#ranges[2 * a]` to `#ranges[2 * a + 1]` (exclusive). */
  readonly #ranges: Int32Array;
  readonly #leafCount: number;
  /** The newest access kept at a node, at `2 * node` for writes and `2 * node + 1` for reads; an index of `#kept`. */
  readonly #heads: Int32Array;
  /** By node, the newest access kept at or below it: of any kind, and writes alone. */
  readonly #newest: Int32Array;
  readonly #newestWrite: Int32Array;
  /** By node, the newest write kept there that overwrites every byte of the node's range. */
  readonly #covers: Int32Array;
  /** Lists of accesses, each entry followed by the next older one of its node. */
  readonly #kept: number[] = [];
  readonly #older: number[] = [];
  /** The last query that found each access. */
  readonly #foundBy: Int32Array;

  // The query under way: `#query` asks for what meets the ranges `#low` to `#high` (exclusive).
  #query = NONE;
  #low = 0;
  #high = 0;
  #found: number[] = [];

  /** @param accesses all that will ever be added, in order */
  constructor(accesses: readonly Touch[], storageCount: number) {
    const { ranges, rangeCount } = rangesOf(accesses, storageCount);
    this.#accesses = accesses;
    this.#ranges = ranges;
    this.#leafCount = 2 ** Math.ceil(Math.log2(Math.max(1, rangeCount)));
    const nodeCount = 2 * this.#leafCount;
    this.#heads = new Int32Array(2 * nodeCount).fill(NONE);
    this.#newest = new Int32Array(nodeCount).fill(NONE);
    this.#newestWrite = new Int32Array(nodeCount).fill(NONE);
    this.#covers = new Int32Array(nodeCount).fill(NONE);
    this.#foundBy = new Int32Array(accesses.length).fill(NONE);
  }

  /**
   * Adds access `index`, and returns the earlier accesses whose bytes from first to last meet its own, in order:
   * writes, and also reads if access `index` is a write. O(log n) for each of them.
   */
  add(index: number): readonly number[] {
    this.#query = index;
    this.#low = this.#ranges[2 * index];
    this.#high = this.#ranges[2 * index + 1];
    this.#found = [];
    if (this.#low < this.#high) {
      this.#visit(1, 0, this.#leafCount, NONE);
      this.#keep(1, 0, this.#leafCount);
    }
    return this.#found.sort((a, b) => a - b);
  }

  /**
   * Finds the accesses kept at or below `node`, which spans `width` ranges from `first`, that are newer than `covered`.
   * Returns the oldest of the writes that cover the query's ranges here.
   */
  #visit(node: number, first: number, width: number, covered: number): number {
    const { isWrite } = this.#accesses[this.#query];
    const newest = isWrite ? this.#newest : this.#newestWrite;
    if (first >= this.#high || first + width <= this.#low) return Infinity;
    if (newest[node] <= covered) return covered;
    let cover = Math.max(covered, this.#covers[node]);
    if (width > 1) {
      const half = width / 2;
      cover = Math.min(this.#visit(2 * node, first, half, cover), this.#visit(2 * node + 1, first + half, half, cover));
    }
    this.#collect(2 * node + WRITE, cover);
    if (isWrite) this.#collect(2 * node + READ, cover);
    return cover;
  }

  /** Adds the accesses of one list to `#found`, back to access `oldest`, inclusive. */
  #collect(list: number, oldest: number): void {
    for (let entry = this.#heads[list]; entry !== NONE && this.#kept[entry] >= oldest; entry = this.#older[entry]) {
      const index = this.#kept[entry];
      if (this.#foundBy[index] === this.#query) continue;
      this.#foundBy[index] = this.#query;
      this.#found.push(index);
    }
  }

  #keep(node: number, first: number, width: number): void {
    if (first >= this.#high || first + width <= this.#low) return;
    const { isWrite, region } = this.#accesses[this.#query];
    this.#newest[node] = this.#query;
    if (isWrite) this.#newestWrite[node] = this.#query;
    if (this.#low > first || first + width > this.#high) {
      this.#keep(2 * node, first, width / 2);
      this.#keep(2 * node + 1, first + width / 2, width / 2);
      return;
    }
    const list = 2 * node + (isWrite ? WRITE : READ);
    this.#older.push(this.#heads[list]);
    this.#heads[list] = this.#kept.push(this.#query) - 1;
    if (isWrite && region.isDense) this.#covers[node] = this.#query;
  }
}

/** Numbers the ranges between all bounds, storage after storage, and says which of them each access has. O(n log n). */
function rangesOf(accesses: readonly Touch[], storageCount: number): { ranges: Int32Array; rangeCount: number } {
  const first = new Int32Array(storageCount + 1);
  for (const { storage } of accesses) first[storage + 1] += 2;
  for (let s = 0; s < storageCount; s++) first[s + 1] += first[s];
  const bounds = new Float64Array(2 * accesses.length);
  const next = first.slice();
  for (const { storage, region } of accesses) {
    bounds[next[storage]++] = region.start;
    bounds[next[storage]++] = region.end;
  }
  // The bounds of a storage are sorted, each kept once, and numbered on from the bounds of the storage before.
  const counts = new Int32Array(storageCount);
  const ranks = new Int32Array(storageCount);
  let rangeCount = 0;
  for (let s = 0; s < storageCount; s++) {
    const own = bounds.subarray(first[s], first[s + 1]).sort();
    for (const bound of own) if (counts[s] === 0 || own[counts[s] - 1] !== bound) own[counts[s]++] = bound;
    ranks[s] = rangeCount;
    rangeCount += counts[s];
  }
  const ranges = new Int32Array(2 * accesses.length);
  accesses.forEach(({ storage, region }, index) => {
    const [from, to] = [first[storage], first[storage] + counts[storage]];
    const offset = ranks[storage] - from;
    ranges[2 * index] = positionOf(region.start, bounds, from, to) + offset;
    ranges[2 * index + 1] = positionOf(region.end, bounds, from, to) + offset;
  });
  return { ranges, rangeCount };
}

/** Index of `bound` in the sorted part of `bounds` from `low` to `high` (exclusive), which contains it. */
function positionOf(bound: number, bounds: Float64Array, low: number, high: number): number {
  let last = high - 1;
  while (low < last) {
    const middle = Math.floor((low + last) / 2);
    if (bounds[middle] < bound) low = middle + 1;
    else last = middle;
  }
  return low;
}
