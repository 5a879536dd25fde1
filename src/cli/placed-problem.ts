/**
 * Places a problem that came without a graph.
 */
import { placementSize, type Placement } from '../solver/allocator.js';
import { ALLOCATORS, type AllocatorName } from '../solver/allocators.js';
import { solveAsync } from '../solver/search/solve.js';
import type { SolveOptions } from '../solver/search/solution.js';
import { liveLoad } from '../problem/lower-bound.js';
import type { Problem } from '../problem/problem.js';
import { CliError } from './cli-error.js';
import type { Flags } from './flags.js';
import type { Terminal } from './terminal.js';

/** A placement and what it is worth. Sizes in bytes. */
export interface PlacedProblem {
  readonly placement: Placement;
  readonly allocator: AllocatorName;
  readonly bufferSize: number;
  readonly lowerBound: number;
  /** Bytes that are live at once: where `lowerBound` is more, something else has proven it. */
  readonly load: number;
  readonly isOptimal: boolean;
}

/**
 * As small as the allocator gets it.
 *
 * @throws CliError, PlannerError `OVERSIZE`, `FIXED_OVERLAP`
 */
export function placeProblem(problem: Problem, { allocator = 'auto', maxChunkSize }: Flags): PlacedProblem {
  if (allocator === 'ggml' && problem.fixedOffsets !== null) {
    throw new CliError('the column "offset" fixes offsets, which the allocator ggml cannot keep; name another one');
  }
  return valueOf(problem, allocator, ALLOCATORS[allocator].place(problem, { maxChunkSize }));
}

/** What a search was for, and what ended it before it knew; `null`: it is known, or was not looked for. */
export type Undecided = 'effort' | 'time' | 'abort' | null;

/**
 * As small as the allocator gets it; if that is too large for `--capacity`, or a limit for a search is named, the default
 * allocator goes on searching.
 *
 * @throws CliError, PlannerError `OVERSIZE`, `FIXED_OVERLAP`
 */
export async function searchProblem(
  problem: Problem,
  flags: Flags,
  { untilInterrupted }: Pick<Terminal, 'untilInterrupted'>,
  onProgress: SolveOptions['onProgress'],
): Promise<PlacedProblem & { readonly undecided: Undecided }> {
  const { allocator = 'auto', capacity, maxChunkSize, timeLimitMs } = flags;
  const { maxEffort = timeLimitMs === undefined ? undefined : Infinity } = flags;
  const placed = placeProblem(problem, flags);
  const isOpen =
    capacity === undefined
      ? maxEffort !== undefined && !placed.isOptimal
      : placed.bufferSize > capacity && placed.lowerBound <= capacity;
  if (allocator !== 'auto' || !isOpen) return { ...placed, undecided: null };
  // Only here can it be interrupted with a result; before that, Ctrl-C ends the process as it always does.
  const solution = await untilInterrupted((signal) =>
    solveAsync(problem, { capacity, maxChunkSize, maxEffort, timeLimitMs, signal, onProgress }),
  );
  const { stopped, lowerBound } = solution;
  const found = valueOf(problem, allocator, solution);
  const better = found.bufferSize < placed.bufferSize ? found : placed;
  return {
    ...better,
    lowerBound,
    isOptimal: better.bufferSize === lowerBound,
    undecided: stopped === 'done' ? null : stopped,
  };
}

function valueOf(problem: Problem, allocator: AllocatorName, placement: Placement): PlacedProblem {
  const bufferSize = placementSize(placement);
  const load = liveLoad(problem).bytes;
  const lowerBound = Math.max(load, placement.lowerBound ?? 0);
  return { placement, allocator, bufferSize, lowerBound, load, isOptimal: bufferSize === lowerBound };
}
