/** The parts of placing very many buffers, on few: exact, and counted in steps. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { placementSize } from '../../src/alloc/allocator.js';
import { floorLog2 } from '../../src/alloc/large/floor-log2.js';
import { IntervalSets } from '../../src/alloc/large/interval-sets.js';
import { largeOrders } from '../../src/alloc/large/large-orders.js';
import { LowestFit } from '../../src/alloc/large/lowest-fit.js';
import { Occupancy } from '../../src/alloc/large/occupancy.js';
import { placeOnline } from '../../src/alloc/large/online.js';
import { defaultStepBudget, placeLarge } from '../../src/alloc/large/place-large.js';
import { Search, type Watcher } from '../../src/alloc/large/search.js';
import { createTimeline } from '../../src/alloc/large/timeline.js';
import { liveBytesPerStep, liveLoad } from '../../src/problem/lower-bound.js';
import { createProblem, type Buffer, type Problem } from '../../src/problem/problem.js';
import { verifyPlacement } from '../../src/verify/placement.js';
import { expectError } from '../support/expect-error.js';
import { tinyBuffers } from '../support/problems.js';
import { uniform } from '../support/random-problems.js';

const NEVER: Watcher = { shouldStop: () => false, onPlacement: () => undefined };

describe('floorLog2', () => {
  it('is exact at the powers of two and on both sides of them', () => {
    for (let k = 1; k <= 52; k++) {
      expect([floorLog2(2 ** k - 1), floorLog2(2 ** k), floorLog2(2 ** k + 1)]).toEqual([k - 1, k, k]);
    }
    expect([floorLog2(1), floorLog2(2 ** 53 - 1)]).toEqual([0, 52]);
  });
});

describe('IntervalSets', () => {
  it('holds unions, in blocks that grow, move and are used again', () => {
    const interval = fc.tuple(fc.nat({ max: 5 }), fc.nat({ max: 400 }), fc.integer({ min: 1, max: 9 }));
    const one = new IntervalSets(6);
    let isFirst = true;
    fc.assert(
      fc.property(fc.array(interval, { maxLength: 250, size: 'max' }), (intervals) => {
        // The same object again and again: clearing must forget everything.
        if (!isFirst) one.clear();
        isFirst = false;
        const taken = Array.from({ length: 6 }, () => new Uint8Array(410));
        for (const [set, low, length] of intervals) {
          one.add(set, 2 * low, 2 * (low + length));
          taken[set].fill(1, low, low + length);
        }
        taken.forEach((bytes, set) => {
          const runs = [...bytes.join('').matchAll(/1+/g)].map((run) => [
            2 * run.index,
            2 * (run.index + run[0].length),
          ]);
          const slots = Array.from({ length: one.counts[set] }, (_, i) => one.first[set] + i);
          expect(slots.map((slot) => [one.lows[slot], one.highs[slot]])).toEqual(runs);
        });
      }),
      { numRuns: 60 },
    );
  });

  it('takes no more memory for many intervals than twice what they need', () => {
    const sets = new IntervalSets(2);
    for (let i = 0; i < 5000; i++) sets.add(i % 2, 10 * i, 10 * i + 5);
    expect([...sets.counts]).toEqual([2500, 2500]);
    expect(sets.lows.length).toBeLessThan(4 * 5000);
    // In the middle, too: what lies above moves up.
    for (let i = 0; i < 4000; i += 2) sets.add(0, 10 * i + 7, 10 * i + 8);
    const lows = [...sets.lows.subarray(sets.first[0], sets.first[0] + sets.counts[0])];
    expect(lows).toEqual([...lows].sort((a, b) => a - b));
    expect(sets.counts[0]).toBe(4500);
  });

  it('uses a block that was outgrown for another set', () => {
    const sets = new IntervalSets(64);
    const fill = (): number => {
      for (let set = 0; set < 64; set++) for (let i = 0; i < 40; i++) sets.add(set, 10 * i, 10 * i + 1);
      return sets.lows.length;
    };
    const length = fill();
    expect(length).toBeLessThanOrEqual(8192);
    sets.clear();
    expect(fill()).toBe(length);
  });
});

describe('Occupancy', () => {
  it('counts what it reads and changes: little where buffers lie on top of each other', () => {
    const occupancy = new Occupancy(1000);
    for (let i = 0; i < 200; i++) {
      occupancy.ask();
      occupancy.need(i, 1000, 0, 8);
      const offset = occupancy.lowest(1, 0);
      expect(offset).toBe(8 * i);
      occupancy.take(i, 1000, offset, offset + 8);
    }
    // A query over half of a thousand sections reads some twenty sets, and each holds one interval.
    const before = occupancy.steps;
    occupancy.ask();
    occupancy.need(0, 1000, 0, 8);
    expect(occupancy.lowest(1, 0)).toBe(1600);
    expect(occupancy.steps - before).toBeLessThan(60);
    expect(before).toBeLessThan(200 * 120);
  });

  it('skips many intervals at a time', () => {
    const occupancy = new Occupancy(1);
    for (let i = 0; i < 4000; i++) occupancy.take(0, 1, 10 * i, 10 * i + 9);
    const before = occupancy.steps;
    for (const from of [39_000, 20_000, 1234]) {
      occupancy.ask();
      occupancy.need(0, 1, 0, 1);
      expect(occupancy.lowest(1, from)).toBe(from + ((9 - (from % 10) + 10) % 10));
    }
    expect(occupancy.steps - before).toBeLessThan(20);
    occupancy.ask();
    occupancy.need(0, 1, 0, 2);
    expect(occupancy.lowest(1, 0)).toBe(39_999); // nowhere else are two bytes free
    occupancy.clear();
    occupancy.ask();
    occupancy.need(0, 1, 0, 2);
    expect(occupancy.lowest(4, 5)).toBe(8);
  });

  it('answers for more parts than it has room for at first', () => {
    const sections = 1024;
    const occupancy = new Occupancy(sections);
    for (let s = 0; s < sections; s += 2) occupancy.take(s, s + 1, 0, 1 + (s % 7));
    occupancy.ask();
    for (let s = 0; s < sections; s += 2) occupancy.need(s, s + 1, 0, 4);
    expect(occupancy.lowest(1, 0)).toBe(7);
    occupancy.ask();
    for (let s = 1; s < sections; s += 2) occupancy.need(s, s + 1, 0, 4);
    expect(occupancy.lowest(1, 0)).toBe(0);
  });
});

describe('createTimeline', () => {
  it('has as few sections as there are, in which just those meet that share a step and need bytes', () => {
    fc.assert(
      fc.property(tinyBuffers({ maxCount: 8, maxStep: 14 }), (buffers) => {
        if (buffers.length === 0) return;
        const problem = createProblem(buffers);
        const { sectionCount, first, starts, ends, lowers, uppers } = createTimeline(problem);
        const rows = buffers.map((_, b) => Array.from({ length: first[b + 1] - first[b] }, (_, i) => first[b] + i));
        const needs = (b: number, step: number): string => {
          const { start, end, size, gaps = [] } = buffers[b];
          if (step < start || step >= end) return '';
          const gap = gaps.find((each) => each.start <= step && step < each.end);
          const [lower, upper] = gap === undefined ? [0, size] : [gap.lower ?? 0, gap.upper ?? gap.lower ?? 0];
          return lower < upper ? `${lower}-${upper}` : '';
        };
        // At one step of each section everything in it is live; sections come in the order of steps.
        const pictures = new Set(
          Array.from({ length: sectionCount }, (_, section) =>
            buffers
              .map((_, b) =>
                rows[b]
                  .filter((row) => starts[row] <= section && section < ends[row])
                  .map((row) => `${lowers[row]}-${uppers[row]}`)
                  .join(),
              )
              .join(' '),
          ),
        );
        const steps = Array.from({ length: 15 }, (_, step) => buffers.map((_, b) => needs(b, step)).join(' '));
        for (const picture of pictures) expect(steps).toContain(picture);
        for (const picture of steps) {
          const wanted = picture.split(' ');
          const isWithin = [...pictures].some((each) => {
            const found = each.split(' ');
            return wanted.every((need, b) => need === '' || need === found[b]);
          });
          expect(isWithin).toBe(true);
        }
        expect(first[buffers.length]).toBe(rows.flat().length);
      }),
      { numRuns: 300 },
    );
  });

  it('has none without buffers', () => {
    expect(createTimeline(createProblem([])).sectionCount).toBe(0);
  });
});

describe('largeOrders', () => {
  const lifetime = ({ starts, ends }: Problem, b: number): number => ends[b] - starts[b];
  const load = (problem: Problem, b: number): number =>
    Math.max(...liveBytesPerStep(problem).subarray(problem.starts[b], problem.ends[b]));
  const coarse = (key: number): number => Math.floor(Math.floor(Math.log2(key)) / 2);
  const keys: readonly ((problem: Problem, b: number) => number[])[] = [
    ({ sizes }, b) => [sizes[b]],
    (problem, b) => [load(problem, b)],
    (problem, b) => [lifetime(problem, b)],
    (problem, b) => [coarse(problem.sizes[b]), lifetime(problem, b)],
    (problem, b) => [coarse(lifetime(problem, b))],
    (problem, b) => [lifetime(problem, b) * problem.sizes[b]],
  ];

  it('are by size, load, lifetime, and coarse ones; ties go to the larger, the earlier, the one before', () => {
    fc.assert(
      fc.property(tinyBuffers({ maxCount: 24, maxStep: 20, maxSize: 40, gaps: 'none' }), (buffers) => {
        const problem = createProblem(buffers);
        const orders = [...largeOrders(problem)].map((order) => [...order]);
        const expected = keys.map((key) =>
          [...buffers.keys()].sort((p, q) => {
            const [of, other] = [key(problem, p), key(problem, q)];
            const difference = of.map((value, i) => other[i] - value).find((each) => each !== 0) ?? 0;
            return difference || problem.sizes[q] - problem.sizes[p] || problem.starts[p] - problem.starts[q] || p - q;
          }),
        );
        expect(orders).toEqual(expected);
      }),
      { numRuns: 200 },
    );
  });
});

describe('LowestFit', () => {
  it('takes what is fixed, and says what collides or ends too high', () => {
    const fixed = (size: number, fixedOffset: number): Buffer => ({ size, start: 0, end: 4, fixedOffset });
    const fitOf = (buffers: Buffer[]): LowestFit => {
      const problem = createProblem(buffers);
      return new LowestFit(problem, createTimeline(problem));
    };
    const fit = fitOf([fixed(4, 3), { size: 2, start: 0, end: 1 }, fixed(2, 9), { size: 3, start: 1, end: 2 }]);
    expect(fit.takeFixed(11)).toBe(11);
    expect([fit.find(1), fit.find(3), fit.find(1, 2)]).toEqual([0, 0, 7]);
    expect(fit.steps).toBeGreaterThan(0);
    expect(fitOf([{ size: 2, start: 0, end: 1 }]).takeFixed(0)).toBe(0);
    const high = expectError('OVERSIZE', 'the fixed offset of buffer 1', () =>
      fitOf([fixed(4, 0), fixed(4, 9)]).takeFixed(12),
    );
    expect([high.value, high.limit]).toEqual([9, 'at most 8']);
    const collision = expectError('FIXED_OVERLAP', 'the fixed offset of buffer 1', () =>
      fitOf([fixed(4, 0), fixed(4, 2)]).takeFixed(99),
    );
    expect([collision.value, collision.limit]).toEqual([2, 'at least 4, by what buffers before it take']);
    expect(collision.remedy).toBe('Choose another fixed offset, or leave it to the planner.');
  });
});

describe('placeOnline', () => {
  it('declines fixed offsets, and padding beyond exact numbers', () => {
    expect(placeOnline(createProblem([{ size: 4, start: 0, end: 1, fixedOffset: 0 }]))).toBeNull();
    const padded = (count: number): Problem => {
      const rest = Array.from({ length: count }, () => ({ size: 1, start: 0, end: 1 }));
      return createProblem([{ size: 2 ** 51, start: 0, end: 1, alignment: 2 ** 51 }, ...rest]);
    };
    expect(placeOnline(padded(2))).not.toBeNull();
    expect(placeOnline(padded(3))).toBeNull();
  });
});

describe('Search', () => {
  const searchOf = (problem: Problem, goal: number, budget: number, watcher = NEVER): Search =>
    new Search(problem, createTimeline(problem), goal, budget, watcher);
  const peakOf = ({ sizes }: Problem, offsets: Float64Array): number =>
    offsets.reduce((peak, offset, b) => Math.max(peak, offset + sizes[b]), 0);

  it('finishes one placement whatever the budget, and tells of each lower peak', () => {
    fc.assert(
      fc.property(tinyBuffers({ maxCount: 20 }), fc.constantFrom(0, 500, 20_000), (buffers, budget) => {
        if (buffers.length === 0) return;
        const problem = createProblem(buffers);
        const peaks: number[] = [];
        const steps: number[] = [];
        const watcher = {
          shouldStop: () => false,
          onPlacement: (peak: number, at: number) => void (peaks.push(peak), steps.push(at)),
        };
        const search = searchOf(problem, liveLoad(problem).bytes, budget, watcher);
        search.run();
        expect(search.peak).toBe(peakOf(problem, search.offsets));
        expect(peaks).toEqual([...new Set(peaks)].sort((a, b) => b - a));
        expect(peaks[peaks.length - 1]).toBe(search.peak);
        expect(steps).toEqual([...steps].sort((a, b) => a - b));
        const placement = { offsets: search.offsets, chunkOf: new Int32Array(buffers.length), chunks: [search.peak] };
        expect(verifyPlacement(problem, placement)).toEqual([]);
        // The first is that of an allocator at run time, which costs ten steps a buffer.
        expect(peaks[0]).toBe(peakOf(problem, placeOnline(problem)!));
        expect(steps[0]).toBe(10 * buffers.length);
        if (budget === 0) expect(search.steps).toBe(10 * buffers.length);
      }),
      { numRuns: 150 },
    );
  });

  it('starts with an order where nothing can be placed as at run time', () => {
    const problem = createProblem([
      { size: 4, start: 0, end: 2, fixedOffset: 2 },
      { size: 2, start: 0, end: 2 },
      { size: 9, start: 2, end: 3 },
    ]);
    const search = searchOf(problem, 6, 0);
    search.run();
    expect([[...search.offsets], search.peak]).toEqual([[2, 0, 0], 9]);
  });

  it('ends at its goal, at its budget, and when it is told to', () => {
    const problem = createProblem(uniform(600, 3));
    const bound = liveLoad(problem).bytes;
    const long = searchOf(problem, bound, 2_000_000);
    long.run();
    expect(long.steps).toBeLessThan(2_000_000 * 1.1);
    expect(long.steps).toBeGreaterThan(1_000_000);
    const first = peakOf(problem, placeOnline(problem)!);
    expect(long.peak).toBeLessThan(first);
    const easy = searchOf(problem, first, 2_000_000);
    easy.run();
    expect([easy.peak, easy.steps]).toEqual([first, 6000]);
    let asked = 0;
    const stopped = searchOf(problem, bound, 2_000_000, { ...NEVER, shouldStop: () => ++asked > 3 });
    stopped.run();
    expect(asked).toBeLessThanOrEqual(5);
    expect(stopped.steps).toBeLessThan(long.steps / 4);
    expect(stopped.peak).toBe(peakOf(problem, stopped.offsets));
  });

  it('asks within an attempt, too, and keeps what it has', () => {
    const short = (i: number): Buffer => ({ size: 1 + ((i * 7919) % 97), start: i, end: i + 2 + (i % 3) });
    const problem = createProblem(Array.from({ length: 9000 }, (_, i) => short(i)));
    let asked = 0;
    const search = searchOf(problem, 0, 1e9, { ...NEVER, shouldStop: () => ++asked > 2 });
    search.run();
    // Once after the first placement, then twice within the first attempt, every 4,096 buffers.
    expect(asked).toBeLessThanOrEqual(4);
    expect(search.peak).toBe(peakOf(problem, placeOnline(problem)!));
  });

  it('moves forward what ends too high until the goal is reached', () => {
    // By no order of its own does it reach the load, and not at run time; after some moves it does.
    const hard = fc
      .sample(tinyBuffers({ maxCount: 14, maxSize: 8, maxStep: 10, gaps: 'none' }), { numRuns: 4000, seed: 3 })
      .map(createProblem)
      .filter((problem) => {
        const bound = liveLoad(problem).bytes;
        if (problem.bufferCount < 6 || peakOf(problem, placeOnline(problem)!) === bound) return false;
        return [...largeOrders(problem)].every((order) => {
          const fit = new LowestFit(problem, createTimeline(problem));
          const ends = [...order].map((b) => {
            const offset = fit.find(b);
            fit.take(b, offset);
            return offset + problem.sizes[b];
          });
          return Math.max(...ends) > bound;
        });
      });
    expect(hard.length).toBeGreaterThan(10);
    const reached = hard.filter((problem) => {
      const search = searchOf(problem, liveLoad(problem).bytes, 200_000);
      search.run();
      return search.peak === liveLoad(problem).bytes;
    });
    expect(reached.length).toBeGreaterThan(hard.length / 3);
    // The same each time, step for step.
    const stepsOf = (): number[] =>
      hard.slice(0, 12).map((problem) => {
        const search = searchOf(problem, liveLoad(problem).bytes, 20_000);
        search.run();
        return search.steps;
      });
    expect(stepsOf()).toEqual(stepsOf());
  });
});

describe('placeLarge', () => {
  it('is in one chunk if that is small enough, else by size into several', () => {
    const problem = createProblem([
      { size: 8, start: 0, end: 2 },
      { size: 8, start: 2, end: 4 },
      { size: 6, start: 0, end: 3 },
    ]);
    expect(placeLarge(problem, { maxChunkSize: 14 })).toMatchObject({ chunks: [14], peak: 14, lowerBound: 14 });
    const two = placeLarge(problem, { maxChunkSize: 13 });
    expect([two.chunks, two.peak, placementSize(two)]).toEqual([[8, 6], 14, 14]);
    const oversize = createProblem([{ size: 20, start: 0, end: 2 }, { size: 3, start: 2, end: 3 }]); // prettier-ignore
    expect(placeLarge(oversize, { maxChunkSize: 8, allowOversize: true }).chunks).toEqual([20]);
    expectError('OVERSIZE', 'buffer 0', () => placeLarge(oversize, { maxChunkSize: 8 }));
    expect(placeLarge(createProblem([]), { maxChunkSize: 8 })).toMatchObject({
      chunks: [],
      peak: 0,
      lowerBound: 0,
      steps: 0,
    });
  });

  it('bounds from below by the load, the largest buffer and the highest fixed end', () => {
    const bounds = (buffers: Buffer[]): number => placeLarge(createProblem(buffers)).lowerBound;
    expect(bounds([{ size: 4, start: 0, end: 2 }, { size: 5, start: 1, end: 3 }])).toBe(9); // prettier-ignore
    expect(bounds([{ size: 9, start: 0, end: 2, gaps: [{ start: 0, end: 1, upper: 3 }, { start: 1, end: 2, lower: 3, upper: 9 }] }])).toBe(9); // prettier-ignore
    expect(bounds([{ size: 4, start: 0, end: 2, fixedOffset: 7 }])).toBe(11);
  });

  it('stops at its capacity, and spends by the number of buffers', () => {
    const problem = createProblem(uniform(400, 2));
    const free = placeLarge(problem, { stepBudget: 300_000 });
    const reports: number[] = [];
    const early = placeLarge(problem, { capacity: 2 * free.peak, onPlacement: (peak) => void reports.push(peak) });
    expect(early.steps).toBe(4000);
    expect(reports).toEqual([early.peak]);
    expect(free.steps).toBeGreaterThan(200_000);
    const stopped = placeLarge(problem, { stepBudget: 300_000, shouldStop: () => true });
    expect([stopped.steps, stopped.peak]).toEqual([4000, early.peak]);
    const budgets = [1, 1250, 1251, 62_500, 62_501].map((bufferCount) => defaultStepBudget({ bufferCount } as Problem));
    expect(budgets).toEqual([1e6, 1e6, 1_000_800, 5e7, 5e7]);
    expect(placeLarge(problem).steps).toBeGreaterThan(700_000);
  });
});
