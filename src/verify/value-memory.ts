/**
 * Which values the bytes of each storage hold, if every storage has bytes of its own: the tag of the tensor that wrote
 * them last.
 *
 * Invariant: two tensors of one layout that hold the same values give equal {@link Values}, wherever their storages are.
 */
import type { Tensor } from '../tensor/tensor.js';
import { IntervalMap, UNWRITTEN } from './interval-map.js';
import { forEachSpan } from './spans.js';

/** One tag for all bytes of a tensor; or from, to and tag of each run, with bytes counted from the tensor's first. */
export type Values = number | readonly number[];

export class ValueMemory {
  readonly #storages = new Map<Tensor, IntervalMap>();

  #storageOf({ root }: Tensor): IntervalMap {
    let storage = this.#storages.get(root);
    if (storage === undefined) this.#storages.set(root, (storage = new IntervalMap()));
    return storage;
  }

  write(tensor: Tensor, tag: number): void {
    const ranges: number[] = [];
    forEachSpan(tensor, (from, to) => void ranges.push(from, to, tag));
    this.#storageOf(tensor).write(ranges);
  }

  /** What a tensor holds. O(spans + runs). */
  read(tensor: Tensor): Values {
    const { viewOffset: start, byteLength } = tensor;
    const storage = this.#storageOf(tensor);
    const all = storage.onlyTag(start, start + byteLength);
    if (all !== null) return all;
    const runs: number[] = [];
    forEachSpan(tensor, (first, end) => {
      storage.read(first, end, (from, to, tag) => void runs.push(from - start, to - start, tag));
    });
    const tag = runs[2] ?? UNWRITTEN;
    return runs.every((each, index) => index % 3 !== 2 || each === tag) ? tag : runs;
  }

  /** Gives ranges of a storage's bytes their tags: from, to and tag of each, by ascending first bytes. */
  writeRanges(tensor: Tensor, ranges: readonly number[]): void {
    this.#storageOf(tensor).write(ranges);
  }

  /** The tag of all bytes within `[from, to)` of a tensor's storage; null if they differ. */
  onlyTag(tensor: Tensor, from: number, to: number): number | null {
    return this.#storageOf(tensor).onlyTag(from, to);
  }

  /** Calls `visit` for every run within `[from, to)` of the bytes of a tensor's storage. */
  readRange(tensor: Tensor, from: number, to: number, visit: (from: number, to: number, tag: number) => void): void {
    this.#storageOf(tensor).read(from, to, visit);
  }

  /** Gives a tensor what another of the same layout holds. */
  copy(values: Values, to: Tensor): void {
    if (typeof values === 'number') return this.write(to, values);
    const ranges = values.map((each, index) => (index % 3 === 2 ? each : each + to.viewOffset));
    this.#storageOf(to).write(ranges);
  }
}

/** The first run of `found` that is not as in `expected`, bytes counted from the tensor's first; null if they are equal. */
export function firstDifference(
  expected: Values,
  found: Values,
  byteLength: number,
): { readonly bytes: readonly [number, number]; readonly expected: number; readonly found: number } | null {
  if (typeof expected === 'number' && typeof found === 'number') {
    return expected === found ? null : { bytes: [0, byteLength], expected, found };
  }
  const cuts = [expected, found].map((each) => (typeof each === 'number' ? [0, byteLength, each] : each));
  const [of, is] = cuts;
  for (let a = 0, b = 0; a < of.length && b < is.length;) {
    const [from, to] = [Math.max(of[a], is[b]), Math.min(of[a + 1], is[b + 1])];
    if (from < to && of[a + 2] !== is[b + 2]) return { bytes: [from, to], expected: of[a + 2], found: is[b + 2] };
    if (of[a + 1] === to) a += 3;
    else b += 3;
  }
  return null;
}
