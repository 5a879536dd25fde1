/**
 * The largest of many sizes that fits, when what is needed grows with the size but for small irregularities.
 *
 * llama.cpp's allocator may need less for a larger graph, so a binary search on what it needs can miss the largest size
 * that fits. The live bytes do grow, and are never more than what is needed:
 *
 *     needed       ·  ·  ·  ×  ·  ×  ×  ×        · fits, × does not
 *     lower bound  ·  ·  ·  ·  ·  ·  ×  ×        binary search: nothing from the first × on can fit
 *                                 ◄──┘           then down, one by one, to the first that does
 *
 * Invariant: what is returned fits. `proven` says that everything larger was ruled out, one way or the other.
 */

/** What a size needs, in bytes; `lowerBound` grows with the size. */
export interface Need {
  readonly total: number;
  readonly lowerBound: number;
}

export interface LargestFitting<N extends Need> {
  /** 1 to `count`; 0 if none fits. */
  readonly index: number;
  readonly need: N | null;
  /** Whether nothing larger fits for sure. */
  readonly proven: boolean;
}

/**
 * So many sizes are tried one by one before a binary search takes over. With a batch of 8192 tokens, the buffer of
 * DeepSeek-V2-Lite has room for its lower bound 241 steps further.
 */
const SCAN_LENGTH = 512;

/**
 * @param count sizes 1 to `count` are looked at
 * @param start where to begin: the closer to the answer, the fewer sizes are tried
 * @param needOf what a size needs; null if more than fits, for sure
 */
export function largestFitting<N extends Need>(
  count: number,
  start: number,
  budget: number,
  needOf: (index: number) => N | null,
): LargestFitting<N> {
  const known = new Map<number, N | null>();
  const need = (index: number): N | null => {
    let found = known.get(index);
    if (found === undefined) known.set(index, (found = needOf(index)));
    return found;
  };
  const at = (index: number, proven: boolean): LargestFitting<N> => {
    return { index, need: index === 0 ? null : need(index), proven };
  };
  const fits = (index: number): boolean => (need(index)?.total ?? Infinity) <= budget;

  const last = lastThat(count, start, (index) => (need(index)?.lowerBound ?? Infinity) <= budget);
  const unscanned = Math.max(0, last - SCAN_LENGTH);
  for (let index = last; index > unscanned; index--) if (fits(index)) return at(index, true);
  return unscanned === 0 ? at(0, true) : at(lastThat(unscanned, unscanned, fits), false);
}

/**
 * The last of 1 to `count` for which `holds`, if it does so up to there and not beyond; 0 if it never does. Doubles from
 * `start`, then halves the interval.
 */
function lastThat(count: number, start: number, holds: (index: number) => boolean): number {
  let low = 0;
  let high = count + 1;
  for (let index = Math.max(1, Math.min(start, count)); index < high; index = Math.min(index * 2, count)) {
    if (holds(index)) low = index;
    else high = index;
    if (low === count) return count;
  }
  while (high - low > 1) {
    const middle = low + Math.floor((high - low) / 2);
    if (holds(middle)) low = middle;
    else high = middle;
  }
  return low;
}
