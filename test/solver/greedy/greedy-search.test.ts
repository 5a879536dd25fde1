import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLowestFit } from '../../../src/solver/greedy/lowest-fit.js';
import { placeOnline } from '../../../src/solver/greedy/online.js';
import { ORDERS } from '../../../src/solver/greedy/orders.js';
import { GreedySearch } from '../../../src/solver/greedy/search.js';
import { createTimeline } from '../../../src/problem/timeline.js';
import { liveLoad } from '../../../src/problem/lower-bound.js';
import { createProblem, type BufferSpec, type Problem } from '../../../src/problem/problem.js';
import { verifyPlacement } from '../../../src/verify/placement.js';
import { tinyBuffers } from '../../support/problems.js';
import { uniform } from '../../support/random-problems.js';

/** One round without its pauses. */
function runRound(search: GreedySearch, workBudget: number): boolean {
  const round = search.round(workBudget);
  let result = round.next();
  while (result.done !== true) result = round.next();
  return result.value;
}

/** All rounds within a budget of work, down to the live load. */
function searchGreedily(problem: Problem, workBudget: number): GreedySearch {
  const search = new GreedySearch(problem, createTimeline(problem), liveLoad(problem).bytes);
  while (runRound(search, workBudget));
  const chunkOf = new Int32Array(problem.bufferCount);
  expect(verifyPlacement(problem, { offsets: search.offsets, chunkOf, chunks: [search.peak] })).toEqual([]);
  return search;
}

