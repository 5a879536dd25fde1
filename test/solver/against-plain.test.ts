/**
 * The allocators against plain versions of themselves: every offset, chunk and size must be equal.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ggmlAllocator } from '../../src/solver/ggml.js';
import { fillChunks } from '../../src/solver/greedy/fill-chunks.js';
import { placeOnline } from '../../src/solver/greedy/online.js';
import { byLifetime, bySize, byStart } from '../../src/solver/greedy/orders.js';
import { createTimeline } from '../../src/problem/timeline.js';
import { createProblem, type BufferSpec } from '../../src/problem/problem.js';
import { plainGgml, plainGreedy, plainOnline } from '../support/plain-allocators.js';
import { tinyBuffers } from '../support/problems.js';

/** Many short live ranges of few sizes, which fragment memory. */
const crowded = tinyBuffers({ maxCount: 40, maxStep: 25, maxSize: 24, maxAlignmentLog2: 2, gaps: 'none' });
const withGaps = tinyBuffers({ maxCount: 24, maxStep: 12, maxSize: 12, maxAlignmentLog2: 2 });

/** Tails given back again and again, as by chains of reuse; some from the start, some that grow again. */
const shrinking = fc
  .array(
    fc.record({
      start: fc.nat(8),
      rest: fc.integer({ min: 1, max: 8 }),
      tails: fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 3 }),
      alignment: fc.constantFrom(1, 2, 4),
      delay: fc.constantFrom(0, 1, 1, 1),
      isOrdered: fc.constantFrom(true, true, false),
    }),
    { maxLength: 24 },
  )
  .map((rows) =>
    rows.map(({ start, rest, tails, alignment, delay, isOrdered }): BufferSpec => {
      const end = start + rest + delay + tails.length;
      const sizes = isOrdered ? [...tails].sort((a, b) => b - a) : tails;
      const gaps = sizes.map((upper, i) => ({
        start: start + delay + i,
        end: i + 1 < sizes.length ? start + delay + i + 1 : end,
        upper,
      }));
      return { size: 1 + Math.max(5, ...sizes), start, end, alignment, gaps };
    }),
  );

const lives = (maxSteps: number, sizes: fc.Arbitrary<number>, minLength: number): fc.Arbitrary<BufferSpec[]> => {
  const life = fc.record({ start: fc.nat(40), steps: fc.integer({ min: 1, max: maxSteps }), size: sizes });
  const list = fc.array(life, { minLength, maxLength: 2 * minLength });
  return list.map((rows) => rows.map(({ start, steps, size }) => ({ start, end: start + steps, size })));
};

describe('ggmlAllocator', () => {
  it.each([
    ['crowded', crowded],
    ['with gaps', withGaps],
    ['shrinking', shrinking],
  ])('places %s buffers as ggml does', (_, buffers) => {
    fc.assert(
      fc.property(buffers, fc.constantFrom(Infinity, 40, 16, 7), (list, maxChunkSize) => {
        expect(ggmlAllocator.place(createProblem(list), { maxChunkSize })).toEqual(plainGgml(list, maxChunkSize));
      }),
      { numRuns: 300 },
    );
  });

  it('does so with many free blocks', () => {
    fc.assert(
      fc.property(lives(12, fc.integer({ min: 1, max: 6 }), 80), (list) => {
        expect(ggmlAllocator.place(createProblem(list))).toEqual(plainGgml(list));
      }),
      { numRuns: 30 },
    );
  });
});

describe('fillChunks', () => {
  const orders = fc.constantFrom(bySize, byStart, byLifetime);
  const pinned = fc.option(fc.record({ low: fc.nat(20), above: fc.nat(20) }));

  it.each([
    ['crowded', crowded],
    ['with gaps', withGaps],
  ])('takes the lowest offset of the chunk that grows least, round what is fixed: %s buffers', (_, buffers) => {
    const limits = fc.constantFrom(Infinity, 40, 24, 12);
    fc.assert(
      fc.property(buffers, pinned, orders, limits, (list, pins, orderOf, limit) => {
        const fixed: BufferSpec[] = [];
        if (pins !== null) {
          fixed.push({ size: 5, start: 1, end: 6, fixedOffset: pins.low });
          fixed.push({ size: 3, start: 2, end: 9, fixedOffset: pins.low + 5 + pins.above });
        }
        // In the middle, so that the fixed buffers have neither the first nor the last index.
        const all = [...list.slice(0, 3), ...fixed, ...list.slice(3)];
        const maxChunkSize = pins === null ? limit : Math.max(limit, pins.low + pins.above + 8);
        const problem = createProblem(all);
        const order = orderOf(problem);
        const options = { maxChunkSize, allowOversize: true };
        const { offsets, chunkOf, chunks } = fillChunks(problem, createTimeline(problem), order, options);
        expect({ offsets, chunkOf, chunks }).toEqual(plainGreedy(all, order, maxChunkSize));
      }),
      { numRuns: 300 },
    );
  });
});

/** Every second buffer of many ends at once, so that the next buffers find many holes. */
const holey = (sizes: fc.Arbitrary<number>): fc.Arbitrary<BufferSpec[]> =>
  fc
    .tuple(fc.array(sizes, { minLength: 80, maxLength: 120 }), fc.array(sizes, { minLength: 60, maxLength: 90 }))
    .map(([first, then]) => [
      ...first.map((size, i) => ({ size, start: 0, end: i % 2 === 0 ? 1 : 99 })),
      ...then.map((size, i) => ({ size, start: 1 + i, end: 2 + i + (size % 7) })),
    ]);

describe('placeOnline', () => {
  it.each([
    ['crowded', crowded, 300],
    ['with gaps', withGaps, 300],
    ['far alignments', tinyBuffers({ maxCount: 60, maxStep: 25, maxSize: 24, maxAlignmentLog2: 7, gaps: 'none' }), 300],
    ['few sizes', lives(9, fc.integer({ min: 64, max: 71 }), 100), 20],
    ['many holes of one bin', holey(fc.integer({ min: 1024, max: 1055 })), 20],
    ['holes of many bins', holey(fc.integer({ min: 64, max: 500 })), 20],
  ])('takes the block that an allocator at run time would: %s', (_, buffers, numRuns) => {
    fc.assert(
      fc.property(buffers, (list) => {
        expect(placeOnline(createProblem(list))).toEqual(plainOnline(list));
      }),
      { numRuns },
    );
  });
});
