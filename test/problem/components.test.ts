import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { timeComponents } from '../../src/problem/components.js';
import { createProblem } from '../../src/problem/problem.js';
import { tinyBuffers } from '../support/problems.js';

describe('timeComponents', () => {
  it('returns as many components as possible, and no two share a step', () => {
    fc.assert(
      fc.property(tinyBuffers({ maxCount: 10, maxStep: 20, gaps: 'none' }), (buffers) => {
        const components = timeComponents(createProblem(buffers)).map((part) => [...part]);
        // Two buffers are in one component exactly if a chain of buffers that meet leads from one to the other.
        const group = buffers.map((_, b) => b);
        const join = (from: number, to: number): void => group.forEach((g, i) => (group[i] = g === from ? to : g));
        buffers.forEach((p, i) =>
          buffers.forEach((q, j) => {
            if (p.start < q.end && q.start < p.end) join(group[i], group[j]);
          }),
        );
        const expected = [...new Set(group)].map((g) => group.flatMap((each, b) => (each === g ? [b] : [])));
        const byTime = (p: number[], q: number[]): number => buffers[p[0]].start - buffers[q[0]].start;
        expect(components).toEqual(expected.sort(byTime));
      }),
      { numRuns: 300 },
    );
  });
});
