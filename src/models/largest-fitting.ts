/**
 * The largest of many sizes that fits, where the bytes needed grow with the size except for small irregularities.
 *
 * llama.cpp's allocator may need less for a larger graph, so a binary search on the needed bytes can miss the largest
 * size that fits. The live bytes always grow, and never exceed the needed bytes:
 *
 *     needed       ·  ·  ·  ×  ·  ×  ×  ×        · fits, × does not
 *     lower bound  ·  ·  ·  ·  ·  ·  ×  ×        binary search: nothing from the first × on can fit
 *                                 ◄──┘           then down, one by one, to the first that does
 *
 * Invariant: the returned size fits. `isProven` says that every larger size was ruled out.
 */

/** The bytes that a size needs; `lowerBound` grows with the size. */
export interface Need {
  readonly total: number;
  readonly lowerBound: number;
}

export interface LargestFitting<N extends Need> {
  /** 1 to `count`; 0 if none fits. */
  readonly index: number;
  readonly need: N | null;
  /** Whether it is certain that no larger size fits. */
  readonly isProven: boolean;
}

/**
 * Sizes that are tried one by one before a binary search takes over. With a batch of 8192 tokens, the largest size of
 * DeepSeek-V2-Lite that fits by its lower bound is 241 sizes above the largest that really fits.
 */
const SCAN_LENGTH = 512;

/**
 * @param count the largest size that may be tried
 * @param start where to begin: the closer to the answer, the fewer sizes are tried
 * @param needOf the bytes that a size needs; null if they certainly do not fit
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
  const at = (index: number, isProven: boolean): LargestFitting<N> => {
    return { index, need: index === 0 ? null : need(index), isProven };
  };
  const fits = (index: number): boolean => (need(index)?.total ?? Infinity) <= budget;

  const last = lastThat(count, start, (index) => (need(index)?.lowerBound ?? Infinity) <= budget);
  const unscanned = Math.max(0, last - SCAN_LENGTH);
  for (let index = last; index > unscanned; index--) if (fits(index)) return at(index, true);
  return unscanned === 0 ? at(0, true) : at(lastThat(unscanned, unscanned, fits), false);
}

/**
 * The last index from 1 to `count` for which `holds` is true; 0 if there is none. `holds` must be true up to that index
 * and false beyond. Doubles from `start`, then halves the interval.
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
