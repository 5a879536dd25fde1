import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { placementSize, type Placement, type PlaceOptions } from '../../../src/solver/allocator.js';
import { boundOf } from '../../../src/solver/search/bounds.js';
import { placeInChunks } from '../../../src/solver/search/chunks.js';
import { Budget } from '../../../src/solver/budget.js';
import { fillChunks } from '../../../src/solver/greedy/fill-chunks.js';
import { ORDERS } from '../../../src/solver/greedy/orders.js';
import { createTimeline } from '../../../src/problem/timeline.js';
import { WholeIncumbent } from '../../../src/solver/search/incumbents.js';
import { solve } from '../../../src/solver/search/solve.js';
import { liveLoad } from '../../../src/problem/lower-bound.js';
import { createProblem, type Problem } from '../../../src/problem/problem.js';
import { selectBuffers } from '../../../src/problem/select.js';
import { verifyPlacement } from '../../../src/verify/placement.js';
import { CUT_UP_PEAK, cutUp, OPEN, OPEN_PEAK, uniform } from '../../support/random-problems.js';
import { buffersOf, tinyBuffers } from '../../support/problems.js';

function run(problem: Problem, options: PlaceOptions, goal: number, maxEffort: number): Placement {
  const budget = new Budget({ maxEffort, timeLimitMs: Infinity, signal: undefined, onTick: undefined });
  const found: Placement[] = [];
  const aim = { ...options, capacity: goal };
  const incumbent: WholeIncumbent = new WholeIncumbent(problem, aim, boundOf(problem, options), () => {
    found.push(incumbent.placement!);
  });
  const search = placeInChunks(incumbent, createTimeline(problem), options, budget);
  while (search.next().done !== true);
  found.slice(1).forEach((each, i) => expect(placementSize(each)).toBeLessThan(placementSize(found[i])));
  return found.at(-1)!;
}

