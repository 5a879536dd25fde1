import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { solve } from '../../../src/solver/search/solve.js';
import type { SolveProgress, SolveOptions } from '../../../src/solver/search/solution.js';
import { measureGraph } from '../../../src/plan/measure.js';
import { parseProblemCsv } from '../../../src/problem/csv.js';
import { liveLoad } from '../../../src/problem/lower-bound.js';
import { createProblem, type BufferSpec, type BufferGap } from '../../../src/problem/problem.js';
import { verifyPlacement } from '../../../src/verify/placement.js';
import { arbitraryGraph } from '../../../src/testing/arbitrary-graph.js';
import { expectError } from '../../support/expect-error.js';
import { buffersOf, tinyBuffers } from '../../support/problems.js';
import { expectValid } from '../../support/solve-valid.js';
import { CUT_UP_PEAK, cutUp, OPEN, OPEN_PEAK, uniform, TIGHT } from '../../support/random-problems.js';
import { describeShared, readProblemCsv } from '../../support/shared.js';
import { withinUnits } from '../../support/effort.js';

/** The same with all bytes times a power of two. */
const scaled = (buffers: readonly BufferSpec[], factor: number): BufferSpec[] =>
  buffers.map((b) => ({ ...b, size: b.size * factor, alignment: b.alignment! * factor }));

describe('solve, on a problem that needs the search', () => {
  it('proves its minimum, and one byte less impossible', () => {
    const solution = expectValid(OPEN);
    expect(solution).toMatchObject({
      status: 'optimal',
      bufferSize: OPEN_PEAK,
      lowerBound: OPEN_PEAK,
      stopped: 'done',
    });
    const { certificate, effort } = solution;
    if (certificate.kind !== 'exhausted') throw new Error('the bound was proven otherwise');
    expect(certificate.bytes).toBe(OPEN_PEAK);
    // The nodes of one tree; the effort is that of all searches.
    expect(certificate.nodes).toBeGreaterThan(1);
    expect(certificate.nodes).toBeLessThan(effort);
    const below = expectValid(OPEN, { capacity: OPEN_PEAK - 1 });
    expect(below).toMatchObject({ status: 'infeasible', lowerBound: OPEN_PEAK, stopped: 'done' });
    expect(below.effort).toBeGreaterThan(256);
  });

  it.each([
    ['permuted', [...OPEN].reverse(), 1],
    ['mirrored in time', OPEN.map((b) => ({ ...b, start: -b.end, end: -b.start })), 1],
    ['shifted in time', OPEN.map((b) => ({ ...b, start: b.start + 1e9, end: b.end + 1e9 })), 1],
    ['stretched in time', OPEN.map((b) => ({ ...b, start: b.start * 7, end: b.end * 7 })), 1],
    ['scaled in bytes', scaled(OPEN, 8), 8],
    ['beyond 32 bits', scaled(OPEN, 2 ** 36), 2 ** 36],
    ['beyond 32 bits in units', [...scaled(OPEN, 2 ** 36), { size: 1, start: 0, end: 1, fixedOffset: 0 }], null],
  ] as const)('has the same minimum %s', (_, buffers, factor) => {
    const solution = expectValid(buffers);
    if (factor !== null) expect([solution.status, solution.bufferSize]).toEqual(['optimal', OPEN_PEAK * factor]);
    else expect(solution.bufferSize).toBeGreaterThanOrEqual(OPEN_PEAK * 2 ** 36);
  });

  it('gives the same placement each time', () => {
    expect(solve(createProblem(OPEN))).toEqual(solve(createProblem(OPEN)));
  });

  it('stops after its effort', () => {
    const solution = expectValid(OPEN, { maxEffort: 20 });
    expect([solution.status, solution.stopped, solution.effort]).toEqual(['feasible', 'effort', 20]);
    const below = { status: 'unknown', stopped: 'effort' };
    expect(expectValid(OPEN, { maxEffort: 20, capacity: OPEN_PEAK - 1 })).toMatchObject(below);
    expect(expectValid(OPEN, { maxEffort: 0 }).effort).toBe(0);
  });

  it('stops at once at its time limit', () => {
    expect(expectValid(OPEN, { timeLimitMs: 0 }).stopped).toBe('time');
  });

  it('stops when it is aborted, with a valid placement', () => {
    const controller = new AbortController();
    const onProgress = (): void => controller.abort();
    const solution = expectValid(OPEN, { signal: controller.signal, onProgress });
    expect([solution.status, solution.stopped]).toEqual(['feasible', 'abort']);
    expect(expectValid(OPEN, { signal: AbortSignal.abort() }).stopped).toBe('abort');
  });

  it('reports progress that only gets better and ends at the result', () => {
    const seen: SolveProgress[] = [];
    const solution = expectValid(OPEN, { onProgress: (progress) => seen.push(progress) });
    seen.slice(1).forEach((progress, i) => {
      expect(progress.bufferSize).toBeLessThanOrEqual(seen[i].bufferSize);
      expect(progress.lowerBound).toBeGreaterThanOrEqual(seen[i].lowerBound);
      expect(progress.effort).toBeGreaterThanOrEqual(seen[i].effort);
    });
    expect(seen.at(-1)).toMatchObject({ bufferSize: solution.bufferSize, lowerBound: solution.lowerBound });
  });

  it('treats parts that share no step on their own', () => {
    const later = OPEN.map((b) => ({ ...b, start: b.start + 100, end: b.end + 100, alignment: 1 }));
    expect(expectValid([...OPEN, ...later])).toMatchObject({ status: 'optimal', bufferSize: OPEN_PEAK });
  });
});

