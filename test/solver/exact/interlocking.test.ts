/**
 * The search for buffers that need only some of their bytes at times, and its parts.
 */
import { describe, expect, it } from 'vitest';
import { Budget } from '../../../src/solver/budget.js';
import { DifferenceBounds } from '../../../src/solver/exact/difference-bounds.js';
import { Interlocking } from '../../../src/solver/exact/interlocking.js';
import { findOverlaps } from '../../../src/problem/overlaps.js';
import { findSeparations } from '../../../src/solver/exact/separations.js';
import { createTimeline } from '../../../src/problem/timeline.js';
import { createRandom } from '../../../src/solver/random.js';
import { solve } from '../../../src/solver/search/solve.js';
import { createProblem, type BufferSpec } from '../../../src/problem/problem.js';
import { expectValid } from '../../support/solve-valid.js';

/** The first buffer needs its lower half, then its upper half; the second one the reverse. */
const HALVES: readonly BufferSpec[] = [
  { size: 8, start: 0, end: 4, gaps: [{ start: 0, end: 2, upper: 4 }, { start: 2, end: 4, lower: 4, upper: 8 }] },
  { size: 8, start: 0, end: 4, gaps: [{ start: 0, end: 2, lower: 4, upper: 8 }, { start: 2, end: 4, upper: 4 }] },
]; // prettier-ignore

const budgetOf = (maxEffort: number): Budget =>
  new Budget({ maxEffort, timeLimitMs: Infinity, signal: undefined, onTick: undefined });

describe('findSeparations', () => {
  const separationsOf = (buffers: readonly BufferSpec[]) => {
    const problem = createProblem(buffers);
    return findSeparations(createTimeline(problem), findOverlaps(problem));
  };

  it('excludes a difference for each time at which two meet, and lets them touch', () => {
    const { count, firsts, seconds, rows, lows, highs } = separationsOf(HALVES);
    expect([count, [...firsts], [...seconds], [...rows]]).toEqual([1, [0], [1], [0, 2]]);
    // At first the differences between -8 and 0 are excluded, then those between 0 and 8.
    expect([...lows].map((low, r) => [low, highs[r]])).toEqual([[-8, 0], [0, 8]]); // prettier-ignore
  });

  it('joins what overlaps, and names each pair once', () => {
    const { count, lows, highs } = separationsOf([
      { size: 5, start: 0, end: 9, gaps: [{ start: 2, end: 4, upper: 2 }, { start: 6, end: 7, upper: 1 }] },
      { size: 3, start: 1, end: 9 },
      { size: 1, start: 9, end: 10 },
    ]); // prettier-ignore
    expect([count, [...lows], [...highs]]).toEqual([1, [-3], [5]]);
  });
});

describe('DifferenceBounds', () => {
  const three = createProblem([1, 2, 3].map((size) => ({ size, start: 0, end: 1 })));

  it('raises what is above, and forgets what is undone', () => {
    const bounds = new DifferenceBounds(three);
    expect(bounds.add({ lower: 0, upper: 1, distance: 4 }, 100)).toBe('holds');
    const mark = bounds.mark();
    expect(bounds.add({ lower: 1, upper: 2, distance: -1 }, 100)).toBe('holds');
    expect(bounds.add({ lower: 2, upper: 0, distance: -3 }, 100)).toBe('holds');
    expect([...bounds.offsets]).toEqual([0, 4, 3]);
    bounds.undo(mark);
    expect([...bounds.offsets]).toEqual([0, 4, 0]);
    expect(bounds.add({ lower: 1, upper: 0, distance: -4 }, 100)).toBe('holds');
    expect([...bounds.offsets]).toEqual([0, 4, 0]);
  });

  it('fails above the limit, at a fixed offset, and where bounds raise each other', () => {
    expect(new DifferenceBounds(three).add({ lower: 0, upper: 2, distance: 5 }, 7)).toBe('fails');
    const fixed = createProblem([{ size: 1, start: 0, end: 1 }, { size: 1, start: 0, end: 1, fixedOffset: 2 }]); // prettier-ignore
    expect(new DifferenceBounds(fixed).add({ lower: 0, upper: 1, distance: 3 }, 99)).toBe('fails');
    const circle = new DifferenceBounds(three);
    expect(circle.add({ lower: 0, upper: 1, distance: 1 }, 2 ** 52)).toBe('holds');
    expect(circle.add({ lower: 1, upper: 0, distance: 0 }, 2 ** 52)).toBe('fails');
    expect(circle.raises).toBeLessThan(20);
  });

  it('leaves open what alignments might stop', () => {
    const aligned = createProblem([1, 2].map((size) => ({ size, start: 0, end: 1, alignment: 2 })));
    const bounds = new DifferenceBounds(aligned);
    expect(bounds.add({ lower: 0, upper: 1, distance: 1 }, 2 ** 52)).toBe('holds');
    expect(bounds.offsets[1]).toBe(2);
    expect(bounds.add({ lower: 1, upper: 0, distance: -1 }, 2 ** 52)).toBe('endless');
  });
});

