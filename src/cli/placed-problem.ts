/**
 * Places a problem that came without a graph.
 */
import { placementSize, type Placement } from '../alloc/allocator.js';
import { ALLOCATORS, type AllocatorName } from '../alloc/allocators.js';
import { liveLoad } from '../problem/lower-bound.js';
import type { Problem } from '../problem/problem.js';
import { CliError } from './failure.js';
import type { Flags } from './flags.js';

/** A placement and what it is worth. Sizes in bytes. */
export interface PlacedProblem {
  readonly placement: Placement;
  readonly allocator: AllocatorName;
  readonly bufferSize: number;
  readonly lowerBound: number;
  readonly optimal: boolean;
}

/** @throws CliError, PlannerError `OVERSIZE`, `FIXED_OVERLAP` */
export function placeProblem(problem: Problem, { allocator = 'auto', maxChunkSize }: Flags): PlacedProblem {
  if (allocator === 'ggml' && problem.fixedOffsets !== null) {
    throw new CliError('the column "offset" fixes offsets, which the allocator ggml cannot keep; name another one');
  }
  const placement = ALLOCATORS[allocator].place(problem, { maxChunkSize });
  const bufferSize = placementSize(placement);
  const lowerBound = Math.max(liveLoad(problem).bytes, placement.lowerBound ?? 0);
  return { placement, allocator, bufferSize, lowerBound, optimal: bufferSize === lowerBound };
}
