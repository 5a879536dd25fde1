/**
 * Places a problem that came without a graph.
 */
import { placementSize, type Placement } from '../alloc/allocator.js';
import { ALLOCATORS, type AllocatorName } from '../alloc/allocators.js';
import { solve } from '../alloc/solve.js';
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
  /** Bytes that are live at once: where `lowerBound` is more, an exhausted search has proven it. */
  readonly load: number;
  readonly optimal: boolean;
  /** Whether a search for `--capacity` ended before it was known if anything fits. */
  readonly isUndecided: boolean;
}

/**
 * As small as the allocator gets it; if that is too large for `--capacity`, the default one is given time to search.
 *
 * @throws CliError, PlannerError `OVERSIZE`, `FIXED_OVERLAP`
 */
export function placeProblem(problem: Problem, flags: Flags): PlacedProblem {
  const { allocator = 'auto', capacity = Infinity, maxChunkSize, maxSteps, timeLimitMs } = flags;
  if (allocator === 'ggml' && problem.fixedOffsets !== null) {
    throw new CliError('the column "offset" fixes offsets, which the allocator ggml cannot keep; name another one');
  }
  const placed = valueOf(problem, allocator, ALLOCATORS[allocator].place(problem, { maxChunkSize }));
  const isDecided = placed.bufferSize <= capacity || placed.lowerBound > capacity;
  if (allocator !== 'auto' || isDecided) return placed;
  const found = valueOf(problem, allocator, solve(problem, { capacity, maxChunkSize, maxSteps, timeLimitMs }));
  const isUndecided = found.bufferSize > capacity && found.lowerBound <= capacity;
  return { ...(found.bufferSize < placed.bufferSize ? found : placed), lowerBound: found.lowerBound, isUndecided };
}

function valueOf(problem: Problem, allocator: AllocatorName, placement: Placement): PlacedProblem {
  const bufferSize = placementSize(placement);
  const load = liveLoad(problem).bytes;
  const lowerBound = Math.max(load, placement.lowerBound ?? 0);
  const optimal = bufferSize === lowerBound;
  return { placement, allocator, bufferSize, lowerBound, load, optimal, isUndecided: false };
}
