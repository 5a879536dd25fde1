import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boundOf } from '../../src/alloc/bounds.js';
import { solve } from '../../src/alloc/solve.js';
import { createProblem, type Buffer } from '../../src/problem/problem.js';
import { minimumPeak } from '../support/exhaustive.js';
import { tinyBuffers } from '../support/problems.js';

const aligned = (sizes: readonly number[], alignment: number): Buffer[] =>
  sizes.map((size) => ({ size, start: 0, end: 1, alignment }));

describe('boundOf', () => {
  it('pads all but the buffer on top, which is the one with the most padding', () => {
    const problem = createProblem(aligned([5, 5, 7], 4));
    expect(boundOf(problem)).toEqual({ kind: 'aligned', bytes: 21, step: 0, alignment: 4 });
    expect(solve(problem)).toMatchObject({ status: 'optimal', peak: 21, steps: 0 });
  });

  it('pads nothing where there may be several chunks', () => {
    const problem = createProblem(aligned([5, 5, 7], 4));
    expect(boundOf(problem, { maxChunkSize: 8 })).toEqual({ kind: 'load', bytes: 17, step: 0 });
  });

  it('counts the buffers of the larger alignments alone', () => {
    // The two large ones take 64 + 1 bytes; what is less aligned fits between them.
    const problem = createProblem([...aligned([1, 1], 64), ...aligned([8, 8], 8)]);
    expect(boundOf(problem)).toMatchObject({ kind: 'aligned', bytes: 65, alignment: 64 });
    expect(solve(problem).peak).toBe(65);
  });

  it('is the live load where sizes need no padding', () => {
    expect(boundOf(createProblem(aligned([8, 16], 8)))).toEqual({ kind: 'load', bytes: 24, step: 0 });
  });

  it('never exceeds the minimum, and often is the minimum where all are aligned alike', () => {
    let tight = 0;
    const shape = tinyBuffers({ gaps: 'full', maxCount: 6, maxAlignmentLog2: 3 });
    fc.assert(
      fc.property(shape, fc.option(fc.constantFrom(2, 4, 8)), (list, alignment) => {
        const buffers = alignment === null ? list : list.map((buffer) => ({ ...buffer, alignment }));
        const bound = boundOf(createProblem(buffers));
        const minimum = minimumPeak(buffers);
        expect(bound.bytes).toBeLessThanOrEqual(minimum);
        if (bound.kind === 'aligned' && bound.bytes === minimum) tight++;
      }),
      { numRuns: 3000 },
    );
    expect(tight).toBeGreaterThan(500);
  });
});
