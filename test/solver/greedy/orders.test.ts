/** The orders of the greedy family, each against its definition. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  byArea,
  byLifetime,
  byLifetimeClass,
  byLoad,
  bySize,
  bySizeClass,
  byStart,
  fromBusiestStep,
  ORDERS,
  type Order,
} from '../../../src/solver/greedy/orders.js';
import { createProblem, type BufferSpec } from '../../../src/problem/problem.js';
import { tinyBuffers } from '../../support/problems.js';

const loadAt = (buffers: readonly BufferSpec[], step: number): number =>
  buffers.reduce((sum, { size, start, end }) => sum + (start <= step && step < end ? size : 0), 0);
const stepsOf = ({ start, end }: BufferSpec): number[] => Array.from({ length: end - start }, (_, i) => start + i);
const coarse = (key: number): number => Math.floor(Math.log2(key) / 2);

/** The lowest of the steps with the highest load. */
function busiestStep(buffers: readonly BufferSpec[]): number {
  const steps = buffers.flatMap(stepsOf).sort((a, b) => a - b);
  return steps.reduce((best, step) => (loadAt(buffers, step) > loadAt(buffers, best) ? step : best), steps[0]);
}

/** Compares keys: the first key that differs decides, and the larger comes first. */
type Keys = (buffer: BufferSpec, all: readonly BufferSpec[]) => number[];
const lifetime = ({ start, end }: BufferSpec): number => end - start;

describe('orders', () => {
  it.each<[string, Order, Keys]>([
    ['bySize', bySize, ({ size }) => [size]],
    ['byLoad', byLoad, (buffer, all) => [Math.max(...stepsOf(buffer).map((step) => loadAt(all, step)))]],
    [
      'fromBusiestStep',
      fromBusiestStep,
      (buffer, all) => [Number(stepsOf(buffer).includes(busiestStep(all))), -buffer.start],
    ],
    ['bySizeClass', bySizeClass, (buffer) => [coarse(buffer.size), lifetime(buffer)]],
    ['byLifetime', byLifetime, (buffer) => [lifetime(buffer)]],
    ['byArea', byArea, (buffer) => [lifetime(buffer) * buffer.size]],
    ['byLifetimeClass', byLifetimeClass, (buffer) => [coarse(lifetime(buffer))]],
    ['byStart', byStart, ({ start }) => [-start]],
  ])('%s: the most demanding first; ties go to the larger, the earlier, the one before', (_, order, keys) => {
    fc.assert(
      fc.property(tinyBuffers({ maxCount: 24, maxStep: 20, maxSize: 40, gaps: 'none' }), (list) => {
        // Every step is named, so that the problem counts lifetimes in the same steps.
        const all = [...list, ...Array.from({ length: 21 }, (__, step) => ({ size: 1, start: step, end: step + 1 }))];
        const expected = [...all.keys()].sort((p, q) => {
          const [mine, theirs] = [keys(all[p], all), keys(all[q], all)];
          const difference = mine.map((key, i) => theirs[i] - key).find((each) => each !== 0) ?? 0;
          return difference || all[q].size - all[p].size || all[p].start - all[q].start || p - q;
        });
        const problem = createProblem(all);
        expect([...order(problem)]).toEqual(expected);
        expect([...order(problem)]).toEqual(expected); // it has changed nothing
      }),
      { numRuns: 100 },
    );
  });

  it('are tried the most promising first', () => {
    const best = [bySize, byLoad, fromBusiestStep, bySizeClass, byLifetime, byArea, byLifetimeClass];
    expect(ORDERS).toEqual(best);
  });
});
