import { describe, expect, it } from 'vitest';
import { Budget } from '../../../src/solver/budget.js';
import { createInstance, type Units } from '../../../src/solver/exact/instance.js';
import { minimise } from '../../../src/solver/exact/minimise.js';
import { createProblem, type BufferSpec } from '../../../src/problem/problem.js';
import { liveLoad } from '../../../src/problem/lower-bound.js';
import { TrackedIncumbent, type Range } from '../../support/incumbents.js';
import { cutUp, mixed } from '../../support/random-problems.js';

/** Runs to the end and returns the peak of each placement, and the bound of each proof. */
function run(
  range: Range,
  goal: number,
  maxEffort: number,
  buffers = cutUp(40, 3),
): { highs: number[]; lows: number[]; effort: number } {
  const budget = new Budget({ maxEffort, timeLimitMs: Infinity, signal: undefined, onTick: undefined });
  const instance = createInstance(createProblem(buffers));
  const incumbent = new TrackedIncumbent(instance.sizes, range, goal);
  const search = minimise(instance, incumbent, budget);
  while (search.next().done !== true);
  return { highs: incumbent.peaks, lows: incumbent.bounds, effort: budget.effort };
}

const TRAJECTORIES: [string, BufferSpec[], spare: number, goal: number, expected: string][] = [
  ['mixed(14, 78)', mixed(14, 78), 60, 0, '32 31 | 31 | 6777'],
  ['mixed(14, 269)', mixed(14, 269), 5, 0, '31 | 31 | 3869'],
  ['mixed(18, 217)', mixed(18, 217), 60, 0, '37 | 33 34 36 37 | 1348'],
  ['mixed(22, 266)', mixed(22, 266), 300, 0, '46 45 42 | 41 42 | 10765'],
  ['mixed(22, 266), to a goal', mixed(22, 266), 300, 43, '46 44 42 | 41 | 15179'],
  ['mixed(32, 260)', mixed(32, 260), 100, 0, '103 102 | 98 100 101 102 | 10480'],
  ['cutUp(70, 3)', cutUp(70, 3), 500, 0, '1000 |  | 72'],
  ['cutUp(90, 4)', cutUp(90, 4), 100, 0, '1000 |  | 109'],
];

describe('minimise', () => {
  it('does nothing where the range is closed, or the goal is reached', () => {
    expect(run({ bound: 1000, peak: 1000 }, 0, 1e6)).toEqual({ highs: [], lows: [], effort: 0 });
    expect(run({ bound: 900, peak: 1100 }, 1100, 1e6)).toEqual({ highs: [], lows: [], effort: 0 });
  });

  it('closes the range from above, and from below where the bound is too low', () => {
    const range = { bound: 998, peak: 1400 };
    const { highs, lows } = run(range, 0, 1e6);
    expect(range).toEqual({ bound: 1000, peak: 1000 });
    expect(highs.at(-1)).toBe(1000);
    expect(highs).toEqual([...highs].sort((a, b) => b - a));
    expect(lows).toEqual([999, 1000]);
  });

  it('ends at the goal', () => {
    const range = { bound: 1000, peak: 1400 };
    expect(run(range, 1200, 1e6).highs.at(-1)).toBeLessThanOrEqual(1200);
  });

  it('ends with its budget', () => {
    expect(run({ bound: 1000, peak: 1400 }, 0, 20).effort).toBe(20);
  });

  it('goes no further once the capacity is refuted', () => {
    const budget = new Budget({ maxEffort: 1e6, timeLimitMs: Infinity, signal: undefined, onTick: undefined });
    const instance = createInstance(createProblem(cutUp(40, 3)));
    const range = { bound: 990, peak: 1400 };
    const incumbent: TrackedIncumbent<Units> = new TrackedIncumbent(
      instance.sizes,
      range,
      0,
      () => incumbent.bounds.length === 2,
    );
    const search = minimise(instance, incumbent, budget);
    while (search.next().done !== true);
    const { bounds } = incumbent;
    expect(bounds).toHaveLength(2);
    expect(range).toEqual({ bound: bounds[1], peak: 1000 });
    expect(bounds[1]).toBeLessThan(1000);
  });

  // Numbers that are the same on every machine; see search-effort.test.ts.
  it.each(TRAJECTORIES)('finds the same placements and proofs as before: %s', (_, buffers, spare, goal, expected) => {
    const { bytes } = liveLoad(createProblem(buffers));
    const { highs, lows, effort } = run({ bound: bytes, peak: bytes + spare }, goal, 50_000, buffers);
    expect(`${highs.join(' ')} | ${lows.join(' ')} | ${effort}`).toBe(expected);
  });
});
