/**
 * Bytes and the tag that each carries, as runs of equal tags: a 300 MB arena costs as much as it has tensors.
 *
 *     byte   0        64       128               256        runs: (0, A) (64, B) (128, A) (256, UNWRITTEN)
 *     tag    A A A A A B B B B B A A A A A A A A A · · · ·  write(64, 128, A) would leave (0, A) (256, UNWRITTEN)
 *
 * Invariant: runs are sorted by start, the first starts at 0, the last never ends, and neighbours differ in tag.
 */

/** The tag of bytes that nobody has written. */
export const UNWRITTEN = -1;

export class IntervalMap {
  readonly #starts: number[] = [0];
  readonly #tags: number[] = [UNWRITTEN];

  /** Gives the bytes `[from, to)` a tag. O(runs). */
  write(from: number, to: number, tag: number): void {
    if (from >= to) return;
    const first = this.#runAt(from);
    const last = this.#runAt(to);
    const starts: number[] = [];
    const tags: number[] = [];
    const push = (start: number, runTag: number): void => {
      const before = tags.length > 0 ? tags[tags.length - 1] : this.#tags[first - 1];
      if (before === runTag) return;
      starts.push(start);
      tags.push(runTag);
    };
    if (this.#starts[first] < from) push(this.#starts[first], this.#tags[first]);
    push(from, tag);
    push(to, this.#tags[last]);
    this.#starts.splice(first, last - first + 1, ...starts);
    this.#tags.splice(first, last - first + 1, ...tags);
  }

  /** Calls `visit` for every run within `[from, to)`, cut to it. O(log runs + runs visited). */
  read(from: number, to: number, visit: (from: number, to: number, tag: number) => void): void {
    if (from >= to) return;
    for (let run = this.#runAt(from); this.#starts[run] < to; run++) {
      const end = run + 1 < this.#starts.length ? this.#starts[run + 1] : Infinity;
      visit(Math.max(from, this.#starts[run]), Math.min(to, end), this.#tags[run]);
    }
  }

  /** The tag that all bytes of `[from, to)` have; `null` if they differ. O(log runs). */
  onlyTag(from: number, to: number): number | null {
    const run = this.#runAt(from);
    const isAll = run + 1 === this.#starts.length || this.#starts[run + 1] >= to;
    return isAll ? this.#tags[run] : null;
  }

  /** The last run that starts at or before `byte`. */
  #runAt(byte: number): number {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.#starts[middle] <= byte) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
