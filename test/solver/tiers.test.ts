/** Two memories: held to every choice of buffers on small problems, and to its own bound on all. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { liveLoad } from '../../src/problem/lower-bound.js';
import { createProblem, type Problem } from '../../src/problem/problem.js';
import { selectBuffers } from '../../src/problem/select.js';
import { solve } from '../../src/solver/search/solve.js';
import { placeInTiers } from '../../src/solver/tiers.js';
import { verifyPlacement } from '../../src/verify/placement.js';
import { expectError } from '../support/expect-error.js';

interface Drawn {
  readonly problem: Problem;
  readonly traffic: readonly number[];
  readonly capacity: number;
}

const arbitraryDrawn = (most: number): fc.Arbitrary<Drawn> =>
  fc
    .record({
      buffers: fc.array(
        fc.record({
          size: fc.integer({ min: 1, max: 20 }),
          start: fc.nat({ max: 8 }),
          length: fc.integer({ min: 1, max: 5 }),
          traffic: fc.nat({ max: 200 }),
        }),
        { minLength: 1, maxLength: most },
      ),
      capacity: fc.nat({ max: 60 }),
    })
    .map(({ buffers, capacity }) => ({
      problem: createProblem(buffers.map(({ size, start, length }) => ({ size, start, end: start + length }))),
      traffic: buffers.map(({ traffic }) => traffic),
      capacity,
    }));

/** The least traffic of all choices whose fast buffers can be placed. */
function leastByTrying({ problem, traffic, capacity }: Drawn): number {
  let least = Infinity;
  for (let choice = 0; choice < 2 ** problem.bufferCount; choice++) {
    const isFast = (buffer: number): boolean => Math.floor(choice / 2 ** buffer) % 2 === 1;
    const slow = traffic.reduce((sum, bytes, buffer) => (isFast(buffer) ? sum : sum + bytes), 0);
    if (slow >= least) continue;
    const fast = Int32Array.from(traffic.keys()).filter(isFast);
    const part = selectBuffers(problem, fast);
    if (liveLoad(part).bytes <= capacity && solve(part, { capacity }).bufferSize <= capacity) least = slow;
  }
  return least;
}

describe('placeInTiers', () => {
  it('places buffers right, within the fast memory, and not below its bound', () => {
    fc.assert(
      fc.property(arbitraryDrawn(30), ({ problem, traffic, capacity }) => {
        const tiers = placeInTiers(problem, { capacity, traffic });
        expect(verifyPlacement(problem, tiers)).toEqual([]);
        expect(tiers.chunks[0]).toBeLessThanOrEqual(capacity);
        const slow = traffic.filter((_, buffer) => tiers.chunkOf[buffer] === 1);
        expect(tiers.slowTraffic).toBe(slow.reduce((sum, bytes) => sum + bytes, 0));
        expect(tiers.trafficBound).toBeLessThanOrEqual(tiers.slowTraffic);
      }),
    );
  });

  it('has a bound that no choice goes below, and is close to the best choice', () => {
    let [ours, best, optimal, runs] = [0, 0, 0, 0];
    fc.assert(
      fc.property(arbitraryDrawn(7), (drawn) => {
        const least = leastByTrying(drawn);
        const { problem, capacity, traffic } = drawn;
        const { slowTraffic, trafficBound, isOptimal } = placeInTiers(problem, { capacity, traffic });
        expect(trafficBound).toBeLessThanOrEqual(least);
        expect(slowTraffic).toBeGreaterThanOrEqual(least);
        if (isOptimal) expect(slowTraffic).toBe(least);
        [ours, best, runs] = [ours + slowTraffic, best + least, runs + 1];
        if (slowTraffic === least) optimal++;
      }),
    );
    expect(ours).toBeLessThanOrEqual(1.1 * best);
    expect(optimal).toBeGreaterThan(0.8 * runs);
  });

  it('needs no slow memory where all fits, and no fast one where there is none', () => {
    const problem = createProblem([
      { size: 64, start: 0, end: 2 },
      { size: 64, start: 1, end: 3 },
    ]);
    expect(placeInTiers(problem, { capacity: 128, traffic: [1, 1] })).toMatchObject({
      slowTraffic: 0,
      isOptimal: true,
    });
    expect(placeInTiers(problem, { capacity: 0, traffic: [1, 2] })).toMatchObject({ slowTraffic: 3, isOptimal: true });
  });

  it('answers bad settings with sentences', () => {
    const problem = createProblem([{ size: 64, start: 0, end: 2 }]);
    expectError('BAD_ARGUMENT', 'capacity', () => placeInTiers(problem, { capacity: -1, traffic: [1] }));
    expectError('BAD_ARGUMENT', 'traffic', () => placeInTiers(problem, { capacity: 1, traffic: [] }));
    expectError('BAD_ARGUMENT', 'traffic[0]', () => placeInTiers(problem, { capacity: 1, traffic: [0.5] }));
  });
});
