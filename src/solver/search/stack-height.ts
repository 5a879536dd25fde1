/**
 * The least height of buffers that all lie on top of each other, over all orders.
 *
 *     offset                Each buffer starts at the next multiple of its alignment. A small buffer may lie in the
 *      13 ┤ ▒▒▒▒ 5, by 8    padding below a larger one, so the order matters. The lowest top of a set follows
 *       8 ┤ ┄┄┄┄            from the lowest tops of the sets with one buffer less, because a lower top is never worse
 *       7 ┤ ▒▒▒▒ 2, by 1    for the next buffer.
 *       5 ┤ ▒▒▒▒ 5, by 8
 *       0 ┼─────
 *
 * Invariant: exact; sets are bits of an index, bytes are not.
 */
/* eslint-disable no-bitwise -- sets of at most 14 buffers */
import { alignUp } from '../../units.js';

/** Most buffers of a stack; more would take too long. */
export const MOST_STACKED = 14;

/** Bytes; {@link MOST_STACKED} buffers at most. O(2^n n). */
export function stackHeight(sizes: readonly number[], alignments: readonly number[]): number {
  const setCount = 1 << sizes.length;
  const tops = new Float64Array(setCount).fill(Infinity);
  tops[0] = 0;
  for (let set = 0; set < setCount; set++) {
    for (let i = 0; i < sizes.length; i++) {
      const more = set | (1 << i);
      if (more === set) continue;
      const top = alignUp(tops[set], alignments[i]) + sizes[i];
      if (top < tops[more]) tops[more] = top;
    }
  }
  return tops[setCount - 1];
}
