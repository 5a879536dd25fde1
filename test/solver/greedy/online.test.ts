/** The allocator at run time: valid, and which hole it takes. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { placeOnline } from '../../../src/solver/greedy/online.js';
import { createProblem } from '../../../src/problem/problem.js';
import { verifyPlacement } from '../../../src/verify/placement.js';
import { tinyBuffers } from '../../support/problems.js';

describe('placeOnline', () => {
  it('is valid with alignments and gaps', () => {
    fc.assert(
      fc.property(tinyBuffers({ maxCount: 40, maxStep: 40, maxSize: 40, maxAlignmentLog2: 3 }), (buffers) => {
        const problem = createProblem(buffers);
        const offsets = placeOnline(problem)!;
        const peak = offsets.reduce((top, offset, b) => Math.max(top, offset + problem.sizes[b]), 0);
        const chunkOf = new Int32Array(buffers.length);
        expect(verifyPlacement(problem, { offsets, chunkOf, chunks: [peak] })).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it('takes the smallest hole of a bin, and merges what is freed', () => {
    //   steps      0 1 2 3     A and C end; D (7) goes into C's hole of 8, not into A's of 16. When B and D have ended
    //   C 8 | B 1  C B D .     too, all is one block, and E fits below all.
    const problem = createProblem([
      { size: 16, start: 0, end: 1 },
      { size: 1, start: 0, end: 2 },
      { size: 8, start: 0, end: 1 },
      { size: 1, start: 0, end: 2 },
      { size: 7, start: 1, end: 2 },
      { size: 26, start: 2, end: 3 },
    ]);
    expect([...placeOnline(problem)!]).toEqual([0, 16, 17, 25, 17, 0]);
  });

  it('uses what alignment leaves free below a buffer', () => {
    //   offset  0 1     8    10     B is aligned to 8. C fits under it, and D on top, though C's end is nearer.
    //           A C C . B B  D D D D D D D D D D
    const problem = createProblem([
      { size: 1, start: 0, end: 4 },
      { size: 2, start: 1, end: 4, alignment: 8 },
      { size: 2, start: 2, end: 4 },
      { size: 10, start: 3, end: 4 },
    ]);
    expect([...placeOnline(problem)!]).toEqual([0, 8, 1, 10]);
  });

  it('declines fixed offsets', () => {
    expect(placeOnline(createProblem([{ size: 4, start: 0, end: 1, fixedOffset: 0 }]))).toBeNull();
  });
});
