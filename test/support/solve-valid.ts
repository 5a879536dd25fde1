/** Solves what every test solves, and looks at what goes without saying. */
import { expect } from 'vitest';
import type { Solution, SolveOptions } from '../../src/solver/search/solution.js';
import { solve } from '../../src/solver/search/solve.js';
import { liveLoad } from '../../src/problem/lower-bound.js';
import { createProblem, type BufferSpec } from '../../src/problem/problem.js';
import { verifyPlacement } from '../../src/verify/placement.js';

/** The solution, which is valid and claims at least the live load. */
export function expectValid(buffers: readonly BufferSpec[], options: SolveOptions = {}): Solution {
  const problem = createProblem(buffers);
  const solution = solve(problem, options);
  const { maxChunkSize, allowOversize } = options;
  expect(verifyPlacement(problem, solution, { maxChunkSize, allowOversize })).toEqual([]);
  expect(solution.lowerBound).toBeGreaterThanOrEqual(liveLoad(problem).bytes);
  return solution;
}
