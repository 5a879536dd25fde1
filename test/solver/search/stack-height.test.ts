/** Stacks of buffers, against all orders. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boundOf, stackBoundOf } from '../../../src/solver/search/bounds.js';
import { MOST_STACKED, stackHeight } from '../../../src/solver/search/stack-height.js';
import { solve } from '../../../src/solver/search/solve.js';
import { createProblem, type BufferSpec } from '../../../src/problem/problem.js';
import { minimumOfAllOffsets, minimumPeak } from '../../support/exhaustive.js';
import { tinyBuffers } from '../../support/problems.js';

type Item = Pick<BufferSpec, 'size'> & { alignment: number };

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, i) => permutations(items.filter((_, j) => j !== i)).map((rest) => [item, ...rest]));
}

const topOf = (order: readonly Item[]): number =>
  order.reduce((top, { size, alignment }) => Math.ceil(top / alignment) * alignment + size, 0);

const heightOf = (items: readonly Item[]): number =>
  stackHeight(
    items.map(({ size }) => size),
    items.map(({ alignment }) => alignment),
  );

const atOnce = (items: readonly Item[]): BufferSpec[] => items.map((item) => ({ ...item, start: 0, end: 1 }));

describe('stackHeight', () => {
  it('is the least of all orders', () => {
    const item = fc.record({ size: fc.integer({ min: 1, max: 20 }), alignment: fc.nat({ max: 4 }).map((n) => 2 ** n) });
    fc.assert(
      fc.property(fc.array(item, { maxLength: 6 }), (items) => {
        expect(heightOf(items)).toBe(Math.min(...permutations(items).map(topOf)));
      }),
      { numRuns: 500 },
    );
  });

  it('is exact beyond 32 bits', () => {
    const large = 2 ** 50;
    expect(
      heightOf([
        { size: 3, alignment: large },
        { size: large + 1, alignment: 1 },
      ]),
    ).toBe(large + 4);
  });
});

describe('stackBoundOf', () => {
  it('knows that what is less aligned does not always fit into the padding', () => {
    // Above 5 bytes, 3 are free below the next multiple of 8; neither buffer of 4 fits there.
    const items = [5, 5].map((size) => ({ size, alignment: 8 })).concat([4, 4].map((size) => ({ size, alignment: 1 })));
    const problem = createProblem(atOnce(items));
    expect(boundOf(problem).bytes).toBe(18);
    expect(stackBoundOf(problem)).toEqual({ kind: 'stacked', bytes: 18 + 3, step: 0, alignment: 1 });
    expect(solve(problem)).toMatchObject({ status: 'optimal', bufferSize: 21, certificate: { kind: 'stacked' } });
    expect(stackBoundOf(problem, { maxChunkSize: 10 }).kind).toBe('load');
  });

  it('never exceeds the minimum, nor falls below the simpler bound', () => {
    let higher = 0;
    const check = (buffers: readonly BufferSpec[], minimum: number): void => {
      const problem = createProblem(buffers);
      const { bytes } = stackBoundOf(problem);
      expect(bytes).toBeGreaterThanOrEqual(boundOf(problem).bytes);
      expect(bytes).toBeLessThanOrEqual(minimum);
      if (bytes > boundOf(problem).bytes) higher++;
    };
    const whole = tinyBuffers({ gaps: 'full', maxCount: 6, maxAlignmentLog2: 3 });
    fc.assert(
      fc.property(whole, (buffers) => check(buffers, minimumPeak(buffers))),
      { numRuns: 1500 },
    );
    const partial = tinyBuffers({ gaps: 'window', maxCount: 4, maxSize: 6, maxAlignmentLog2: 2 });
    fc.assert(
      fc.property(partial, (buffers) => check(buffers, minimumOfAllOffsets(createProblem(buffers)))),
      { numRuns: 500 },
    );
    expect(higher).toBeGreaterThan(20);
  });

  it('leaves the least aligned out where there are too many', () => {
    const large = Array.from({ length: 10 }, () => ({ size: 5, alignment: 8 }));
    const small = Array.from({ length: MOST_STACKED }, () => ({ size: 4, alignment: 1 }));
    const few = createProblem(atOnce([...large, ...small.slice(0, MOST_STACKED - 10)]));
    const many = createProblem(atOnce([...large, ...small]));
    expect(stackBoundOf(few)).toMatchObject({ kind: 'stacked', bytes: 77 + 16, alignment: 1 });
    // All the large ones take 77 bytes, and all bytes together are more.
    expect(stackBoundOf(many)).toEqual({ kind: 'load', bytes: 50 + 4 * MOST_STACKED, step: 0 });
  });
});
