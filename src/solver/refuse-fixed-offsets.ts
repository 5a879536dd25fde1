/**
 * What the allocator ggml says to a problem whose offsets are fixed.
 */
import { PlannerError } from '../errors.js';
import type { Problem } from '../problem/problem.js';

/**
 * An online allocator takes the block that fits best: it has no say in the offset, and the problem none either.
 *
 * @throws PlannerError `BAD_ARGUMENT`
 */
export function refuseFixedOffsets({ fixedOffsets }: Problem): void {
  const fixed = fixedOffsets?.findIndex((offset) => !Number.isNaN(offset)) ?? -1;
  if (fixed === -1) return;
  const offset = fixedOffsets![fixed];
  throw new PlannerError('BAD_ARGUMENT', {
    message: `The allocator ggml cannot keep buffer ${fixed} at its fixed offset ${offset}.`,
    culprit: `buffer ${fixed}`,
    value: offset,
    limit: 'without a fixed offset for the allocator ggml',
    remedy: 'Name another allocator: all others keep fixed offsets.',
  });
}
