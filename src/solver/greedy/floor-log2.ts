/**
 * Exact logarithms of byte counts, the same on every machine; `Math.log2` may round.
 */

/** The largest k with `2^k <= value`, for an integer value from 1 to 2^53 - 1. */
export function floorLog2(value: number): number {
  const high = Math.floor(value / 2 ** 32);
  return high > 0 ? 63 - Math.clz32(high) : 31 - Math.clz32(value);
}
