/** The solver against every order, or every offset, of tiny problems. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { auto } from '../../src/alloc/auto.js';
import { solve } from '../../src/alloc/solve.js';
import { liveLoad } from '../../src/problem/lower-bound.js';
import { createProblem, type Buffer, type Problem } from '../../src/problem/problem.js';
import { verifyPlacement } from '../../src/verify/placement.js';
import { minimumPeak } from '../support/exhaustive.js';
import { tinyBuffers } from '../support/problems.js';
import { expectValid } from '../support/solve-valid.js';

describe('solve, against exhaustive search', () => {
  it.each([
    ['plain', { gaps: 'none' }, 3000],
    ['with alignments', { gaps: 'none', maxAlignmentLog2: 3 }, 2000],
    ['with gaps', { gaps: 'full' }, 2000],
    ['with gaps and alignments', { gaps: 'full', maxAlignmentLog2: 2, maxCount: 6 }, 1000],
  ] as const)('%s', (_, shape, numRuns) => {
    fc.assert(
      fc.property(tinyBuffers(shape), (buffers) => {
        const solution = expectValid(buffers);
        const minimum = minimumPeak(buffers);
        expect([solution.status, solution.peak, solution.lowerBound]).toEqual(['optimal', minimum, minimum]);
        if (minimum === 0) return;
        const below = solve(createProblem(buffers), { capacity: minimum - 1 });
        expect(below.status).toBe('infeasible');
        expect(below.certificate.bytes).toBe(minimum);
        const within = expectValid(buffers, { capacity: minimum });
        expect([within.peak, within.status]).toEqual([minimum, within.lowerBound === minimum ? 'optimal' : 'feasible']);
      }),
      { numRuns },
    );
  });

  it('with fixed offsets', () => {
    const shape = tinyBuffers({ gaps: 'full', maxCount: 6, maxAlignmentLog2: 1 });
    const mixed = fc.tuple(shape, fc.array(fc.option(fc.nat({ max: 12 })), { minLength: 6, maxLength: 6 }));
    let compared = 0;
    fc.assert(
      fc.property(mixed, ([plain, fixed]) => {
        const buffers = plain.map((buffer, b): Buffer => {
          const offset = fixed[b];
          return offset === null ? buffer : { ...buffer, fixedOffset: offset - (offset % buffer.alignment!) };
        });
        const pinned = buffers.filter(({ fixedOffset }) => fixedOffset !== undefined);
        const offsets = pinned.map(({ fixedOffset }) => fixedOffset!);
        const problem = createProblem(pinned);
        const chunkOf = new Int32Array(pinned.length);
        if (verifyPlacement(problem, { offsets, chunkOf, chunks: [100] }).length > 0) {
          expect(() => solve(createProblem(buffers))).toThrow(/FIXED_OVERLAP/);
          return;
        }
        compared++;
        const solution = expectValid(buffers);
        expect(solution.peak).toBe(minimumPeak(buffers));
        expect(solution.status).toBe('optimal');
      }),
      { numRuns: 2000 },
    );
    expect(compared).toBeGreaterThan(500);
  });

  it('with a buffer that is never needed, and so in no section, but aligned', () => {
    const buffers = [
      { size: 4, start: 1, end: 2, alignment: 2 },
      { size: 2, start: 1, end: 3, alignment: 2, gaps: [{ start: 1, end: 3 }] },
      { size: 3, start: 0, end: 2, alignment: 4 },
      { size: 14, start: 0, end: 2, alignment: 4 },
    ];
    expect(expectValid(buffers)).toMatchObject({ status: 'optimal', peak: 22 });
    expect(expectValid(buffers, { capacity: 22 }).peak).toBe(22);
  });

  it('with a fixed offset above the live load, which is a proof by itself', () => {
    const solution = expectValid([
      { size: 4, start: 0, end: 2 },
      { size: 4, start: 1, end: 3, fixedOffset: 40 },
    ]);
    expect(solution).toMatchObject({ status: 'optimal', certificate: { kind: 'fixed', bytes: 44, buffer: 1 } });
  });

  it('is valid, and never claims too much, where gaps leave a part', () => {
    fc.assert(
      fc.property(tinyBuffers({ maxCount: 3, maxSize: 4, maxAlignmentLog2: 1 }), (buffers) => {
        const solution = expectValid(buffers);
        const problem = createProblem(buffers);
        const minimum = minimumOfAllOffsets(problem);
        expect(solution.lowerBound).toBeLessThanOrEqual(minimum);
        expect(solution.peak).toBeGreaterThanOrEqual(minimum);
        if (solution.status === 'optimal') expect(solution.peak).toBe(minimum);
      }),
      { numRuns: 500 },
    );
  });
});

/** Tries every offset of every buffer. */
function minimumOfAllOffsets(problem: Problem): number {
  const { bufferCount, sizes, alignments } = problem;
  const offsets = new Array<number>(bufferCount).fill(0);
  const most = sizes.reduce((sum, size) => sum + size + 1, 0);
  let best = Infinity;
  for (;;) {
    const peak = offsets.reduce((top, offset, b) => Math.max(top, offset + sizes[b]), 0);
    const placement = { offsets, chunkOf: new Int32Array(bufferCount), chunks: [peak] };
    if (peak < best && verifyPlacement(problem, placement).length === 0) best = peak;
    let b = 0;
    while (b < bufferCount && (offsets[b] += alignments[b]) > most) offsets[b++] = 0;
    if (b === bufferCount) return best;
  }
}

describe('solve with chunks', () => {
  it('is valid, and optimal where one chunk is enough', () => {
    fc.assert(
      fc.property(tinyBuffers({ gaps: 'full' }), fc.integer({ min: 8, max: 30 }), (buffers, limit) => {
        const solution = expectValid(buffers, { maxChunkSize: limit });
        const minimum = minimumPeak(buffers);
        if (minimum <= limit) expect([solution.status, solution.peak]).toEqual(['optimal', minimum]);
        else expect(solution.peak).toBeGreaterThanOrEqual(liveLoad(createProblem(buffers)).bytes);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('auto', () => {
  it('is as good as exhaustive search on tiny problems', () => {
    fc.assert(
      fc.property(tinyBuffers({ gaps: 'none' }), (buffers) => {
        const problem = createProblem(buffers);
        const placement = auto.place(problem);
        expect(verifyPlacement(problem, placement)).toEqual([]);
        expect(placement.chunks[0] ?? 0).toBe(minimumPeak(buffers));
      }),
      { numRuns: 500 },
    );
  });
});
