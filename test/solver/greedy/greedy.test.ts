import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { placementSize, type Allocator, type PlaceOptions } from '../../../src/solver/allocator.js';
import {
  greedyByArea,
  greedyByLifetime,
  greedyByLoad,
  greedyBySize,
  greedyByStart,
} from '../../../src/solver/greedy/family.js';
import { liveLoad } from '../../../src/problem/lower-bound.js';
import { createProblem, type BufferSpec } from '../../../src/problem/problem.js';
import { verifyPlacement } from '../../../src/verify/placement.js';
import { expectError } from '../../support/expect-error.js';
import { tinyBuffers } from '../../support/problems.js';

const family: Allocator[] = [greedyBySize, greedyByLifetime, greedyByArea, greedyByLoad, greedyByStart];

/** The five buffers of problem.ts. */
const example: BufferSpec[] = [
  { size: 4, start: 0, end: 1 },
  { size: 4, start: 1, end: 4 },
  { size: 4, start: 0, end: 3 },
  { size: 4, start: 3, end: 4 },
  { size: 4, start: 0, end: 4 },
];

describe.each(family)('$name', (allocator) => {
  it('places the example at its live load', () => {
    expect(allocator.place(createProblem(example)).chunks).toEqual([12]);
  });

  it('places nothing in no chunk', () => {
    expect(allocator.place(createProblem([])).chunks).toEqual([]);
  });

  it('is valid with alignments, gaps and chunk limits, and the same each time', () => {
    const limit = fc.constantFrom(Infinity, 8, 11, 20);
    fc.assert(
      fc.property(tinyBuffers({ maxCount: 12, maxAlignmentLog2: 3 }), limit, (buffers, maxChunkSize) => {
        const problem = createProblem(buffers);
        const placement = allocator.place(problem, { maxChunkSize });
        expect(verifyPlacement(problem, placement, { maxChunkSize })).toEqual([]);
        expect(placementSize(placement)).toBeGreaterThanOrEqual(liveLoad(problem).bytes);
        expect(allocator.place(problem, { maxChunkSize })).toEqual(placement);
        if (maxChunkSize === Infinity) expect(placement.chunks.length).toBe(buffers.length === 0 ? 0 : 1);
      }),
      { numRuns: 500 },
    );
  });

  it('leaves fixed buffers where they are', () => {
    const problem = createProblem([
      { size: 8, start: 0, end: 4 },
      { size: 4, start: 0, end: 4, fixedOffset: 6 },
      { size: 6, start: 0, end: 2 },
    ]);
    const placement = allocator.place(problem);
    expect(verifyPlacement(problem, placement)).toEqual([]);
    expect([placement.offsets[1], placement.offsets[2]]).toEqual([6, 0]);
  });

  it('rejects fixed offsets that collide', () => {
    const problem = createProblem([
      { size: 8, start: 0, end: 4, fixedOffset: 0 },
      { size: 4, start: 3, end: 9, fixedOffset: 6 },
    ]);
    expect(() => allocator.place(problem)).toThrow(/the fixed offset of buffer 1, \d+, it overlaps/);
  });

  it('names the fixed buffer that another one meets, not those whose gaps it uses', () => {
    const alpha: BufferSpec = {
      size: 8,
      start: 0,
      end: 9,
      fixedOffset: 0,
      gaps: [{ start: 3, end: 6, lower: 6, upper: 8 }],
    };
    const beta: BufferSpec = { size: 8, start: 0, end: 9, fixedOffset: 8, gaps: [{ start: 1, end: 8 }] };
    const gamma: BufferSpec = { size: 3, start: 5, end: 7, fixedOffset: 7 };
    const delta: BufferSpec = { size: 2, start: 2, end: 7, fixedOffset: 8, name: 'delta' };
    const problem = createProblem([alpha, beta, gamma, delta]);
    const error = expectError('FIXED_OVERLAP', 'the fixed offset of buffer 2', () => allocator.place(problem));
    expect(error.limit).toBe('clear of buffer 0, which is fixed at 0 and ends at 8');
    const apart = createProblem([alpha, beta, delta]);
    expect([...allocator.place(apart).offsets]).toEqual([0, 8, 8]);
    const last = createProblem([beta, gamma, delta]);
    const lastError = expectError('FIXED_OVERLAP', 'the fixed offset of buffer delta', () => allocator.place(last));
    expect(lastError.limit).toBe('clear of buffer 1, which is fixed at 7 and ends at 10');
  });

  it('wants fixed buffers to end by the limit, or by the largest of them, whatever is beside them', () => {
    const fixed: BufferSpec = { size: 4, start: 0, end: 2, fixedOffset: 2 };
    const free = (size: number): BufferSpec => ({ size, start: 1, end: 2 });
    const options = { maxChunkSize: 2, allowOversize: true };
    for (const list of [
      [fixed, free(2), free(7)],
      [fixed, { ...free(7), start: 2, end: 3 }],
    ]) {
      const problem = createProblem(list);
      const error = expectError('OVERSIZE', 'the fixed offset of buffer 0', () => allocator.place(problem, options));
      expect([error.value, error.limit]).toEqual([2, 'low enough to end by 4']);
      const placement = allocator.place(problem, { ...options, maxChunkSize: 6 });
      expect(verifyPlacement(problem, placement, { ...options, maxChunkSize: 6 })).toEqual([]);
    }
  });

  it('rejects a buffer above the chunk limit, unless that is allowed', () => {
    const problem = createProblem([
      { size: 4, start: 0, end: 2 },
      { size: 9, start: 0, end: 2 },
    ]);
    expect(() => allocator.place(problem, { maxChunkSize: 8 })).toThrow(/Buffer 1 takes 9 bytes/);
    expect(() => allocator.place(problem, { maxChunkSize: 0 })).toThrow(/`maxChunkSize` is 0, but must be/);
    const options = { maxChunkSize: 8, allowOversize: true };
    const placement = allocator.place(problem, options);
    expect(verifyPlacement(problem, placement, options)).toEqual([]);
    expect(placementSize(placement)).toBe(13);
  });
});

