import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countOverlaps, findOverlaps } from '../../src/problem/overlaps.js';
import { createProblem, type BufferSpec } from '../../src/problem/problem.js';
import { tinyBuffers } from '../support/problems.js';

const isLive = ({ start, end, gaps = [] }: BufferSpec, step: number): boolean =>
  start <= step && step < end && !gaps.some((gap) => gap.start <= step && step < gap.end && gap.lower === gap.upper);

describe('findOverlaps', () => {
  it('lists each pair that shares a step', () => {
    fc.assert(
      fc.property(fc.oneof(tinyBuffers({ gaps: 'full' }), tinyBuffers()), (buffers) => {
        const { first, other } = findOverlaps(createProblem(buffers));
        buffers.forEach((a, i) => {
          const neighbours = new Set(other.subarray(first[i], first[i + 1]));
          buffers.forEach((b, j) => {
            const meet = Array.from({ length: 8 }, (_, step) => isLive(a, step) && isLive(b, step)).includes(true);
            expect(neighbours.has(j)).toBe(i !== j && meet);
          });
        });
      }),
    );
  });
});

describe('countOverlaps', () => {
  it('counts what findOverlaps lists', () => {
    fc.assert(
      fc.property(tinyBuffers({ gaps: 'none', maxCount: 20 }), (buffers) => {
        const problem = createProblem(buffers);
        expect(2 * countOverlaps(problem)).toBe(findOverlaps(problem).other.length);
      }),
    );
  });

  it('ignores gaps', () => {
    const problem = createProblem([
      { size: 1, start: 0, end: 9, gaps: [{ start: 3, end: 6 }] },
      { size: 1, start: 3, end: 6 },
    ]);
    expect(countOverlaps(problem)).toBe(1);
    expect(findOverlaps(problem).other.length).toBe(0);
  });
});