describe('GreedySearch', () => {
  it('reaches the live load where one order does', () => {
    // A A B B      By size C goes on top of A or of B and ends at 20; by lifetime it lies at the bottom.
    // C C C .
    const problem = createProblem([
      { size: 8, start: 0, end: 2 },
      { size: 8, start: 2, end: 4 },
      { size: 6, start: 0, end: 3 },
    ]);
    expect(searchGreedily(problem, 1e6).peak).toBe(14);
  });

  it('is valid with alignments, gaps, fixed offsets and any budget, and the same each time', () => {
    const fixed = fc.tuple(fc.nat({ max: 30 }), fc.nat({ max: 30 }));
    const buffers = tinyBuffers({ maxCount: 30, maxAlignmentLog2: 3 });
    fc.assert(
      fc.property(buffers, fc.option(fixed), fc.nat({ max: 3000 }), (list, offsets, workBudget) => {
        const pinned: BufferSpec[] = [];
        if (offsets !== null) {
          pinned.push({ size: 5, start: 0, end: 4, fixedOffset: offsets[0] });
          pinned.push({ size: 5, start: 2, end: 6, fixedOffset: offsets[0] + 5 + offsets[1] });
        }
        const problem = createProblem([...list, ...pinned]);
        const search = searchGreedily(problem, workBudget);
        expect(search.peak).toBeGreaterThanOrEqual(liveLoad(problem).bytes);
        expect(searchGreedily(problem, workBudget).offsets).toEqual(search.offsets);
      }),
      { numRuns: 500 },
    );
  });

  it('never gets worse with a larger budget', () => {
    fc.assert(
      fc.property(tinyBuffers({ maxCount: 40, maxStep: 20 }), fc.nat({ max: 5000 }), (list, workBudget) => {
        const problem = createProblem(list);
        const more = searchGreedily(problem, 2 * workBudget).peak;
        expect(more).toBeLessThanOrEqual(searchGreedily(problem, workBudget).peak);
      }),
    );
  });

  it('does not depend on what the steps are called', () => {
    fc.assert(
      fc.property(tinyBuffers({ maxCount: 20 }), fc.integer({ min: 1, max: 50 }), (list, factor) => {
        const move = (step: number): number => factor * step - 1000;
        const moved = list.map(({ gaps, ...buffer }) => ({
          ...buffer,
          start: move(buffer.start),
          end: move(buffer.end),
          gaps: gaps?.map((gap) => ({ ...gap, start: move(gap.start), end: move(gap.end) })),
        }));
        const search = searchGreedily(createProblem(moved), 1e5);
        expect(search.offsets).toEqual(searchGreedily(createProblem(list), 1e5).offsets);
      }),
    );
  });

  it('has a placement after the first pause at which its peak is finite', () => {
    const problem = createProblem(uniform(20_000, 3));
    const search = new GreedySearch(problem, createTimeline(problem), liveLoad(problem).bytes);
    const round = search.round(Infinity);
    while (search.peak === Infinity) round.next();
    const chunkOf = new Int32Array(problem.bufferCount);
    expect(verifyPlacement(problem, { offsets: search.offsets, chunkOf, chunks: [search.peak] })).toEqual([]);
  });

  it('ends at its goal', () => {
    const problem = createProblem(uniform(400, 2));
    const peakOf = (goal: number): GreedySearch => {
      const search = new GreedySearch(problem, createTimeline(problem), goal);
      expect(runRound(search, Infinity)).toBe(false);
      return search;
    };
    const first = peakOf(Infinity);
    expect(peakOf(first.peak)).toMatchObject({ peak: first.peak, work: first.work });
    const next = new GreedySearch(problem, createTimeline(problem), first.peak - 1);
    runRound(next, Infinity);
    expect(next.peak).toBeLessThan(first.peak);
    expect(next.work).toBeGreaterThan(first.work);
  });

  it('spends its budget and hardly more, but ends one placement first', () => {
    const problem = createProblem(uniform(600, 3));
    const peaks = [0, 1e4, 1e5, 1e6].map((workBudget) => {
      const search = searchGreedily(problem, workBudget);
      expect(search.work).toBeLessThanOrEqual(workBudget + 50 * 600);
      if (workBudget > 1e5) expect(search.work).toBeGreaterThan(workBudget / 2);
      return search.peak;
    });
    expect(peaks).toEqual([...peaks].sort((a, b) => b - a));
    expect(peaks[3]).toBeLessThan(peaks[0]);
  });

  it('moves forward what ends too high until the goal is reached', () => {
    const placeBy = (problem: Problem, order: Int32Array): number => {
      const fit = createLowestFit(problem, createTimeline(problem));
      const ends = [...order].map((b) => {
        const offset = fit.find(b);
        fit.take(b, offset);
        return offset + problem.sizes[b];
      });
      return Math.max(...ends);
    };
    // Neither a plain order nor the allocator at run time reaches the load; some moves do.
    const shape = tinyBuffers({ maxCount: 14, maxSize: 8, maxStep: 10, gaps: 'none' });
    const hard = fc
      .sample(shape, { numRuns: 4000, seed: 3 })
      .map(createProblem)
      .filter((problem) => {
        const bound = liveLoad(problem).bytes;
        if (problem.bufferCount < 6) return false;
        const online = placeOnline(problem)!.reduce((top, offset, b) => Math.max(top, offset + problem.sizes[b]), 0);
        return online > bound && ORDERS.every((order) => placeBy(problem, order(problem)) > bound);
      });
    expect(hard.length).toBeGreaterThan(10);
    const reached = hard.filter((problem) => searchGreedily(problem, 2e5).peak === liveLoad(problem).bytes);
    expect(reached.length).toBeGreaterThan(hard.length / 3);
    // With few late buffers, no second round is needed.
    const atOnce = hard.filter((problem) => {
      const search = new GreedySearch(problem, createTimeline(problem), liveLoad(problem).bytes);
      runRound(search, 2e5);
      return search.peak === liveLoad(problem).bytes;
    });
    expect(atOnce.length).toBeGreaterThan(hard.length / 10);
  });

  it('gives an attempt up in its middle once its work is spent', () => {
    const count = 3000;
    const problem = createProblem(uniform(count, 1));
    for (const workBudget of [6e5, 1e6]) {
      const search = searchGreedily(problem, workBudget);
      expect(search.work).toBeGreaterThan(workBudget - 50 * count);
      expect(search.work).toBeLessThan(workBudget + count); // one more look at all others, at most
    }
  });

  it('begins with an order where nothing can be placed as at run time, and keeps what is fixed', () => {
    const problem = createProblem([
      { size: 4, start: 0, end: 2, fixedOffset: 2 },
      { size: 2, start: 0, end: 2 },
      { size: 9, start: 2, end: 3 },
    ]);
    const search = searchGreedily(problem, 0);
    expect([[...search.offsets], search.peak]).toEqual([[2, 0, 0], 9]);
  });

  it('rejects fixed offsets that collide', () => {
    const fixed = (size: number, fixedOffset: number): BufferSpec => ({ size, start: 0, end: 4, fixedOffset });
    const problem = createProblem([fixed(8, 0), fixed(4, 6)]);
    expect(() => searchGreedily(problem, 1e6)).toThrow(/the fixed offset of buffer 1, 6, it overlaps/);
    const named = createProblem([fixed(8, 0), { ...fixed(4, 6), name: 'beta' }]);
    expect(() => searchGreedily(named, 1e6)).toThrow(/the fixed offset of buffer beta, 6, it overlaps/);
  });
});
