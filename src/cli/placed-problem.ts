/**
 * Places a problem that came without a graph.
 */
import { placementSize, type Placement } from '../alloc/allocator.js';
import { ALLOCATORS, type AllocatorName } from '../alloc/allocators.js';
import { solve, type Solution } from '../alloc/solve.js';
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

/** What a search for the capacity has come to, where there was one. */
export type Decision = Pick<Solution, 'status' | 'certificate' | 'steps'>;

/**
 * As small as the allocator gets it; if that is too large for `--capacity`, the default one is given time to search.
 *
 * @throws CliError, PlannerError `OVERSIZE`, `FIXED_OVERLAP`
 */
export function placeProblem(problem: Problem, flags: Flags): PlacedProblem & { readonly decision?: Decision } {
  const { allocator = 'auto', capacity = Infinity, maxChunkSize, maxSteps, timeLimitMs } = flags;
  if (allocator === 'ggml' && problem.fixedOffsets !== null) {
    throw new CliError('the column "offset" fixes offsets, which the allocator ggml cannot keep; name another one');
  }
  const placed = valueOf(problem, allocator, ALLOCATORS[allocator].place(problem, { maxChunkSize }));
  if (allocator !== 'auto' || placed.bufferSize <= capacity) return placed;
  const solution = solve(problem, { capacity, maxChunkSize, maxSteps, timeLimitMs });
  const found = valueOf(problem, allocator, solution);
  return {
    ...(found.bufferSize < placed.bufferSize ? found : placed),
    lowerBound: found.lowerBound,
    decision: solution,
  };
}

function valueOf(problem: Problem, allocator: AllocatorName, placement: Placement): PlacedProblem {
  const bufferSize = placementSize(placement);
  const lowerBound = Math.max(liveLoad(problem).bytes, placement.lowerBound ?? 0);
  return { placement, allocator, bufferSize, lowerBound, optimal: bufferSize === lowerBound };
}
