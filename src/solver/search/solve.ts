/**
 * Places the buffers of a problem as low as a budget allows, with a proof if possible: synchronously, or in turns with
 * other work.
 */
import { checkArgument, checkOptions } from '../../errors.js';
import { checkProblem } from '../../problem/check-problem.js';
import type { Problem } from '../../problem/problem.js';
import { checkSearchLimits } from '../budget.js';
import { finish, finishInTurns } from '../turns.js';
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
  return finish(begin(problem, options));
}

/**
 * The same as {@link solve}, but other work of the thread gets a turn every 20 ms or so: a page stays alive, a timer
 * fires, `options.signal` can be aborted. The result is the same unless a limit of time or the signal ends the search.
 *
 * @throws PlannerError (a rejection) `OVERSIZE`, `FIXED_OVERLAP`, `BAD_ARGUMENT`.
 */
export async function solveAsync(problem: Problem, options: SolveOptions = {}): Promise<Solution> {
  return finishInTurns(begin(problem, options));
}

function begin(problem: Problem, options: SolveOptions): Generator<void, Solution> {
  checkProblem(problem);
  checkOptions(options, SOLVE_OPTIONS);
  const { capacity = 0 } = options;
  const isCapacity = Number.isSafeInteger(capacity) && capacity >= 0;
  checkArgument(isCapacity, 'capacity', capacity, 'an integer from 0 to 2^53 - 1', 'Correct it, or leave it out.');
  checkSearchLimits(options);
  return new Solver(problem, options).run();
}
