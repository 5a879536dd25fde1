import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { placeInChunks } from '../../src/alloc/chunks.js';
import { Budget } from '../../src/alloc/exact/budget.js';
import { createTimeline } from '../../src/alloc/greedy/timeline.js';
import { solve } from '../../src/alloc/solve.js';
import { liveLoad } from '../../src/problem/lower-bound.js';
import { createProblem } from '../../src/problem/problem.js';
import { arbitraryProblem } from '../../src/testing/arbitrary-problem.js';
import { verifyPlacement } from '../../src/verify/placement.js';
import { tinyBuffers } from '../support/problems.js';

describe('placeInChunks', () => {
  it('keeps its limit where the exact search counts in units that exceed it', () => {
    // The second seed: three buffers of 1,024 bytes in 2,560, thanks to a gap, within a limit of 3,000.
    for (const seed of [1, 1001100]) {
      for (const problem of fc.sample(arbitraryProblem(), { seed, numRuns: 10 })) {
        const options = { maxSteps: 3000, maxChunkSize: problem.sizes.reduce((a, b) => Math.max(a, b), 1) };
        expect(verifyPlacement(problem, solve(problem, options), options)).toEqual([]);
      }
    }
  });

  it('rejects a fixed offset whose buffer ends above the limit', () => {
    const problem = createProblem([
      { size: 8, start: 0, end: 4, fixedOffset: 20 },
      { size: 8, start: 0, end: 4 },
    ]);
    expect(() => solve(problem, { maxChunkSize: 16 })).toThrow(
      /OVERSIZE: the fixed offset of buffer 0 is 20, but must be low enough to end by 16/,
    );
  });

  it('is valid, whatever the limit and the budget', () => {
    const shape = tinyBuffers({ maxCount: 30, maxAlignmentLog2: 3 });
    const limit = fc.constantFrom(8, 11, 20);
    fc.assert(
      fc.property(shape, limit, fc.boolean(), fc.nat({ max: 200 }), (list, maxChunkSize, allowOversize, maxSteps) => {
        const problem = createProblem(list);
        const options = { maxChunkSize, allowOversize };
        const budget = new Budget({ maxSteps, timeLimitMs: Infinity, signal: undefined, onTick: undefined });
        const search = placeInChunks(problem, createTimeline(problem), options, liveLoad(problem).bytes, budget);
        let result = search.next();
        while (result.done !== true) result = search.next();
        expect(verifyPlacement(problem, result.value, options)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});