describe('solve, on very many buffers that are never needed', () => {
  it('comes to an end, though placing them meets nothing', () => {
    const problem = createProblem(
      Array.from({ length: 10_001 }, (_, b) => ({
        size: 1 + (b % 7),
        start: b,
        end: b + 5,
        gaps: [{ start: b, end: b + 5 }],
      })),
    );
    const solution = solve(problem, { maxEffort: 100 });
    expect(verifyPlacement(problem, solution)).toEqual([]);
    expect(solution).toMatchObject({ status: 'optimal', bufferSize: 7, certificate: { kind: 'end', buffer: 6 } });
  });
});

describe('solve, on many parts that all need the search', () => {
  // Some 1,000 units; 15,000 where each part costs as much as all steps.
  it('takes time for the buffers of each, not for the steps of all', async () => {
    const buffers = Array.from({ length: 25_000 }, (_, i) =>
      TIGHT.map((b) => ({ ...b, start: b.start + 12 * i, end: b.end + 12 * i })),
    ).flat();
    const problem = createProblem(buffers);
    const solution = await withinUnits(8000, () => solve(problem));
    expect(liveLoad(problem).bytes).toBe(9);
    expect(solution).toMatchObject({
      status: 'optimal',
      bufferSize: 10,
      certificate: { kind: 'exhausted', bytes: 10 },
    });
    expect(verifyPlacement(problem, solution)).toEqual([]);
  });
});

describe('solve, on rectangles without a byte to spare', () => {
  it.each([
    [30, 1],
    [60, 2],
    [60, 3],
    [100, 4],
  ])('puts %i pieces together again, seed %i', (count, seed) => {
    const solution = expectValid(cutUp(count, seed));
    expect(solution).toMatchObject({ status: 'optimal', bufferSize: CUT_UP_PEAK });
  });

  it.each([100, 200, 400])('stays above their height while it looks: %i pieces', (count) => {
    for (let seed = 1; seed <= 3; seed++) {
      const solution = expectValid(cutUp(count, seed), { maxEffort: 5000 });
      expect(solution.lowerBound).toBe(CUT_UP_PEAK);
      expect(solution.bufferSize).toBeGreaterThanOrEqual(CUT_UP_PEAK);
    }
  });
});

describe('solve, where sizes differ by a factor of 2^40', () => {
  it('counts what it rules out as well, and so comes to an end', () => {
    // The lowest offsets of the small buffers creep up byte by byte, which once nothing limited.
    const gap = (start: number, end: number, lower: number, upper: number): BufferGap => ({ start, end, lower, upper });
    const problem = createProblem([
      { size: 169342041991, start: 715, end: 3968, gaps: [gap(1846, 3810, 169342041991, 169342041991)] },
      { size: 42673948851, start: 9, end: 1640 },
      { size: 878292149439, start: 1550, end: 3797, gaps: [gap(1622, 3407, 878292149439, 878292149439)] },
      { size: 413205035708, start: 1259, end: 3940 },
      { size: 34, start: 1925, end: 2005 },
      { size: 11933704354, start: 1272, end: 2682 },
      { size: 1099511627750, start: 2485, end: 3990, gaps: [gap(3544, 3990, 11, 914105027622)] },
      { size: 851257298998, start: 236, end: 3837, gaps: [gap(327, 1625, 36700589496, 187695476045)] },
      { size: 37, start: 417, end: 3766, gaps: [gap(1852, 3766, 16, 37)] },
      { size: 6, start: 634, end: 3477, gaps: [gap(3359, 3477, 6, 6)] },
    ]);
    const solution = solve(problem, { maxEffort: 1000 });
    expect(verifyPlacement(problem, solution)).toEqual([]);
    expect(solution.effort).toBeLessThanOrEqual(1000);
  });
});