describe('Interlocking', () => {
  it('puts two buffers into the same bytes, and proves that they need them', () => {
    const problem = createProblem(HALVES);
    const search = new Interlocking(problem, findOverlaps(problem));
    expect(search.advance(8, Infinity, budgetOf(Infinity))).toBe('found');
    expect([...search.offsets]).toEqual([0, 0]);
    expect(search.advance(7, Infinity, budgetOf(Infinity))).toBe('exhausted');
  });

  it('pauses after so many nodes and stops with its budget, and goes on from there', () => {
    // The minimum is 25 bytes, above the bounds, and takes a hundred nodes to prove. The seed was found by trial.
    let state = 8;
    const next = (below: number): number => {
      state = (state * 48271) % 2147483647;
      return state % below;
    };
    const buffers = Array.from({ length: 7 }, (): BufferSpec => {
      const start = next(5);
      const end = start + 3 + next(4);
      const size = 2 + next(7);
      const lower = Math.min(next(3), size);
      const upper = Math.min(lower + next(Math.max(1, size - lower)), size);
      return { size, start, end, gaps: [{ start: start + 1, end: end - 1, lower, upper }] };
    });
    const problem = createProblem(buffers);
    const { bufferSize } = expectValid(buffers);
    expect(bufferSize).toBe(25);
    const search = new Interlocking(problem, findOverlaps(problem));
    expect(search.advance(bufferSize - 1, Infinity, budgetOf(1))).toBe('stopped');
    let pauses = 0;
    for (let outcome; (outcome = search.advance(bufferSize - 1, 2, budgetOf(1000))) !== 'exhausted'; pauses++) {
      expect(outcome).toBe('paused');
    }
    expect(pauses).toBeGreaterThan(10);
    expect(search.nodes - (1 + 2 * pauses)).toBeOneOf([1, 2]);
  });
});

describe('solve, where small parts have partial gaps', () => {
  it('proves them with little effort, before other orders are tried', () => {
    let total = 0;
    for (let seed = 1; seed <= 100; seed++) {
      const random = createRandom(seed);
      const below = (limit: number): number => Math.floor(random() * limit);
      const buffers = Array.from({ length: 5 }, () => {
        const start = below(4);
        const end = start + 3 + below(3);
        const size = 2 + below(7);
        const lower = below(size);
        const gap = { start: start + 1, end: end - 1, lower, upper: lower + below(size - lower + 1) };
        return { size, start, end, gaps: [gap] };
      });
      const solution = solve(createProblem(buffers));
      expect(solution.status).toBe('optimal');
      total += solution.effort;
    }
    expect(total).toBeLessThan(10_000);
  });
});

describe('solve, where a huge part has partial gaps', () => {
  it('ends within its effort, with a valid placement', () => {
    const buffers = Array.from({ length: 400 }, (_, b): BufferSpec => {
      const size = 10 + ((b * 37) % 91);
      const start = (b * 53) % 200;
      return {
        size,
        start,
        end: start + 150,
        gaps: [{ start: start + 20, end: start + 60, lower: b % 9, upper: size - (b % 2) }],
      };
    });
    const { stopped, effort } = expectValid(buffers, { maxEffort: 2000 });
    expect(stopped).toBe('effort');
    expect(effort).toBeLessThan(3000);
  });
});
