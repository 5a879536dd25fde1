import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { floorLog2 } from '../../src/alloc/greedy/floor-log2.js';
import { IntervalSets } from '../../src/alloc/greedy/interval-sets.js';
import { createLowestFit, type LowestFit } from '../../src/alloc/greedy/lowest-fit.js';
import { ListFit } from '../../src/alloc/greedy/list-fit.js';
import { TreeFit } from '../../src/alloc/greedy/tree-fit.js';
import { placeOnline } from '../../src/alloc/greedy/online.js';
import { createTimeline } from '../../src/alloc/greedy/timeline.js';
import {
  byArea,
  byLifetime,
  byLifetimeClass,
  byLoad,
  bySize,
  bySizeClass,
  fromBusiestStep,
  ORDERS,
} from '../../src/alloc/greedy/orders.js';
import { liveBytesPerStep } from '../../src/problem/lower-bound.js';
import { createProblem, type Buffer, type Problem } from '../../src/problem/problem.js';
import { verifyPlacement } from '../../src/verify/placement.js';
import { placePlainly } from '../support/place-plainly.js';
import { tinyBuffers } from '../support/problems.js';
import { nested, network, uniform } from '../support/random-problems.js';

const byTree = (problem: Problem): LowestFit => new TreeFit(problem, createTimeline(problem));
const byList = (problem: Problem): LowestFit => new ListFit(problem);

const placeAll = (fit: LowestFit, problem: Problem, order: Int32Array): Float64Array => {
  fit.reset();
  const offsets = new Float64Array(problem.bufferCount);
  for (const b of order) {
    offsets[b] = fit.find(b);
    fit.take(b, offsets[b]);
  }
  return offsets;
};

describe.each([
  ['TreeFit', byTree, 'full'],
  ['ListFit', byList, 'none'],
] as const)('%s', (_, createFit, gaps) => {
  it('takes the lowest offset that collides with nothing, again after it was reset', () => {
    const options = { maxCount: 40, maxStep: 30, maxAlignmentLog2: 2, gaps } as const;
    fc.assert(
      fc.property(tinyBuffers(options), (buffers) => {
        const problem = createProblem(buffers);
        const fit = createFit(problem);
        for (const order of [bySize, byArea, byLifetime]) {
          expect(placeAll(fit, problem, order(problem))).toEqual(placePlainly(buffers, order(problem)));
        }
      }),
      { numRuns: 400 },
    );
  });

  it.each(Object.entries({ uniform, nested, network }))('does so on 700 %s buffers', (_, generate) => {
    for (let seed = 0; seed < 4; seed++) {
      const buffers = generate(700, seed);
      const problem = createProblem(buffers);
      const fit = createFit(problem);
      for (const order of [bySize, byLifetime]) {
        expect(placeAll(fit, problem, order(problem))).toEqual(placePlainly(buffers, order(problem)));
      }
    }
  });

  it('starts looking where it is told to', () => {
    const problem = createProblem([
      { size: 6, start: 0, end: 2 },
      { size: 2, start: 1, end: 3, alignment: 4 },
    ]);
    const fit = createFit(problem);
    fit.take(0, 1);
    expect([fit.find(1), fit.find(1, 9)]).toEqual([8, 12]);
  });
});

describe('createLowestFit', () => {
  it('lists what is placed where most buffers meet, unless there are gaps', () => {
    const buffers = Array.from({ length: 40 }, (_, b): Buffer => ({ size: 1, start: b, end: b + 20 }));
    const fitFor = (list: readonly Buffer[]): LowestFit => {
      const problem = createProblem(list);
      return createLowestFit(problem, createTimeline(problem));
    };
    expect(fitFor(buffers)).toBeInstanceOf(ListFit);
    expect(fitFor(buffers.map((buffer) => ({ ...buffer, end: buffer.start + 2 })))).toBeInstanceOf(TreeFit);
    expect(fitFor([...buffers, { size: 1, start: 0, end: 9, gaps: [{ start: 3, end: 6 }] }])).toBeInstanceOf(TreeFit);
  });
});

describe('TreeFit with gaps', () => {
  it('uses the part of a buffer that a gap releases', () => {
    const problem = createProblem([
      { size: 8, start: 0, end: 9, gaps: [{ start: 3, end: 6, lower: 0, upper: 3 }] },
      { size: 5, start: 3, end: 6 },
    ]);
    expect([...placeAll(byTree(problem), problem, Int32Array.of(0, 1))]).toEqual([0, 3]);
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

describe('orders', () => {
  it('hold each buffer once', () => {
    fc.assert(
      fc.property(tinyBuffers({ maxCount: 30, maxStep: 30 }), (buffers) => {
        const problem = createProblem(buffers);
        for (const order of ORDERS) expect([...order(problem)].sort((a, b) => a - b)).toEqual([...buffers.keys()]);
      }),
    );
  });

  it('by load: the busiest step that a buffer lives to see decides', () => {
    fc.assert(
      fc.property(tinyBuffers({ maxCount: 30, maxStep: 30 }), (buffers) => {
        const problem = createProblem(buffers);
        const bytes = liveBytesPerStep(problem);
        const busiest = Array.from(byLoad(problem), (b) => {
          return Math.max(...bytes.subarray(problem.starts[b], problem.ends[b]));
        });
        expect(busiest).toEqual([...busiest].sort((a, b) => b - a));
      }),
    );
  });

  it('from the busiest step: those that live there come first', () => {
    //   steps  0 1 2 3
    //   A 4    ■ ■ · ·      The busiest step is 2: C, then B in order of start; A and D after them.
    //   B 5    · · ■ ■
    //   C 6    · ■ ■ ·
    //   D 1    · · · ■
    const problem = createProblem([
      { size: 4, start: 0, end: 2 },
      { size: 5, start: 2, end: 4 },
      { size: 6, start: 1, end: 3 },
      { size: 1, start: 3, end: 4 },
    ]);
    expect([...fromBusiestStep(problem)]).toEqual([2, 1, 0, 3]);
  });

  it('by classes: within a factor of four the second measure decides', () => {
    const problem = createProblem([
      { size: 5, start: 0, end: 1 },
      { size: 4, start: 0, end: 9 },
      { size: 16, start: 0, end: 2 },
      { size: 3, start: 0, end: 8 },
    ]);
    expect([...bySizeClass(problem)]).toEqual([2, 1, 0, 3]);
    // Steps are numbered densely, so the lives are of 1, 4, 2 and 3 steps.
    expect([...byLifetimeClass(problem)]).toEqual([1, 2, 0, 3]);
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