describe('solve, where overlaps are too many to list', () => {
  const problem = createProblem(uniform(5000, 1));

  it('ends at once if it is aborted beforehand, or out of time, with a valid placement', () => {
    for (const options of [{ signal: AbortSignal.abort() }, { timeLimitMs: 0 }, { maxEffort: 0 }]) {
      const solution = solve(problem, options);
      expect(verifyPlacement(problem, solution)).toEqual([]);
      const stopped = 'signal' in options ? 'abort' : 'timeLimitMs' in options ? 'time' : 'effort';
      expect([solution.status, solution.stopped]).toEqual(['feasible', stopped]);
    }
  });

  it('reports progress, and can be aborted from there', () => {
    const controller = new AbortController();
    const peaks: number[] = [];
    const onProgress = ({ bufferSize }: SolveProgress): void => {
      peaks.push(bufferSize);
      controller.abort();
    };
    const solution = solve(problem, { signal: controller.signal, onProgress });
    expect(solution.stopped).toBe('abort');
    expect(peaks.at(-1)).toBe(solution.bufferSize);
    expect(verifyPlacement(problem, solution)).toEqual([]);
  });

  it('is no worse with more effort, and counts it', () => {
    const few = solve(problem, { maxEffort: 100 });
    const more = solve(problem, { maxEffort: 1000 });
    expect(more.bufferSize).toBeLessThanOrEqual(few.bufferSize);
    expect(few.effort).toBeLessThanOrEqual(200);
  });
});

describe('solve with chunks', () => {
  it('needs no more than twice the live load for equal halves', () => {
    const buffers = Array.from({ length: 40 }, (_, b) => ({ size: 5, start: b, end: b + 6 }));
    const solution = expectValid(buffers, { maxChunkSize: 10 });
    expect([solution.status, solution.bufferSize, solution.chunks]).toEqual(['optimal', 30, [10, 10, 10]]);
  });

  it('does not take the minimum of one chunk for that of several where padding is between them', () => {
    const buffers = [0, 1].map(() => ({ size: 1, start: 0, end: 1, alignment: 2 }));
    expect(expectValid(buffers)).toMatchObject({ status: 'optimal', bufferSize: 3 });
    expect(expectValid(buffers, { maxChunkSize: 1 })).toMatchObject({ status: 'optimal', bufferSize: 2 });
    expect(expectValid(buffers, { maxChunkSize: 8 })).toMatchObject({ status: 'optimal', bufferSize: 2 });
  });

  it('does so neither where a fixed offset puts padding between them', () => {
    const buffers = [
      { size: 16, start: 0, end: 1, alignment: 4, fixedOffset: 4 },
      { size: 16, start: 0, end: 1, alignment: 16 },
    ];
    expect(expectValid(buffers)).toMatchObject({ status: 'optimal', bufferSize: 48 });
    expect(expectValid(buffers, { maxChunkSize: 40 })).toMatchObject({ status: 'optimal', bufferSize: 36 });
    expect(expectValid(buffers, { maxChunkSize: 40, capacity: 36 })).toMatchObject({
      status: 'feasible',
      bufferSize: 36,
    });
  });

  it('rejects what cannot be placed', () => {
    const problem = createProblem([{ size: 9, start: 0, end: 1 }]);
    expect(() => solve(problem, { maxChunkSize: 8 })).toThrow(/takes \d+ bytes, but a chunk may have at most 8/);
    expect(solve(problem, { maxChunkSize: 8, allowOversize: true }).chunks).toEqual([9]);
  });

  it('gives a fixed buffer above the limit a chunk of its own size, if that is allowed', () => {
    const buffers = [
      { size: 9, start: 0, end: 2, fixedOffset: 0 },
      { size: 4, start: 1, end: 3 },
    ];
    expect(expectValid(buffers, { maxChunkSize: 8, allowOversize: true })).toMatchObject({ chunks: [9, 4] });
    expect(() => solve(createProblem(buffers), { maxChunkSize: 8 })).toThrow(
      /takes \d+ bytes, but a chunk may have at most 8/,
    );
  });
});

