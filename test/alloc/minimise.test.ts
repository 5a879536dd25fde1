import { describe, expect, it } from 'vitest';
import { Budget } from '../../src/alloc/exact/budget.js';
import { createInstance } from '../../src/alloc/exact/instance.js';
import { minimise, type Range } from '../../src/alloc/exact/minimise.js';
import { createProblem } from '../../src/problem/problem.js';
import { cutUp } from '../support/random-problems.js';

/** Runs to the end and returns what `high` was at each placement, and `low` at each proof. */
function run(range: Range, goal: number, maxSteps: number): { highs: number[]; lows: number[]; steps: number } {
  const budget = new Budget({ maxSteps, timeLimitMs: Infinity, signal: undefined, onTick: undefined });
  const highs: number[] = [];
  const lows: number[] = [];
  const search = minimise(createInstance(createProblem(cutUp(40, 3))), range, goal, budget, {
    onPlacement: () => void highs.push(range.high),
    onBound: () => lows.push(range.low) > 0,
  });
  while (search.next().done !== true);
  return { highs, lows, steps: budget.steps };
}

describe('minimise', () => {
  it('does nothing where the range is closed, or the goal is reached', () => {
    expect(run({ low: 1000, high: 1000 }, 0, 1e6)).toEqual({ highs: [], lows: [], steps: 0 });
    expect(run({ low: 900, high: 1100 }, 1100, 1e6)).toEqual({ highs: [], lows: [], steps: 0 });
  });

  it('closes the range from above, and from below where the bound is too low', () => {
    const range = { low: 998, high: 1400 };
    const { highs, lows } = run(range, 0, 1e6);
    expect(range).toEqual({ low: 1000, high: 1000 });
    expect(highs.at(-1)).toBe(1000);
    expect(highs).toEqual([...highs].sort((a, b) => b - a));
    expect(lows).toEqual([999, 1000]);
  });

  it('ends at the goal', () => {
    const range = { low: 1000, high: 1400 };
    expect(run(range, 1200, 1e6).highs.at(-1)).toBeLessThanOrEqual(1200);
  });

  it('ends with its budget', () => {
    expect(run({ low: 1000, high: 1400 }, 0, 20).steps).toBe(20);
  });
});
