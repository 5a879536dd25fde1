/**
 * The tag of every byte, as runs of equal tags: the cost of an arena grows with its tensors, not with its bytes.
 *
 *     byte   0        64       128               256        runs: (0, A) (64, B) (128, A) (256, UNWRITTEN)
 *     tag    A A A A A B B B B B A A A A A A A A A · · · ·  write([64, 128, A]) would leave (0, A) (256, UNWRITTEN)
 *
 * Invariant: runs are sorted by start, the first starts at 0, the last never ends, and neighbours differ in tag.
 */

/** The tag of bytes that nobody has written. */
export const UNWRITTEN = -1;

/** Arguments that a call can have without overflowing the stack. */
const MOST_ARGUMENTS = 1000;

export class IntervalMap {
  #starts: number[] = [0];
  #tags: number[] = [UNWRITTEN];

  /**
   * Gives ranges of bytes their tags. `ranges` holds first byte, one past the last and tag of each range, by ascending
   * first bytes. Bytes that two ranges share get the tag of the earlier range. O(runs + ranges).
   */
  write(ranges: readonly number[]): void {
    if (ranges.length === 0) return;
    const first = this.#runAt(ranges[0]);
    const starts: number[] = [];
    const tags: number[] = [];
    const push = (start: number, tag: number): void => {
      const before = tags.length > 0 ? tags[tags.length - 1] : this.#tags[first - 1];
      if (before === tag) return;
      starts.push(start);
      tags.push(tag);
    };
    let run = first;
    let done = this.#starts[first];
    for (let r = 0; r < ranges.length; r += 3) {
      const from = Math.max(done, ranges[r]);
      const to = ranges[r + 1];
      if (from >= to) continue;
      while (done < from) {
        push(done, this.#tags[run]);
        const end = this.#startOf(run + 1);
        done = Math.min(end, from);
        if (end <= from) run++;
      }
      push(from, ranges[r + 2]);
      done = to;
      while (this.#startOf(run + 1) <= to) run++;
    }
    push(done, this.#tags[run]);
    this.#starts = replaced(this.#starts, first, run + 1, starts);
    this.#tags = replaced(this.#tags, first, run + 1, tags);
  }

  /** Calls `visit` for every run within `[from, to)`, cut to it. O(log runs + runs visited). */
  read(from: number, to: number, visit: (from: number, to: number, tag: number) => void): void {
    if (from >= to) return;
    for (let run = this.#runAt(from); this.#starts[run] < to; run++) {
      visit(Math.max(from, this.#starts[run]), Math.min(to, this.#startOf(run + 1)), this.#tags[run]);
    }
  }

  /** The tag that all bytes of `[from, to)` have; `null` if they differ. O(log runs). */
  onlyTag(from: number, to: number): number | null {
    const run = this.#runAt(from);
    return this.#startOf(run + 1) >= to ? this.#tags[run] : null;
  }

  /** First byte of a run; `Infinity` past the last one. */
  #startOf(run: number): number {
    return run < this.#starts.length ? this.#starts[run] : Infinity;
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

/**
 * `values` with `others` in place of `[first, end)`. Changes the array itself, unless `others` are too many for
 * arguments.
 */
function replaced(values: number[], first: number, end: number, others: readonly number[]): number[] {
  if (others.length > MOST_ARGUMENTS) return values.slice(0, first).concat(others, values.slice(end));
  values.splice(first, end - first, ...others);
  return values;
}
