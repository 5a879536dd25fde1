import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { floorLog2 } from '../../src/alloc/large/floor-log2.js';
import { IntervalSets } from '../../src/alloc/large/interval-sets.js';
import { largeOrders } from '../../src/alloc/large/large-orders.js';
import { LowestFit } from '../../src/alloc/large/lowest-fit.js';
import { placeOnline } from '../../src/alloc/large/online.js';
import { createTimeline } from '../../src/alloc/large/timeline.js';
import { byArea, byLifetime, byLoad, bySize } from '../../src/alloc/orders.js';
import { findOverlaps } from '../../src/alloc/overlaps.js';
import { placeInOrder } from '../../src/alloc/place-in-order.js';
import { createProblem, type Problem } from '../../src/problem/problem.js';
import { verifyPlacement } from '../../src/verify/placement.js';
import { tinyBuffers } from '../support/problems.js';
import { nested, network, uniform } from '../support/random-problems.js';

const placeAll = (problem: Problem, order: Int32Array): Float64Array => {
  const fit = new LowestFit(problem, createTimeline(problem));
  const offsets = new Float64Array(problem.bufferCount);
  for (const b of order) {
    offsets[b] = fit.find(b);
    fit.take(b, offsets[b]);
  }
  return offsets;
};

const greedy = (problem: Problem, order: Int32Array): Float64Array =>
  placeInOrder(problem, findOverlaps(problem, Infinity)!, order, 'lowest').offsets;

describe('LowestFit', () => {
  it('gives the offsets of the greedy that lists all overlaps', () => {
    const options = { maxCount: 40, maxStep: 30, maxAlignmentLog2: 2, gaps: 'full' } as const;
    fc.assert(
      fc.property(tinyBuffers(options), fc.constantFrom(bySize, byArea, byLifetime), (buffers, order) => {
        const problem = createProblem(buffers);
        expect(placeAll(problem, order(problem))).toEqual(greedy(problem, order(problem)));
      }),
      { numRuns: 1000 },
    );
  });

  it.each(Object.entries({ uniform, nested, network }))('does so on 1,500 %s buffers', (_, generate) => {
    for (let seed = 0; seed < 4; seed++) {
      const problem = createProblem(generate(1500, seed));
      for (const order of [bySize, byLifetime]) {
        expect(placeAll(problem, order(problem))).toEqual(greedy(problem, order(problem)));
      }
    }
  });

  it('uses the part of a buffer that a gap releases', () => {
    const problem = createProblem([
      { size: 8, start: 0, end: 9, gaps: [{ start: 3, end: 6, lower: 0, upper: 3 }] },
      { size: 5, start: 3, end: 6 },
    ]);
    expect([...placeAll(problem, Int32Array.of(0, 1))]).toEqual([0, 3]);
  });
});

describe('createTimeline', () => {
  it('joins steps unless something ends and something starts between them', () => {
    const problem = createProblem([
      { size: 1, start: 0, end: 3 },
      { size: 1, start: 1, end: 4 },
      { size: 1, start: 4, end: 6 },
    ]);
    const { sectionCount, starts, ends } = createTimeline(problem);
    expect([sectionCount, ...starts, ...ends]).toEqual([2, 0, 0, 1, 1, 1, 2]);
  });

  it('keeps which buffers share a step', () => {
    fc.assert(
      fc.property(tinyBuffers({ maxCount: 12, maxStep: 15, gaps: 'none' }), (buffers) => {
        const { starts, ends } = createTimeline(createProblem(buffers));
        buffers.forEach((a, i) =>
          buffers.forEach((b, j) => {
            expect(starts[i] < ends[j] && starts[j] < ends[i]).toBe(a.start < b.end && b.start < a.end);
          }),
        );
      }),
    );
  });
});

describe('IntervalSets', () => {
  it('holds the union of what was added, in few intervals', () => {
    const interval = fc.tuple(fc.nat({ max: 2 }), fc.nat({ max: 200 }), fc.integer({ min: 1, max: 6 }));
    fc.assert(
      fc.property(fc.array(interval, { maxLength: 120 }), (intervals) => {
        const sets = new IntervalSets(3);
        const taken = Array.from({ length: 3 }, () => new Uint8Array(208));
        for (const [set, low, length] of intervals) {
          sets.add(set, low, low + length);
          taken[set].fill(1, low, low + length);
        }
        taken.forEach((_, set) => {
          const runs = [...taken[set].join('').matchAll(/1+/g)];
          const expected = runs.map((run) => [run.index, run.index + run[0].length]);
          const slots = Array.from({ length: sets.counts[set] }, (_, i) => sets.first[set] + i);
          expect(slots.map((slot) => [sets.lows[slot], sets.highs[slot]])).toEqual(expected);
        });
      }),
    );
  });
});

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

  it('declines fixed offsets, and padding beyond exact numbers', () => {
    expect(placeOnline(createProblem([{ size: 4, start: 0, end: 1, fixedOffset: 0 }]))).toBeNull();
    const padded = createProblem([
      { size: 2 ** 51, start: 0, end: 1, alignment: 2 ** 51 },
      ...Array.from({ length: 4 }, () => ({ size: 1, start: 0, end: 1 })),
    ]);
    expect(placeOnline(padded)).toBeNull();
  });
});

describe('largeOrders', () => {
  it('begins with the orders that the greedy family knows', () => {
    fc.assert(
      fc.property(tinyBuffers({ maxCount: 30, maxStep: 30 }), (buffers) => {
        const problem = createProblem(buffers);
        const orders = [...largeOrders(problem)].map((order) => [...order]);
        for (const order of [bySize, byLoad, byLifetime, byArea]) expect(orders).toContainEqual([...order(problem)]);
        for (const order of orders) expect(order.sort((a, b) => a - b)).toEqual([...buffers.keys()]);
      }),
    );
  });
});

describe('floorLog2', () => {
  it('is exact at the powers of two and beside them', () => {
    for (let k = 0; k <= 52; k++) {
      expect(floorLog2(2 ** k)).toBe(k);
      expect(floorLog2(2 ** k + (2 ** k - 1))).toBe(k);
    }
  });
});
