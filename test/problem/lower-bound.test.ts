import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { liveBytesPerStep, liveLoad } from '../../src/problem/lower-bound.js';
import { createProblem } from '../../src/problem/problem.js';
import { tinyBuffers } from '../support/problems.js';

describe('liveLoad', () => {
  it('finds the first step at which the most bytes are live', () => {
    // load   4 8 8
    //        C C C
    //          A B
    const problem = createProblem([
      { size: 4, start: 1, end: 2 },
      { size: 4, start: 2, end: 3 },
      { size: 4, start: 0, end: 3 },
    ]);
    expect([...liveBytesPerStep(problem)]).toEqual([4, 8, 8]);
    expect(liveLoad(problem)).toEqual({ bytes: 8, step: 1 });
  });

  it('counts only what a gap leaves', () => {
    const problem = createProblem([
      {
        size: 10,
        start: 0,
        end: 6,
        gaps: [
          { start: 1, end: 3, lower: 2, upper: 5 },
          { start: 4, end: 5 },
        ],
      },
      { size: 1, start: 2, end: 6 },
    ]);
    expect([...liveBytesPerStep(problem)]).toEqual([10, 3, 4, 11, 1, 11]);
    expect(liveLoad(problem)).toEqual({ bytes: 11, step: 3 });
  });

  it('is zero, at no step, without buffers', () => {
    expect(liveLoad(createProblem([]))).toEqual({ bytes: 0, step: -1 });
  });

  it('is exact beyond 32 bits', () => {
    const size = 3 * 2 ** 40 + 1;
    expect(
      liveLoad(
        createProblem([
          { size, start: 0, end: 2 },
          { size, start: 1, end: 3 },
        ]),
      ).bytes,
    ).toBe(2 * size);
  });

  it('equals a count, step by step', () => {
    fc.assert(
      fc.property(tinyBuffers({ maxCount: 12 }), (buffers) => {
        let most = 0;
        for (let step = 0; step < 20; step++) {
          let bytes = 0;
          for (const { size, start, end, gaps = [] } of buffers) {
            if (step < start || step >= end) continue;
            const gap = gaps.find((candidate) => candidate.start <= step && step < candidate.end);
            bytes += gap === undefined ? size : (gap.upper ?? gap.lower ?? 0) - (gap.lower ?? 0);
          }
          most = Math.max(most, bytes);
        }
        expect(liveLoad(createProblem(buffers)).bytes).toBe(most);
      }),
    );
  });
});
