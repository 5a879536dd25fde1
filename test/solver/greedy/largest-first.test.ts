import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fillChunks } from '../../../src/solver/greedy/fill-chunks.js';
import { placeLargestFirst } from '../../../src/solver/greedy/largest-first.js';
import { bySize, byKey } from '../../../src/solver/greedy/orders.js';
import { createTimeline } from '../../../src/problem/timeline.js';
import { countOverlaps } from '../../../src/problem/overlaps.js';
import { createProblem, type BufferSpec } from '../../../src/problem/problem.js';
import { network } from '../../support/random-problems.js';

const bufferOf = fc
  .tuple(fc.integer({ min: 1, max: 40 }), fc.nat(20), fc.integer({ min: 1, max: 8 }), fc.nat(3))
  .map(([size, start, life, log2]): BufferSpec => ({ size, start, end: start + life, alignment: 2 ** log2 }));
const inOrder = (buffers: readonly BufferSpec[]): BufferSpec[] => [...buffers].sort((a, b) => a.start - b.start);

describe('placeLargestFirst', () => {
  it('gives what the lowest fit gives in order of size, or nothing where that is above the limit', () => {
    fc.assert(
      fc.property(fc.array(bufferOf, { minLength: 1, maxLength: 30 }), (buffers) => {
        const problem = createProblem(inOrder(buffers));
        const { offsets, chunks } = fillChunks(problem, createTimeline(problem), bySize(problem));
        expect(placeLargestFirst(problem, chunks[0])).toEqual(offsets);
        expect(placeLargestFirst(problem, chunks[0] - 1)).toBeNull();
      }),
    );
  });

  it('does so where buffers are crowded', () => {
    const buffers = network(120, 3).map((buffer) => ({ ...buffer, end: buffer.start + 60 }));
    const problem = createProblem(inOrder(buffers));
    const { offsets, chunks } = fillChunks(problem, createTimeline(problem), bySize(problem));
    expect(countOverlaps(problem) / problem.bufferCount).toBeGreaterThan(32);
    expect(placeLargestFirst(problem, chunks[0])).toEqual(offsets);
    expect(placeLargestFirst(problem, chunks[0] - 1)).toBeNull();
  });

  it('leaves to others what has gaps, fixed offsets, another order, or is both crowded and large', () => {
    const buffer = { size: 4, start: 0, end: 3 };
    const placed = (buffers: readonly BufferSpec[]): unknown => placeLargestFirst(createProblem(buffers), Infinity);
    expect(placed([buffer])).not.toBeNull();
    expect(placed([])).toBeNull();
    expect(placed([{ ...buffer, gaps: [{ start: 1, end: 2 }] }])).toBeNull();
    expect(placed([{ ...buffer, fixedOffset: 0 }])).toBeNull();
    expect(placed([{ size: 4, start: 1, end: 3 }, buffer])).toBeNull();
    expect(placed(Array.from({ length: 5000 }, () => buffer))).toBeNull();
  });
});

it('bySize sorts buffers in order of start as any others', () => {
  const problem = createProblem(inOrder(network(300, 7)));
  expect(bySize(problem)).toEqual(byKey(problem, problem.sizes));
});
