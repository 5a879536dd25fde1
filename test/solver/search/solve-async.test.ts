import { describe, expect, it } from 'vitest';
import { solve, solveAsync } from '../../../src/solver/search/solve.js';
import { parseProblemCsv } from '../../../src/problem/csv.js';
import { createProblem, type Problem } from '../../../src/problem/problem.js';
import { verifyPlacement } from '../../../src/verify/placement.js';
import { cutUp, network, uniform } from '../../support/random-problems.js';
import { describeShared, readProblemCsv } from '../../support/shared.js';

/** Pieces that fill a rectangle; putting them together again takes far longer than any test. */
const endless = createProblem(cutUp(300, 1));

describe('solveAsync', () => {
  it.each([
    ['a small problem', createProblem(network(50, 1)), {}],
    ['a problem that needs the search', endless, { maxEffort: 3000 }],
    ['many buffers', createProblem(uniform(5000, 1)), { maxEffort: 2000 }],
    ['several chunks', createProblem(uniform(100, 2)), { maxChunkSize: 2 ** 22, maxEffort: 500 }],
  ])('gives what solve gives: %s', async (_, problem, options) => {
    expect(await solveAsync(problem, options)).toEqual(solve(problem, options));
  });

  it.each([
    ['in the search', endless],
    ['in greedy rounds', createProblem(uniform(30_000, 1))],
  ])('lets a timer abort it %s, and keeps the best placement', async (_, problem: Problem) => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 50);
    const { signal } = controller;
    const solution = await solveAsync(problem, { signal, maxEffort: Infinity });
    expect(solution).toMatchObject({ status: 'feasible', stopped: 'abort' });
    expect(verifyPlacement(problem, solution)).toEqual([]);
  });

  it('rejects what solve throws', async () => {
    const problem = createProblem([{ size: 9, start: 0, end: 1 }]);
    await expect(solveAsync(problem, { maxChunkSize: 8 })).rejects.toThrow(
      /takes \d+ bytes, but a chunk may have at most 8/,
    );
    await expect(solveAsync(problem, { maxEffort: -1 })).rejects.toThrow(/`maxEffort` is -1, but must be/);
  });
});

describeShared('solveAsync on a hard problem', () => {
  it('ends at its time limit with less than the greedy placement', async () => {
    const { problem } = parseProblemCsv(readProblemCsv('minimalloc/D.1048576'));
    const solution = await solveAsync(problem, { timeLimitMs: 300, maxEffort: Infinity });
    expect(solution).toMatchObject({ status: 'feasible', stopped: 'time' });
    expect(solution.bufferSize).toBeLessThan(solve(problem, { maxEffort: 0 }).bufferSize);
    expect(verifyPlacement(problem, solution)).toEqual([]);
  });
});