describe('placeInChunks', () => {
  it('is no larger than by any order, and the first order where that is good enough', () => {
    const shape = tinyBuffers({ maxCount: 14, maxSize: 9 });
    fc.assert(
      fc.property(shape, fc.constantFrom(9, 12, 16), (list, maxChunkSize) => {
        if (list.length === 0) return;
        const problem = createProblem(list);
        const options = { maxChunkSize };
        const placements = ORDERS.map((order) => {
          const { work, ...placement } = fillChunks(problem, createTimeline(problem), order(problem), options);
          expect(work).toBeGreaterThanOrEqual(0);
          return placement;
        });
        const least = Math.min(...placements.map(placementSize));
        const found = run(problem, options, liveLoad(problem).bytes, 2000);
        expect(verifyPlacement(problem, found, options)).toEqual([]);
        expect(placementSize(found)).toBeLessThanOrEqual(least);
        expect(run(problem, options, Infinity, 2000)).toEqual(placements[0]);
        // The first of the orders that reach the goal.
        const first = placements.find((placement) => placementSize(placement) === least);
        expect(run(problem, options, least, 2000)).toEqual(first);
      }),
      { numRuns: 200 },
    );
  });

  it('finds orders that lead to the live load where no plain order does', () => {
    let byOrders = 0;
    let found = 0;
    for (let seed = 1; seed <= 20; seed++) {
      const problem = createProblem(uniform(40, seed));
      const { bytes } = liveLoad(problem);
      const options = { maxChunkSize: Math.max(Math.ceil(bytes / 2), ...problem.sizes) };
      const timeline = createTimeline(problem);
      const sizes = ORDERS.map((order) => placementSize(fillChunks(problem, timeline, order(problem), options)));
      if (Math.min(...sizes) === bytes) byOrders++;
      if (placementSize(run(problem, options, bytes, 200_000)) === bytes) found++;
    }
    expect({ byOrders, found }).toEqual({ byOrders: 9, found: 20 });
  });

  it('keeps its limit where the exact search counts in units that exceed it', () => {
    // Three buffers of 1,024 bytes in 2,560, thanks to a gap, within a limit of 3,000.
    const problem = createProblem(
      buffersOf([
        [256, 0, 7, 4],
        [64, 1, 4, 2, [2, 3, 0, 32]],
        [64, 2, 4, 2],
        [64, 3, 6, 1],
        [256, 4, 9, 16],
        [100, 5, 9, 4],
        [128, 6, 11, 2],
        [128, 7, 11, 2],
        [128, 8, 11, 2],
        [128, 9, 11, 2],
        [1024, 8, 14, 8, [9, 13, 0, 512]],
        [1024, 9, 14, 8, [10, 13, 0, 512]],
        [1024, 10, 14, 8, [11, 13, 0, 512]],
        [1024, 11, 14, 8, [12, 13, 0, 512]],
        [1024, 12, 14, 8],
        [1024, 10, 15, 64, [11, 14, 0, 512]],
        [1024, 11, 15, 64, [12, 14, 0, 512]],
        [1024, 12, 15, 64, [13, 14, 0, 512]],
        [1024, 13, 15, 64],
        [64, 12, 17, 64],
        [256, 13, 20, 2, [14, 19, 0, 128]],
        [3000, 14, 17, 1],
        [1024, 15, 18, 4, [16, 17, 0, 512]],
        [1, 16, 22, 2],
        [3000, 17, 21, 64],
      ]),
    );
    const options = { maxEffort: 3000, maxChunkSize: 3000 };
    expect(verifyPlacement(problem, solve(problem, options), { maxChunkSize: 3000 })).toEqual([]);
  });

  /** The buffers of one chunk, and nothing else, as a problem. */
  const partOf = (problem: Problem, { chunkOf }: Placement, chunk: number): Problem =>
    selectBuffers(
      problem,
      Int32Array.from(chunkOf.keys()).filter((b) => chunkOf[b] === chunk),
    );

  it.each([
    [30, 1, 1200, 1],
    [60, 3, 1200, 1],
    [60, 3, 700, 2],
    [100, 1, 600, 2],
  ])(
    'makes each chunk as low as its buffers can lie: %i pieces, seed %i, limit %i',
    (count, seed, limit, chunkCount) => {
      for (const unit of [1, 8]) {
        const buffers = cutUp(count, seed).map((piece) => ({ ...piece, size: piece.size * unit, alignment: unit }));
        const problem = createProblem(buffers);
        const options = { maxChunkSize: limit * unit };
        const timeline = createTimeline(problem);
        const byOrders = ORDERS.map((order) => placementSize(fillChunks(problem, timeline, order(problem), options)));
        const found = run(problem, options, CUT_UP_PEAK * unit, 100_000);
        expect(verifyPlacement(problem, found, options)).toEqual([]);
        expect(placementSize(found)).toBeLessThan(Math.min(...byOrders));
        expect(found.chunks.length).toBe(chunkCount);
        found.chunks.forEach((size, chunk) => {
          expect(solve(partOf(problem, found, chunk))).toMatchObject({ status: 'optimal', bufferSize: size });
        });
      }
    },
  );

  it('goes on where the load of a chunk is proven to be too little', () => {
    const problem = createProblem(OPEN);
    expect(liveLoad(problem).bytes).toBeLessThan(OPEN_PEAK);
    const { chunks } = run(problem, { maxChunkSize: 2 * OPEN_PEAK }, 0, 100_000);
    expect(chunks).toEqual([OPEN_PEAK]);
  });

  it('stops at its goal, and lowers nothing where its budget is spent', () => {
    const problem = createProblem(cutUp(30, 1));
    const sizeWith = (goal: number, maxEffort: number): number =>
      placementSize(run(problem, { maxChunkSize: 1200 }, goal, maxEffort));
    const greedy = sizeWith(CUT_UP_PEAK, 0);
    expect(greedy).toBeGreaterThan(CUT_UP_PEAK);
    expect(sizeWith(CUT_UP_PEAK, 100_000)).toBe(CUT_UP_PEAK);
    expect(sizeWith(greedy, 100_000)).toBe(greedy);
  });

  it('rejects a fixed offset whose buffer ends above the limit', () => {
    const problem = createProblem([
      { size: 8, start: 0, end: 4, fixedOffset: 20 },
      { size: 8, start: 0, end: 4 },
    ]);
    expect(() => solve(problem, { maxChunkSize: 16 })).toThrow(
      /the fixed offset of buffer 0, 20, it ends at \d+, but its chunk ends at 16/,
    );
  });

  it('is valid, whatever the limit and the budget', () => {
    const shape = tinyBuffers({ maxCount: 30, maxAlignmentLog2: 3 });
    const limit = fc.constantFrom(8, 11, 20);
    fc.assert(
      fc.property(shape, limit, fc.boolean(), fc.nat({ max: 200 }), (list, maxChunkSize, allowOversize, maxEffort) => {
        const problem = createProblem(list);
        const options = { maxChunkSize, allowOversize };
        const placement = run(problem, options, liveLoad(problem).bytes, maxEffort);
        expect(verifyPlacement(problem, placement, options)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});
