/**
 * The error of the allocator ggml for fixed offsets.
 */
import { PlannerError } from '../errors.js';
import type { Problem } from '../problem/problem.js';

/**
 * Refuses fixed offsets: the allocator ggml takes the block that fits best, so no offset can be chosen beforehand.
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
