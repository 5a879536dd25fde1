import { describe, expect, it } from 'vitest';
import type { Solution } from '../../../src/solver/search/solution.js';
import { solve } from '../../../src/solver/search/solve.js';
import { parseProblemCsv } from '../../../src/problem/csv.js';
import { createProblem, type Problem } from '../../../src/problem/problem.js';
import { verifyPlacement } from '../../../src/verify/placement.js';
import { nested, network, uniform } from '../../support/random-problems.js';
import { describeShared, readProblemCsv } from '../../support/shared.js';

function solveValid(problem: Problem): Solution {
  const solution = solve(problem);
  expect(verifyPlacement(problem, solution)).toEqual([]);
  return solution;
}

describe.each(Object.entries({ uniform, nested, network }))('solve on 20,000 %s buffers', (_, generate) => {
  it('is valid and close to the bound', () => {
    const { bufferSize, lowerBound } = solveValid(createProblem(generate(20_000, 7)));
    expect(bufferSize / lowerBound - 1).toBeLessThan(0.025);
  });
});

describe('solve on 100,000 buffers', () => {
  it('pads none of them for the sake of one that is aligned to more than any size', () => {
    const buffers = uniform(100_000, 1).map((buffer, b) => (b === 77 ? { ...buffer, alignment: 2 ** 20 } : buffer));
    const { bufferSize, lowerBound } = solveValid(createProblem(buffers));
    expect(bufferSize / lowerBound - 1).toBeLessThan(0.025);
  });
});

describeShared('solve on huge published problems', () => {
  it.each([
    ['G_1', 3_030_937_746],
    ['resnet50', 1_515_472_556],
    ['pangu_2.6B', 5_530_099_775],
    ['S_1', 1_498_635_932],
    ['Y_1', 497_261_190_115],
  ])('%s: the live load is reached', (name, bufferSize) => {
    const solution = solveValid(parseProblemCsv(readProblemCsv(`large/${name}`)).problem);
    expect(solution).toMatchObject({ status: 'optimal', bufferSize, certificate: { kind: 'load' } });
  });
});
