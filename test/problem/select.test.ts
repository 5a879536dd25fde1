import { expect, it } from 'vitest';
import { createProblem } from '../../src/problem/problem.js';
import { selectBuffers } from '../../src/problem/select.js';

it('counts steps, also of gaps, from the first start of the selected buffers', () => {
  const problem = createProblem([
    { size: 1, start: 0, end: 9 },
    { size: 2, start: 3, end: 8, gaps: [{ start: 4, end: 6, lower: 1, upper: 2 }] },
    { size: 3, start: 4, end: 6, fixedOffset: 5 },
    { size: 4, start: 7, end: 9 },
  ]);
  const { starts } = problem;
  const part = selectBuffers(problem, Int32Array.of(2, 1));
  expect([...part.sizes]).toEqual([3, 2]);
  expect([...part.starts]).toEqual([starts[2] - starts[1], 0]);
  expect([...part.ends]).toEqual([problem.ends[2] - starts[1], part.stepCount]);
  expect([...part.fixedOffsets!]).toEqual([5, NaN]);
  expect([...part.gaps!.first]).toEqual([0, 0, 1]);
  expect([...part.gaps!.starts]).toEqual([problem.gaps!.starts[0] - starts[1]]);
  expect([part.gaps!.lowers[0], part.gaps!.uppers[0]]).toEqual([1, 2]);
});

it('has no steps without buffers', () => {
  const problem = createProblem([{ size: 1, start: 0, end: 9 }]);
  expect(selectBuffers(problem, new Int32Array(0))).toMatchObject({ bufferCount: 0, stepCount: 0 });
});