describe('solve, misused', () => {
  const problem = createProblem([{ size: 9, start: 0, end: 1 }]);
  const integer = 'an integer from 0 to 2^53 - 1';
  it.each([
    [{ capacity: -1 }, integer],
    [{ capacity: 1.5 }, integer],
    [{ capacity: 2 ** 53 }, integer],
    [{ maxEffort: -1 }, `${integer}, or Infinity`],
    [{ maxEffort: 0.5 }, `${integer}, or Infinity`],
    [{ allowOversize: 'no' }, 'true or false'],
    [{ timeLimitMs: NaN }, 'at least 0'],
    [{ timeLimitMs: '5' }, 'at least 0'],
    [{ signal: null }, 'an AbortSignal'],
    [{ signal: {} }, 'an AbortSignal'],
    [{ onProgress: 7 }, 'a function'],
  ] as unknown as [SolveOptions, string][])('%o', (options, limit) => {
    const error = expectError('BAD_ARGUMENT', Object.keys(options)[0], () => solve(problem, options));
    expect([error.limit, error.remedy]).toEqual([limit, 'Correct it, or leave it out.']);
  });

  it.each([null, {}, { sizes: [9], starts: [0], ends: [1] }, 7])('%o is no problem', (bad) => {
    const error = expectError('BAD_ARGUMENT', 'problem', () => solve(bad as never));
    expect(error.limit).toBe('a Problem');
    expect(error.remedy).toContain('createProblem');
  });
});

describeShared('published problems', () => {
  const capacity = 1048576;
  it.each([...'ABCDEFGHIJK'])('%s fits into its capacity', (name) => {
    const { problem } = parseProblemCsv(readProblemCsv(`minimalloc/${name}.${capacity}`));
    const solution = solve(problem, { capacity });
    expect(verifyPlacement(problem, solution)).toEqual([]);
    expect(solution.bufferSize).toBeLessThanOrEqual(capacity);
  });

  it('C has the minimum 1039360', () => {
    const { problem } = parseProblemCsv(readProblemCsv(`minimalloc/C.${capacity}`));
    expect(solve(problem)).toMatchObject({ status: 'optimal', bufferSize: 1039360, certificate: { kind: 'load' } });
  });

  it('E does not fit into a byte less', () => {
    const { problem } = parseProblemCsv(readProblemCsv(`minimalloc/E.${capacity}`));
    expect(solve(problem, { capacity: capacity - 1 })).toMatchObject({ status: 'infeasible', stopped: 'done' });
  });
});

describe('a looser limit', () => {
  it('is no harder to meet', () => {
    // Sixteen bytes more led the search astray once.
    const found = [
      buffersOf([
        [3000, 0, 8, 32],
        [128, 1, 4, 4],
        [64, 2, 6, 4],
        [64, 3, 6, 4],
        [64, 4, 6, 4],
        [64, 4, 25, 8],
        [4096, 5, 8, 32],
        [3000, 6, 12, 8],
        [3000, 7, 12, 8],
        [3000, 8, 12, 8],
        [3000, 9, 12, 8],
        [3000, 10, 12, 8],
        [100, 8, 16, 2],
        [100, 9, 16, 2],
        [100, 10, 16, 2],
        [1024, 10, 13, 32],
        [64, 11, 14, 64],
        [64, 12, 21, 1],
        [4096, 13, 16, 1],
        [1024, 14, 21, 4],
        [1, 15, 18, 4, [16, 17, 0, 0]],
        [256, 16, 19, 8, [17, 18, 0, 128]],
        [3000, 17, 25, 32],
        [256, 18, 21, 1],
        [1024, 19, 25, 4],
        [64, 20, 23, 32],
        [1024, 21, 25, 4],
        [1024, 22, 24, 64],
      ]),
      ...fc.sample(tinyBuffers({ maxCount: 20, maxAlignmentLog2: 3, gaps: 'full' }), { seed: 1, numRuns: 40 }),
    ].map((buffers) => ({ problem: createProblem(buffers), ...solve(createProblem(buffers), { maxEffort: 20_000 }) }));
    for (const { problem, bufferSize, status } of found) {
      expect(status).toBe('optimal');
      for (const spare of [1, 16])
        expect(solve(problem, { capacity: bufferSize + spare }).bufferSize).toBeLessThanOrEqual(bufferSize + spare);
    }
  });

  it.each([318, 529, 3070])('does not make auto worse than ggml: graphs of seed %i', (seed) => {
    const limits = { maxChunkSize: 64, allowOversize: true };
    for (const graph of fc.sample(arbitraryGraph(), { seed, numRuns: 5 })) {
      for (const reuse of ['off', 'ggml', 'full'] as const) {
        const online = measureGraph(graph, { ...limits, reuse, allocator: 'ggml' });
        if (online.chunks.some((size) => size > limits.maxChunkSize)) continue;
        expect(measureGraph(graph, { ...limits, reuse }).bufferSize).toBeLessThanOrEqual(online.bufferSize);
      }
    }
  });
});
