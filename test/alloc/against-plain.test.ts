/** The allocators against themselves, said plainly: every offset, chunk and size the same. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Placement } from '../../src/alloc/allocator.js';
import { ggmlAllocator } from '../../src/alloc/ggml.js';
import { LowestFit } from '../../src/alloc/large/lowest-fit.js';
import { placeOnline } from '../../src/alloc/large/online.js';
import { placeInChunks } from '../../src/alloc/large/place-in-chunks.js';
import { createTimeline } from '../../src/alloc/large/timeline.js';
import { byArea, byLifetime, bySize, byStart } from '../../src/alloc/orders.js';
import { findOverlaps } from '../../src/alloc/overlaps.js';
import { placeInOrder } from '../../src/alloc/place-in-order.js';
import { createProblem, type Buffer, type Problem } from '../../src/problem/problem.js';
import { plainGgml, plainGreedy, plainOnline, type PlainPlacement } from '../support/plain-allocators.js';
import { tinyBuffers } from '../support/problems.js';

const plain = ({ offsets, chunkOf, chunks }: Placement): PlainPlacement => {
  return { offsets: [...offsets], chunkOf: [...chunkOf], chunks: [...chunks] };
};

/** Many short lives of few sizes: memory in pieces. */
const crowded = tinyBuffers({ maxCount: 40, maxStep: 25, maxSize: 24, maxAlignmentLog2: 2, gaps: 'none' });
const withGaps = tinyBuffers({ maxCount: 24, maxStep: 12, maxSize: 12, maxAlignmentLog2: 2 });

/** Tails that are given back again and again, as chains of hand-overs do. */
const shrinking = fc
  .array(
    fc.tuple(fc.nat(8), fc.integer({ min: 1, max: 8 }), fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 3 })),
    { maxLength: 24 },
  )
  .map((rows) =>
    rows.map(([start, life, tails]): Buffer => {
      const end = start + life + tails.length;
      const sizes = [...tails].sort((a, b) => b - a);
      const gaps = sizes.map((upper, i) => ({
        start: start + 1 + i,
        end: i + 1 < sizes.length ? start + 2 + i : end,
        upper,
      }));
      return { size: 1 + (sizes[0] ?? 5), start, end, alignment: 2 ** (start % 3), gaps: life > 0 ? gaps : [] };
    }),
  );

describe('ggml', () => {
  it.each([
    ['crowded', crowded],
    ['with gaps', withGaps],
    ['shrinking', shrinking],
  ])('places %s buffers as ggml does', (_, buffers) => {
    fc.assert(
      fc.property(buffers, fc.constantFrom(Infinity, 40, 16, 7), (list, maxChunkSize) => {
        const problem = createProblem(list);
        expect(plain(ggmlAllocator.place(problem, { maxChunkSize }))).toEqual(plainGgml(problem, maxChunkSize));
      }),
      { numRuns: 300 },
    );
  });

  it('does so with many free blocks', () => {
    const life = fc.tuple(fc.nat(40), fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 6 }));
    fc.assert(
      fc.property(fc.array(life, { minLength: 80, maxLength: 160 }), (rows) => {
        const problem = createProblem(rows.map(([start, length, size]) => ({ start, end: start + length, size })));
        expect(plain(ggmlAllocator.place(problem))).toEqual(plainGgml(problem));
      }),
      { numRuns: 30 },
    );
  });
});

