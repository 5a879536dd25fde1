/** Local search over orders: what it finds where bounds are weak, and that it is valid, bounded and repeatable. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stackBoundOf } from '../../../src/solver/search/bounds.js';
import { Budget } from '../../../src/solver/budget.js';
import { climb } from '../../../src/solver/greedy/order-climb.js';
import { createProblem, type BufferSpec, type Problem } from '../../../src/problem/problem.js';
import { verifyPlacement } from '../../../src/verify/placement.js';
import { TrackedIncumbent } from '../../support/incumbents.js';
import { tinyBuffers } from '../../support/problems.js';
import { mixed } from '../../support/random-problems.js';

interface Climb {
  /** Peaks of the placements, in the order in which they were found. */
  readonly peaks: number[];
  readonly effort: number;
  readonly pauses: number;
}

function run(problem: Problem, peak: number, goal: number, maxEffort: number): Climb {
  const budget = new Budget({ maxEffort, timeLimitMs: Infinity, signal: undefined, onTick: undefined });
  const incumbent = new (class extends TrackedIncumbent<Float64Array> {
    override offer(offsets: Float64Array): void {
      super.offer(offsets);
      const placement = { offsets, chunkOf: new Int32Array(problem.bufferCount), chunks: [this.peak] };
      expect(verifyPlacement(problem, placement)).toEqual([]);
    }
  })(problem.sizes, { bound: 0, peak }, goal);
  const search = climb(problem, incumbent, budget);
  let pauses = 0;
  while (search.next().done !== true) pauses++;
  return { peaks: incumbent.peaks, effort: budget.effort, pauses };
}

/** Forty buffers with alignments up to 256 and gaps that leave a window. */
function loose(seed: number): BufferSpec[] {
  return mixed(40, seed).map(({ size, start, end, alignment = 1, gaps = [] }) => ({
    size: size * 37,
    start,
    end,
    alignment: alignment ** 4,
    gaps: gaps.map((gap) => ({ ...gap, lower: size * 10, upper: size * 20 })),
  }));
}

describe('climb', () => {
  it('goes down only, to valid placements, and ends at its goal or with its budget', () => {
    const shape = tinyBuffers({ gaps: 'window', maxCount: 7, maxAlignmentLog2: 3 }).filter(({ length }) => length > 0);
    fc.assert(
      fc.property(shape, fc.integer({ min: 1, max: 100 }), (buffers, maxEffort) => {
        const problem = createProblem(buffers);
        const goal = stackBoundOf(problem).bytes;
        const { peaks, effort } = run(problem, Infinity, goal, maxEffort);
        expect(peaks).toEqual([...new Set(peaks)].sort((a, b) => b - a));
        expect(effort).toBeLessThanOrEqual(maxEffort);
        if (effort < maxEffort) expect(peaks.at(-1)).toBe(goal);
      }),
      { numRuns: 300 },
    );
  });

  it('takes at least one unit of effort an order, and pauses for the caller', () => {
    const problem = createProblem(loose(1));
    expect(run(problem, Infinity, 0, 1000)).toMatchObject({ effort: 1000, pauses: 15 });
    expect(run(problem, Infinity, Infinity, 1000)).toEqual({ peaks: [], effort: 0, pauses: 0 });
  });

  it('keeps fixed offsets', () => {
    const buffers = loose(2).map((buffer, b) => (b === 0 ? { ...buffer, fixedOffset: 4096 } : buffer));
    expect(run(createProblem(buffers), Infinity, 0, 200).peaks.length).toBeGreaterThan(0);
  });

  it('takes away a good part of what the first order leaves above the bound', () => {
    let [first, last] = [0, 0];
    for (const seed of [1, 2, 3, 4]) {
      const problem = createProblem(loose(seed));
      const { bytes } = stackBoundOf(problem);
      const { peaks } = run(problem, Infinity, bytes, 4000);
      first += peaks[0] - bytes;
      last += peaks.at(-1)! - bytes;
    }
    expect(last).toBeLessThan(0.6 * first);
  });

  // Numbers that are the same on every machine; see search-effort.test.ts.
  it('takes the way that it took', () => {
    const ways = [1, 2, 3].map((seed) => run(createProblem(loose(seed)), Infinity, 0, 3000).peaks.join(' '));
    expect(ways).toEqual([
      '4170 3914 3812 3806 3735 3701 3624',
      '3631 3624 3599 3564 3553 3550 3539 3513',
      '4282 4266 4217 4081 4077 4069 3989 3973 3971 3964 3902 3886 3867',
    ]);
  });
});
