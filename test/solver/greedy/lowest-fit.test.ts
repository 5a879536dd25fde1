/** The lowest fit, by tree and by list, and the choice between the two. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LowestFit } from '../../../src/solver/greedy/fit.js';
import { createLowestFit } from '../../../src/solver/greedy/lowest-fit.js';
import { ListFit } from '../../../src/solver/greedy/list-fit.js';
import { TreeFit } from '../../../src/solver/greedy/tree-fit.js';
import { createTimeline } from '../../../src/problem/timeline.js';
import { byArea, byLifetime, bySize } from '../../../src/solver/greedy/orders.js';
import { createProblem, type BufferSpec, type Problem } from '../../../src/problem/problem.js';
import { plainGreedy } from '../../support/plain-allocators.js';
import { tinyBuffers } from '../../support/problems.js';
import { nested, network, uniform } from '../../support/random-problems.js';

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
          expect(placeAll(fit, problem, order(problem))).toEqual(plainGreedy(buffers, order(problem)).offsets);
        }
      }),
      { numRuns: 400 },
    );
  });

  it.each(Object.entries({ uniform, nested, network }))('does so on 400 %s buffers', (_, generate) => {
    for (let seed = 0; seed < 3; seed++) {
      const buffers = generate(400, seed);
      const problem = createProblem(buffers);
      const fit = createFit(problem);
      for (const order of [bySize, byLifetime]) {
        expect(placeAll(fit, problem, order(problem))).toEqual(plainGreedy(buffers, order(problem)).offsets);
      }
    }
  });

  it('counts its work', () => {
    const problem = createProblem(Array.from({ length: 64 }, () => ({ size: 1, start: 0, end: 1 })));
    const fit = createFit(problem);
    expect(fit.work).toBe(0);
    placeAll(fit, problem, bySize(problem));
    // Of one entry and more for each buffer, a sixteenth at least counts.
    const { work } = fit;
    expect(work).toBeGreaterThanOrEqual((63 * 64) / 2 / 16);
    expect(work).toBeLessThan(64 * 64);
    placeAll(fit, problem, bySize(problem));
    expect(fit.work).toBe(2 * work);
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
    const buffers = Array.from({ length: 40 }, (_, b): BufferSpec => ({ size: 1, start: b, end: b + 20 }));
    const fitFor = (list: readonly BufferSpec[]): LowestFit => {
      const problem = createProblem(list);
      return createLowestFit(problem, createTimeline(problem));
    };
    expect(fitFor(buffers)).toBeInstanceOf(ListFit);
    expect(fitFor(buffers.map((buffer) => ({ ...buffer, end: buffer.start + 10 })))).toBeInstanceOf(ListFit);
    const many = (count: number): BufferSpec[] => Array.from({ length: count }, () => ({ size: 1, start: 0, end: 1 }));
    expect(fitFor(many(4096))).toBeInstanceOf(ListFit);
    expect(fitFor(many(4097))).toBeInstanceOf(TreeFit);
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