describe('placeInOrder', () => {
  const orders = fc.constantFrom(bySize, byLifetime, byArea, byStart, () => null);
  const fits = fc.constantFrom('best' as const, 'lowest' as const);
  const limits = fc.record({ maxChunkSize: fc.constantFrom(Infinity, 40, 24), allowOversize: fc.boolean() });

  it.each([
    ['crowded', crowded],
    ['with gaps', withGaps],
  ])('takes the hole that it should for %s buffers', (_, buffers) => {
    fc.assert(
      fc.property(buffers, orders, fits, limits, (list, orderOf, fit, options) => {
        const problem = createProblem(list);
        const order = orderOf(problem) ?? Int32Array.from(list.keys());
        const placement = placeInOrder(problem, findOverlaps(problem, Infinity)!, order, fit, options);
        expect(plain(placement)).toEqual(plainGreedy(problem, [...order], fit, options));
      }),
      { numRuns: 200 },
    );
  });

  it('goes round what is fixed', () => {
    const fixed = fc.tuple(withGaps, fc.nat(20), fc.nat(20), fits, limits);
    fc.assert(
      fc.property(fixed, ([list, low, above, fit, options]) => {
        const pinned: Buffer[] = [
          { size: 5, start: 1, end: 6, fixedOffset: low },
          { size: 3, start: 2, end: 9, fixedOffset: low + 5 + above },
        ];
        const problem = createProblem([pinned[0], ...list, pinned[1]]);
        const wide = { ...options, maxChunkSize: Math.max(options.maxChunkSize, low + above + 8) };
        const order = bySize(problem);
        const placement = placeInOrder(problem, findOverlaps(problem, Infinity)!, order, fit, wide);
        expect(plain(placement)).toEqual(plainGreedy(problem, [...order], fit, wide));
      }),
      { numRuns: 200 },
    );
  });
});

describe('large problems', () => {
  const everything = tinyBuffers({ maxCount: 24, maxStep: 12, maxSize: 12, maxAlignmentLog2: 2 });

  it('go to the lowest free offset, whatever the order', () => {
    fc.assert(
      fc.property(everything, fc.constantFrom(bySize, byStart, byLifetime), (list, orderOf) => {
        const problem = createProblem(list);
        const order = orderOf(problem);
        const fit = new LowestFit(problem, createTimeline(problem));
        const offsets: number[] = [];
        for (const b of order) fit.take(b, (offsets[b] = fit.find(b)));
        expect(offsets).toEqual(plainGreedy(problem, [...order], 'lowest').offsets);
        // Freed, it is empty again; an offset to start from is kept to.
        fit.reset();
        for (const b of order) {
          const from = 2 * problem.alignments[b];
          expect([fit.find(b), fit.find(b, from - 1)]).toEqual([0, from - (problem.alignments[b] === 1 ? 1 : 0)]);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('go by size into the chunk that grows least, if they need several', () => {
    fc.assert(
      fc.property(everything, fc.constantFrom(12, 20, 40), fc.option(fc.nat(3)), (list, maxChunkSize, fixedOffset) => {
        const pinned: Buffer[] = fixedOffset === null ? [] : [{ size: 4, start: 0, end: 4, fixedOffset }];
        const problem = createProblem([...list, ...pinned]);
        const placement = placeInChunks(problem, createTimeline(problem), maxChunkSize);
        const options = { maxChunkSize, allowOversize: true };
        expect(plain(placement)).toEqual(plainGreedy(problem, [...bySize(problem)], 'lowest', options));
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    ['crowded', crowded],
    ['with gaps', withGaps],
  ])('are first placed as at run time: %s', (_, buffers) => {
    fc.assert(
      fc.property(buffers, (list) => {
        const problem: Problem = createProblem(list);
        expect([...placeOnline(problem)!]).toEqual(plainOnline(problem));
      }),
      { numRuns: 300 },
    );
  });

  it('are so with many free blocks of like sizes', () => {
    const life = fc.tuple(fc.nat(40), fc.integer({ min: 1, max: 9 }), fc.integer({ min: 64, max: 71 }));
    fc.assert(
      fc.property(fc.array(life, { minLength: 100, maxLength: 200 }), (rows) => {
        const problem = createProblem(rows.map(([start, length, size]) => ({ start, end: start + length, size })));
        expect([...placeOnline(problem)!]).toEqual(plainOnline(problem));
      }),
      { numRuns: 20 },
    );
  });
});
