/**
 * How high buffers must at least reach that all lie on top of each other, in the best of all orders.
 *
 *     offset                Whoever comes next starts at the next multiple of its alignment, so a small buffer may lie
 *      13 ┤ ▒▒▒▒ 5, by 8    in the padding below a larger one, or not, and the order matters. For every set of buffers
 *       8 ┤ ┄┄┄┄            the lowest top is known from those of the sets with one buffer less: a lower top is never
 *       7 ┤ ▒▒▒▒ 2, by 1    worse for what comes on top of it.
 *       5 ┤ ▒▒▒▒ 5, by 8
 *       0 ┼─────
 *
 * Invariant: exact; sets are bits of an index, bytes are not.
 */
/* eslint-disable no-bitwise -- sets of at most 14 buffers */
import { alignUp } from '../../units.js';

/** With more than this, it would take too long. */
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
