/**
 * What the solver claims about its result, for problems that need several of its layers.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SolveProgress } from '../../../src/solver/search/solution.js';
import { solve } from '../../../src/solver/search/solve.js';
import { createProblem, type BufferSpec } from '../../../src/problem/problem.js';
import { verifyPlacement } from '../../../src/verify/placement.js';
import { tinyBuffers } from '../../support/problems.js';
import { CUT_UP_PEAK, cutUp, OPEN, OPEN_PEAK, TIGHT } from '../../support/random-problems.js';
import { expectValid } from '../../support/solve-valid.js';

const times = (buffers: readonly BufferSpec[], factor: number): BufferSpec[] =>
  buffers.map((buffer) => ({ ...buffer, size: buffer.size * factor, alignment: factor }));
const later = (buffers: readonly BufferSpec[], steps: number): BufferSpec[] =>
  buffers.map((buffer) => ({ ...buffer, start: buffer.start + steps, end: buffer.end + steps }));

describe('what an exhausted search proves', () => {
  it.each([
    ['no alignment', TIGHT, 1],
    ['sizes that are multiples of the alignment', times(TIGHT, 4), 4],
    ['fixed offsets that are, too', [{ ...times(TIGHT, 4)[0], fixedOffset: 0 }, ...times(TIGHT, 4).slice(1)], 4],
  ])('holds for several chunks, too, given %s', (_, buffers, unit) => {
    expect(expectValid(buffers)).toMatchObject({ status: 'optimal', bufferSize: 10 * unit });
    const { status, lowerBound, certificate } = expectValid(buffers, { maxChunkSize: 9 * unit });
    expect([status === 'optimal' || status === 'feasible', lowerBound]).toEqual([true, 10 * unit]);
    expect(certificate.kind).toBe('exhausted');
  });

  it('does not hold for several chunks where gaps leave windows that are no multiples of the alignment', () => {
    const window = { size: 8, start: 0, end: 1, alignment: 8, gaps: [{ start: 0, end: 1, lower: 0, upper: 3 }] };
    const whole = { size: 8, start: 0, end: 1 };
    const buffers = [window, whole, window, whole];
    expect(expectValid(buffers)).toMatchObject({
      status: 'optimal',
      bufferSize: 27,
      certificate: { kind: 'exhausted' },
    });
    // Twice a window below a whole buffer, 11 bytes each; but in one chunk the second window starts at 16 or later.
    expect(expectValid(buffers, { maxChunkSize: 22 })).toMatchObject({ status: 'optimal', chunks: [11, 11] });
    expect(expectValid(buffers, { maxChunkSize: 22, capacity: 22 })).toMatchObject({
      status: 'optimal',
      bufferSize: 22,
    });
  });
});

describe('parts that share no step', () => {
  const parts = fc.array(
    fc.oneof(
      fc.tuple(fc.constantFrom(OPEN, cutUp(30, 1), TIGHT), fc.integer({ min: 1, max: 60 })),
      // The parts are almost alike: each ends above the lowered others at first, and below them once it is lowered.
      fc.tuple(fc.constantFrom(cutUp(30, 1), cutUp(60, 3), cutUp(100, 4)), fc.integer({ min: 30, max: 33 })),
    ),
    { minLength: 2, maxLength: 3 },
  );

  it('are placed one by one, each as low as it can be, whatever the others need', () => {
    fc.assert(
      fc.property(parts, (list) => {
        const scaled = list.map(([part, factor]) => part.map((each) => ({ ...each, size: each.size * factor })));
        const buffers = scaled.flatMap((part, i) => later(part, 100 * i));
        const seen: SolveProgress[] = [];
        const problem = createProblem(buffers);
        const solution = solve(problem, { onProgress: (progress) => seen.push(progress) });
        expect(verifyPlacement(problem, solution)).toEqual([]);
        expect(solution.bufferSize).toBe(
          problem.sizes.reduce((top, size, b) => Math.max(top, solution.offsets[b] + size), 0),
        );
        expect(solution.status === 'optimal').toBe(solution.lowerBound === solution.bufferSize);
        seen.slice(1).forEach(({ bufferSize, lowerBound }, i) => {
          expect(bufferSize).toBeLessThanOrEqual(seen[i].bufferSize);
          expect(lowerBound).toBeGreaterThanOrEqual(seen[i].lowerBound);
        });
        const alone = scaled.map((part) => solve(createProblem(part)));
        if (alone.every(({ status }) => status === 'optimal')) {
          expect(solution).toMatchObject({
            status: 'optimal',
            bufferSize: Math.max(...alone.map(({ bufferSize }) => bufferSize)),
          });
        }
      }),
      { numRuns: 100 },
    );
  });
});

describe('a capacity', () => {
  it('is met exactly where it is the minimum, and refused by one byte less', () => {
    fc.assert(
      fc.property(tinyBuffers({ gaps: 'full', maxCount: 7, maxAlignmentLog2: 2 }), (buffers) => {
        const { bufferSize } = expectValid(buffers);
        expect(expectValid(buffers, { capacity: bufferSize }).bufferSize).toBe(bufferSize);
        if (bufferSize > 0) expect(expectValid(buffers, { capacity: bufferSize - 1 }).status).toBe('infeasible');
      }),
      { numRuns: 300 },
    );
    expect(expectValid(OPEN, { capacity: OPEN_PEAK }).bufferSize).toBe(OPEN_PEAK);
  });
});

describe('a capacity that is refuted', () => {
  const padded = [
    { size: 4, start: 0, end: 1, alignment: 2 },
    { size: 5, start: 0, end: 1, alignment: 2, fixedOffset: 2 },
  ];
  it('ends the search there, however far above it the placement is', () => {
    expect(expectValid(padded)).toMatchObject({ status: 'optimal', bufferSize: 12 });
    const solution = expectValid(padded, { capacity: 9 });
    expect(solution).toMatchObject({ status: 'infeasible', certificate: { kind: 'exhausted' }, stopped: 'done' });
    expect(solution.effort).toBeLessThan(100);
  });
});

describe('a buffer above the limit of a chunk, if that is allowed', () => {
  it('lets everything else go into its chunk, as low as in one chunk', () => {
    const whole = { size: CUT_UP_PEAK, start: 60, end: 61 };
    const solution = expectValid([...cutUp(30, 1), whole], { maxChunkSize: 700, allowOversize: true });
    expect(solution).toMatchObject({ status: 'optimal', chunks: [CUT_UP_PEAK] });
  });
});

describe('progress', () => {
  it('is told at least every 256 units of effort', () => {
    const efforts: number[] = [0];
    const { effort: last } = expectValid(OPEN, { onProgress: (progress) => efforts.push(progress.effort) });
    expect(last).toBeGreaterThan(1000);
    const longest = [...efforts.slice(1), last].reduce((most, at, i) => Math.max(most, at - efforts[i]), 0);
    expect(longest).toBeLessThanOrEqual(256);
  });

  it('never tells of a placement above the limit of a chunk, and of each improvement', () => {
    const problem = createProblem(cutUp(30, 1));
    // A placement above both limits is found in one chunk first.
    for (const maxChunkSize of [CUT_UP_PEAK - 1, 700]) {
      const peaks: number[] = [];
      const options = { maxChunkSize, maxEffort: 20_000 };
      const { bufferSize, chunks } = solve(problem, {
        ...options,
        onProgress: (progress) => peaks.push(progress.bufferSize),
      });
      expect(chunks.length).toBeGreaterThan(1);
      expect(peaks[0]).toBe(Infinity);
      expect(peaks.at(-1)).toBe(bufferSize);
      peaks.slice(1).forEach((each, i) => expect(each).toBeLessThanOrEqual(peaks[i]));
    }
  });
});

describe('what ended the search', () => {
  it('is no answer where chunks are left above the bound', () => {
    const solution = expectValid(cutUp(60, 3), { maxChunkSize: 600, maxEffort: 1_000_000 });
    expect(solution.effort).toBeLessThan(1_000_000);
    expect(solution).toMatchObject({ status: 'feasible', stopped: 'effort' });
  });
});
