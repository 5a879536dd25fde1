/**
 * What a lower bound takes for granted: it holds for the choices that were made before bytes were placed, not for others.
 *
 * Invariant: each text completes a sentence, from a space on.
 */
import type { Problem } from '../problem/problem.js';

/** Of a graph: its order, and which results overwrite an operand. */
export const IN_PLACE_GIVEN = ' with this order and these in-place choices';

/** Of a problem with fixed offsets. */
export const FIXED_GIVEN = ' with these fixed offsets';

/** Of a problem without a graph. */
export function givenOf({ fixedOffsets }: Pick<Problem, 'fixedOffsets'>): string {
  return fixedOffsets === null ? '' : FIXED_GIVEN;
}
