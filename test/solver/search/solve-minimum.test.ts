/** The solver against every order, or every offset, of tiny problems. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { auto } from '../../../src/solver/search/auto.js';
import { solve } from '../../../src/solver/search/solve.js';
import { createProblem, type BufferSpec } from '../../../src/problem/problem.js';
import { verifyPlacement } from '../../../src/verify/placement.js';
import { minimumOfAllOffsets, minimumPeak, minimumTotal } from '../../support/exhaustive.js';
import { tinyBuffers } from '../../support/problems.js';
import { expectValid } from '../../support/solve-valid.js';
import { runsOf } from '../../support/runs.js';

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
        expect([solution.status, solution.bufferSize, solution.lowerBound]).toEqual(['optimal', minimum, minimum]);
        if (minimum === 0) return;
        const below = solve(createProblem(buffers), { capacity: minimum - 1 });
        expect(below.status).toBe('infeasible');
        expect(below.certificate.bytes).toBe(minimum);
        const within = expectValid(buffers, { capacity: minimum });
        expect([within.bufferSize, within.status]).toEqual([
          minimum,
          within.lowerBound === minimum ? 'optimal' : 'feasible',
        ]);
      }),
      { numRuns: runsOf(numRuns) },
    );
  });

  it('with some alignments far above all sizes, so that few bytes reach far', () => {
    const farApart = fc
      .tuple(tinyBuffers({ gaps: 'none', maxAlignmentLog2: 3 }), fc.integer({ min: 20, max: 45 }))
      .map(([buffers, log2]) =>
        buffers.map((buffer) =>
          buffer.alignment! < 4 ? buffer : { ...buffer, alignment: buffer.alignment! * 2 ** log2 },
        ),
      );
    fc.assert(
      fc.property(farApart, (buffers) => {
        // A search that lifted buffers byte by byte would run out of effort.
        const solution = expectValid(buffers, { maxEffort: 20_000 });
        const minimum = minimumPeak(buffers);
        expect([solution.status, solution.bufferSize, solution.lowerBound]).toEqual(['optimal', minimum, minimum]);
      }),
      { numRuns: runsOf(1000) },
    );
  });

  it('with fixed offsets', () => {
    const shape = tinyBuffers({ gaps: 'full', maxCount: 6, maxAlignmentLog2: 1 });
    const mixed = fc.tuple(shape, fc.array(fc.option(fc.nat({ max: 12 })), { minLength: 6, maxLength: 6 }));
    let compared = 0;
    fc.assert(
      fc.property(mixed, ([plain, fixed]) => {
        const buffers = plain.map((buffer, b): BufferSpec => {
          const offset = fixed[b];
          return offset === null ? buffer : { ...buffer, fixedOffset: offset - (offset % buffer.alignment!) };
        });
        const pinned = buffers.filter(({ fixedOffset }) => fixedOffset !== undefined);
        const offsets = pinned.map(({ fixedOffset }) => fixedOffset!);
        const problem = createProblem(pinned);
        const chunkOf = new Int32Array(pinned.length);
        if (verifyPlacement(problem, { offsets, chunkOf, chunks: [100] }).length > 0) {
          expect(() => solve(createProblem(buffers))).toThrow(/it overlaps/);
          return;
        }
        compared++;
        const solution = expectValid(buffers);
        expect(solution.bufferSize).toBe(minimumPeak(buffers));
        expect(solution.status).toBe('optimal');
      }),
      { numRuns: runsOf(2000) },
    );
    expect(compared).toBeGreaterThan(runsOf(500));
  });

  it('with a buffer that is never needed, and so in no section, but aligned', () => {
    const buffers = [
      { size: 4, start: 1, end: 2, alignment: 2 },
      { size: 2, start: 1, end: 3, alignment: 2, gaps: [{ start: 1, end: 3 }] },
      { size: 3, start: 0, end: 2, alignment: 4 },
      { size: 14, start: 0, end: 2, alignment: 4 },
    ];
    expect(expectValid(buffers)).toMatchObject({ status: 'optimal', bufferSize: 22 });
    expect(expectValid(buffers, { capacity: 22 }).bufferSize).toBe(22);
  });

  it('with a fixed offset above the live load, which is a proof by itself', () => {
    const solution = expectValid([
      { size: 4, start: 0, end: 2 },
      { size: 4, start: 1, end: 3, fixedOffset: 40 },
    ]);
    expect(solution).toMatchObject({ status: 'optimal', certificate: { kind: 'end', bytes: 44, buffer: 1 } });
  });

  it.each([
    ['without alignments', { maxCount: 4, maxSize: 6 }, 1000],
    ['with alignments', { maxCount: 4, maxSize: 6, maxAlignmentLog2: 2 }, 1000],
  ] as const)('where gaps leave a part, %s', (_, shape, numRuns) => {
    fc.assert(
      fc.property(tinyBuffers(shape), (buffers) => {
        const solution = expectValid(buffers);
        const minimum = minimumOfAllOffsets(createProblem(buffers));
        expect([solution.status, solution.bufferSize, solution.lowerBound]).toEqual(['optimal', minimum, minimum]);
        if (minimum === 0) return;
        const below = solve(createProblem(buffers), { capacity: minimum - 1 });
        expect([below.status, below.lowerBound]).toEqual(['infeasible', minimum]);
        expect(expectValid(buffers, { capacity: minimum }).bufferSize).toBe(minimum);
      }),
      { numRuns: runsOf(numRuns) },
    );
  });

  it('where gaps leave a part and some offsets are fixed', () => {
    const shape = tinyBuffers({ maxCount: 3, maxSize: 6 });
    const pin = fc.record({ start: fc.nat(4), size: fc.integer({ min: 1, max: 4 }), fixedOffset: fc.nat(9) });
    fc.assert(
      fc.property(shape, pin, (plain, { start, size, fixedOffset }) => {
        const buffers = [...plain, { start, end: start + 3, size, fixedOffset }];
        const solution = expectValid(buffers);
        const minimum = minimumOfAllOffsets(createProblem(buffers));
        expect([solution.status, solution.bufferSize]).toEqual(['optimal', minimum]);
      }),
      { numRuns: runsOf(500) },
    );
  });
});

describe('solve with chunks', () => {
  it.each([
    ['plain', { gaps: 'none', maxCount: 6 }],
    ['with gaps and alignments', { gaps: 'full', maxCount: 5, maxAlignmentLog2: 2 }],
  ] as const)('finds the best split of all, and proves it: %s', (_, shape) => {
    const limits = fc.constantFrom(4, 8, 11, 15);
    let split = 0;
    fc.assert(
      fc.property(tinyBuffers(shape), limits, fc.option(fc.nat(6)), (plain, maxChunkSize, low) => {
        // The second buffer may have a fixed offset.
        const buffers = plain.map((buffer, b) =>
          b !== 1 || low === null ? buffer : { ...buffer, fixedOffset: low - (low % buffer.alignment!) },
        );
        const isWithinLimit = ({ size, fixedOffset = 0 }: BufferSpec): boolean =>
          fixedOffset + size <= Math.max(maxChunkSize, size);
        if (!buffers.every(isWithinLimit)) return;
        const minimum = minimumTotal(buffers, maxChunkSize);
        const solution = expectValid(buffers, { maxChunkSize, allowOversize: true });
        expect([solution.status, solution.bufferSize, solution.lowerBound]).toEqual(['optimal', minimum, minimum]);
        if (solution.chunks.length > 1) split++;
      }),
      { numRuns: runsOf(1500) },
    );
    expect(split).toBeGreaterThan(runsOf(200));
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
      { numRuns: runsOf(500) },
    );
  });
});
