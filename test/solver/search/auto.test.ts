import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { placementSize, type PlaceOptions } from '../../../src/solver/allocator.js';
import { ALLOCATORS } from '../../../src/solver/allocators.js';
import { auto } from '../../../src/solver/search/auto.js';
import { ggmlAllocator, placeAsGgml } from '../../../src/solver/ggml.js';
import { createRandom } from '../../../src/solver/random.js';
import { solve } from '../../../src/solver/search/solve.js';
import { createProblem, type Problem } from '../../../src/problem/problem.js';
import { verifyPlacement } from '../../../src/verify/placement.js';
import { expectError } from '../../support/expect-error.js';
import { tinyBuffers } from '../../support/problems.js';

describe('ALLOCATORS', () => {
  it('are named as in the list', () => {
    for (const [name, allocator] of Object.entries(ALLOCATORS)) expect(allocator.name).toBe(name);
  });
});

describe('auto', () => {
  /** What `auto` must give: the search's placement, or ggml's if that is smaller and keeps to the limit. */
  function expectBetterOfTwo(problem: Problem, options: PlaceOptions): 'search' | 'ggml' {
    const placement = auto.place(problem, options);
    const found = solve(problem, { ...options, maxEffort: 20_000 });
    const online = ggmlAllocator.place(problem, options);
    const isWithin = online.chunks.every((size) => size <= (options.maxChunkSize ?? Infinity));
    const isBetter = isWithin && found.status !== 'optimal' && placementSize(online) < found.bufferSize;
    expect(verifyPlacement(problem, placement, options)).toEqual([]);
    const { offsets, chunkOf, chunks } = isBetter ? online : found;
    expect(placement).toEqual({ offsets, chunkOf, chunks, lowerBound: found.lowerBound });
    return isBetter ? 'ggml' : 'search';
  }

  it('takes ggml’s placement where that is smaller', () => {
    // Local search over orders nearly always finds a placement as small; of 600 problems like this one it fails in one.
    const random = createRandom(9867);
    const below = (limit: number): number => Math.floor(random() * limit);
    const buffers = Array.from({ length: 40 }, () => {
      const start = below(40);
      return { start, size: 1 + below(8), end: start + 1 + below(20) };
    });
    const problem = createProblem(buffers);
    expect(expectBetterOfTwo(problem, { maxChunkSize: 8 })).toBe('ggml');
    expect(placementSize(auto.place(problem, { maxChunkSize: 8 }))).toBe(74);
    expect(expectBetterOfTwo(problem, {})).toBe('search');
  });

  it('does not take it where its last chunk, which knows no limit, makes it the smaller one', () => {
    const problem = createProblem([
      ...Array.from({ length: 20 }, () => ({ size: 2, start: 0, end: 1 })),
      ...Array.from({ length: 17 }, () => ({ size: 3, start: 1, end: 2 })),
    ]);
    const online = ggmlAllocator.place(problem, { maxChunkSize: 3 });
    expect([placementSize(online), Math.max(...online.chunks)]).toEqual([54, 10]);
    expect(expectBetterOfTwo(problem, { maxChunkSize: 3 })).toBe('search');
    expect(placementSize(auto.place(problem, { maxChunkSize: 3 }))).toBe(57);
  });

  it('takes it only if it keeps to the limit, and else that of the search', () => {
    const seen = { search: 0, ggml: 0 };
    const problems = tinyBuffers({ maxCount: 9, maxSize: 4 });
    fc.assert(
      fc.property(problems, fc.constantFrom(Infinity, 2, 3, 4), (list, maxChunkSize) => {
        seen[expectBetterOfTwo(createProblem(list), { maxChunkSize, allowOversize: true })]++;
      }),
      { numRuns: 200 },
    );
    expect(seen.search).toBeGreaterThan(50);
  });

  it('leaves fixed offsets to those who know them', () => {
    const problem = createProblem([
      { size: 4, start: 0, end: 4, fixedOffset: 6 },
      { size: 3, start: 0, end: 4 },
      { size: 4, start: 1, end: 3 },
    ]);
    expect(auto.place(problem).offsets[0]).toBe(6);
    // ggml's placement, which ignores them, is smaller; where gaps leave a part, it takes more to prove that none is.
    const open = createProblem([
      { size: 4, start: 0, end: 4, fixedOffset: 6, gaps: [{ start: 3, end: 4, lower: 0, upper: 1 }] },
      { size: 3, start: 0, end: 4 },
      { size: 4, start: 1, end: 3 },
    ]);
    expect(placementSize(placeAsGgml(open, Infinity))).toBeLessThan(placementSize(auto.place(open)));
    expect(auto.place(open).offsets[0]).toBe(6);
    expectError('OVERSIZE', 'the fixed offset of buffer 0', () => auto.place(problem, { maxChunkSize: 9 }));
  });
});
