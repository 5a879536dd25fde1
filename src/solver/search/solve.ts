/**
 * Places the buffers of a problem as low as a budget allows, with a proof if possible: synchronously, or in turns with
 * other work.
 */
import { checkArgument, checkOptions } from '../../errors.js';
import { checkProblem } from '../../problem/check-problem.js';
import type { Problem } from '../../problem/problem.js';
import { SOLVE_OPTIONS, type Solution, type SolveOptions } from './solution.js';
import { Solver } from './solver.js';

/**
 * Minimises the peak, or decides a capacity.
 *
 * With `maxChunkSize` it minimises the sum of all chunks. For up to ten buffers it tries every split into chunks; for
 * more, only the splits that orders of placement lead to. Buffers with a fixed offset share the first chunk.
 *
 * @throws PlannerError `OVERSIZE`, `FIXED_OVERLAP`, `BAD_ARGUMENT`.
 */
export function solve(problem: Problem, options: SolveOptions = {}): Solution {
  const search = begin(problem, options);
  for (;;) {
    const { done, value } = search.next();
    if (done) return value;
  }
}

/** Milliseconds between two turns of other work. */
const TURN_MS = 20;

/**
 * The same as {@link solve}, but other work of the thread gets a turn every 20 ms or so: a page stays alive, a timer
 * fires, `options.signal` can be aborted. The result is the same unless a limit of time or the signal ends the search.
 *
 * @throws PlannerError (a rejection) `OVERSIZE`, `FIXED_OVERLAP`, `BAD_ARGUMENT`.
 */
export async function solveAsync(problem: Problem, options: SolveOptions = {}): Promise<Solution> {
  const search = begin(problem, options);
  for (let turnEnd = performance.now() + TURN_MS; ;) {
    const { done, value } = search.next();
    if (done) return value;
    if (performance.now() < turnEnd) continue;
    await new Promise((resolve) => setTimeout(resolve, 0));
    turnEnd = performance.now() + TURN_MS;
  }
}

function begin(problem: Problem, options: SolveOptions): Generator<void, Solution> {
  checkProblem(problem);
  checkOptions(options, SOLVE_OPTIONS);
  checkLimits(options);
  return new Solver(problem, options).run();
}

function checkLimits(options: SolveOptions): void {
  const { capacity = 0, maxEffort = 0, timeLimitMs = 0, signal, onProgress } = options;
  const check = (culprit: string, value: unknown, valid: boolean, limit: string): void =>
    checkArgument(valid, culprit, value, limit, 'Correct it, or leave it out.');
  check('capacity', capacity, Number.isSafeInteger(capacity) && capacity >= 0, 'an integer from 0 to 2^53 - 1');
  const isCount = maxEffort === Infinity || (Number.isSafeInteger(maxEffort) && maxEffort >= 0);
  check('maxEffort', maxEffort, isCount, 'an integer from 0 to 2^53 - 1, or Infinity');
  check('timeLimitMs', timeLimitMs, typeof timeLimitMs === 'number' && timeLimitMs >= 0, 'at least 0');
  const isSignal = signal === undefined || typeof (signal as typeof signal | null)?.aborted === 'boolean';
  check('signal', signal, isSignal, 'an AbortSignal');
  check('onProgress', onProgress, onProgress === undefined || typeof onProgress === 'function', 'a function');
}