describe('greedyBySize', () => {
  it('says what it cannot do, and how it could', () => {
    const buffers: BufferSpec[] = [
      { size: 9, start: 0, end: 2 },
      { size: 8, start: 1, end: 3, fixedOffset: 4 },
    ];
    const place = (list: readonly BufferSpec[], options?: PlaceOptions) =>
      greedyBySize.place(createProblem(list), options);
    const colliding = [...buffers, { size: 8, start: 2, end: 3, fixedOffset: 11 }];
    const collision = expectError('FIXED_OVERLAP', 'the fixed offset of buffer 2', () => place(colliding));
    expect([collision.value, collision.limit]).toEqual([11, 'clear of buffer 1, which is fixed at 4 and ends at 12']);
    expect(collision.remedy).toBe('Choose another fixed offset, or leave it to the planner.');
    for (const maxChunkSize of [0, -1, NaN]) {
      const error = expectError('BAD_ARGUMENT', 'maxChunkSize', () => place(buffers, { maxChunkSize }));
      expect([error.limit, error.remedy]).toEqual(['above 0', 'Leave it out if chunks are unlimited.']);
    }
    const oversize = expectError('OVERSIZE', 'buffer 0', () => place(buffers, { maxChunkSize: 8 }));
    expect([oversize.value, oversize.limit]).toEqual([9, 'at most maxChunkSize (8)']);
    expect(oversize.remedy).toContain('allowOversize');
    const options = { maxChunkSize: 11, allowOversize: true };
    const high = expectError('OVERSIZE', 'the fixed offset of buffer 1', () => place(buffers, options));
    expect([high.value, high.limit]).toEqual([4, 'low enough to end by 11']);
    expect(place(buffers, { ...options, maxChunkSize: 12 }).chunks).toEqual([12, 9]);
  });

  it('fills holes: a small buffer goes under a large one', () => {
    // B B .      B (8) first, then C (6) on top of it at step 1, then A (2) beside B at offset 0.
    // C C
    const problem = createProblem([
      { size: 2, start: 2, end: 3 },
      { size: 8, start: 0, end: 2 },
      { size: 6, start: 1, end: 3 },
    ]);
    expect([...greedyBySize.place(problem).offsets]).toEqual([0, 0, 8]);
  });

  it('fills the hole that a gap leaves', () => {
    const problem = createProblem([
      { size: 8, start: 0, end: 9, gaps: [{ start: 3, end: 6 }] },
      { size: 8, start: 3, end: 6 },
    ]);
    expect(greedyBySize.place(problem).chunks).toEqual([8]);
  });
});
