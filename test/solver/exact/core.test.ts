import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findCore, placeAround } from '../../../src/solver/exact/core.js';
import { bySize } from '../../../src/solver/greedy/orders.js';
import { liveLoad } from '../../../src/problem/lower-bound.js';
import { createProblem, type BufferSpec } from '../../../src/problem/problem.js';
import { selectBuffers } from '../../../src/problem/select.js';
import { verifyPlacement } from '../../../src/verify/placement.js';
import { minimumPeak } from '../../support/exhaustive.js';
import { plainGreedy } from '../../support/plain-allocators.js';
import { tinyBuffers } from '../../support/problems.js';

describe('findCore', () => {
  it('leaves out what fits whatever the others do, again and again', () => {
    // A and B keep C, of one byte, off 9 of the 10 offsets within 10 bytes. Without C, B keeps A off 8 offsets, which
    // are all offsets within 11 bytes, but not within 12.
    const problem = createProblem([
      { size: 4, start: 0, end: 2 },
      { size: 5, start: 1, end: 3 },
      { size: 1, start: 0, end: 3 },
    ]);
    expect([...findCore(problem, 9).buffers]).toEqual([0, 1, 2]);
    expect(findCore(problem, 11)).toEqual({ buffers: Int32Array.of(0, 1), others: Int32Array.of(2) });
    expect(findCore(problem, 12)).toEqual({ buffers: Int32Array.of(), others: Int32Array.of(1, 0, 2) });
  });

  it('keeps buffers whose offset is fixed or aligned', () => {
    const problem = createProblem([
      { size: 4, start: 0, end: 2, alignment: 8 },
      { size: 4, start: 0, end: 2, fixedOffset: 8 },
      { size: 4, start: 4, end: 6 },
    ]);
    expect([...findCore(problem, 1000).buffers]).toEqual([0, 1]);
  });

  it('decides whether the whole problem fits, for every capacity from its own on', () => {
    let leftOut = 0;
    const shape = tinyBuffers({ gaps: 'full', maxCount: 7, maxAlignmentLog2: 1 });
    fc.assert(
      fc.property(shape, fc.nat({ max: 6 }), (buffers, spare) => {
        const problem = createProblem(buffers);
        const capacity = liveLoad(problem).bytes + spare;
        const core = findCore(problem, capacity);
        leftOut += core.others.length;
        const kept = [...core.buffers].map((b) => buffers[b]);
        expect(minimumPeak(buffers)).toBeLessThanOrEqual(Math.max(capacity, minimumPeak(kept)));
        expect([...core.buffers, ...core.others].sort((a, b) => a - b)).toEqual([...buffers.keys()]);
      }),
      { numRuns: 600 },
    );
    expect(leftOut).toBeGreaterThan(150);
  });
});

describe('placeAround', () => {
  it('finds room for the others below the capacity, wherever the core lies', () => {
    const count = { min: 20, max: 60 };
    const buffer = fc.record({
      size: fc.integer({ min: 1, max: 30 }),
      start: fc.nat({ max: 40 }),
      steps: fc.nat({ max: 5 }),
    });
    const list = fc.array(buffer, { minLength: count.min, maxLength: count.max });
    fc.assert(
      fc.property(list, fc.nat({ max: 20 }), (shapes, lift) => {
        const buffers = shapes.map(({ size, start, steps }): BufferSpec => ({ size, start, end: start + 1 + steps }));
        const problem = createProblem(buffers);
        const capacity = liveLoad(problem).bytes;
        const core = findCore(problem, capacity);
        const kept = selectBuffers(problem, core.buffers);
        const keptBuffers = [...core.buffers].map((b) => buffers[b]);
        // The core may lie anywhere: even if it exceeds the capacity, the others must end within it.
        const coreOffsets = plainGreedy(keptBuffers, bySize(kept)).offsets.map((offset) => offset + lift);
        const offsets = placeAround(problem, core, coreOffsets);
        const ends = [...core.others].map((b) => offsets[b] + buffers[b].size);
        for (const end of ends) expect(end).toBeLessThanOrEqual(capacity);
        const chunks = [offsets.reduce((top, offset, b) => Math.max(top, offset + buffers[b].size), 0)];
        expect(verifyPlacement(problem, { offsets, chunkOf: new Int32Array(buffers.length), chunks })).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });
});
