import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createProblem, type Problem } from '../../src/problem/problem.js';
import { verifyPlacement, type PlacementLike, type PlacementLimits } from '../../src/verify/placement.js';
import { tinyBuffers } from '../support/problems.js';

const pair = createProblem([
  { size: 8, start: 0, end: 4, alignment: 8 },
  { size: 4, start: 2, end: 6, fixedOffset: 8 },
]);

function kinds(problem: Problem, placement: PlacementLike, limits?: PlacementLimits): string[] {
  return verifyPlacement(problem, placement, limits).map(({ kind, buffers }) => `${kind} ${buffers.join()}`.trim());
}

describe('verifyPlacement', () => {
  it('accepts buffers on top of each other and in different chunks', () => {
    expect(kinds(pair, { offsets: [0, 8], chunkOf: [0, 0], chunks: [12] })).toEqual([]);
    expect(kinds(pair, { offsets: [8, 8], chunkOf: [1, 0], chunks: [12, 16] })).toEqual([]);
  });

  it('names both buffers of an overlap, the bytes, the chunk and the step', () => {
    const problem = createProblem([
      { size: 8, start: 0, end: 4 },
      { size: 8, start: 2, end: 6 },
    ]);
    expect(verifyPlacement(problem, { offsets: [0, 5], chunkOf: [0, 0], chunks: [13] })).toEqual([
      { kind: 'overlap', buffers: [0, 1], message: 'buffers 0 and 1 share bytes [5, 8) of chunk 0 at step 1' },
    ]);
  });

  it('reports each broken rule', () => {
    expect(kinds(pair, { offsets: [0], chunkOf: [0, 0], chunks: [12] })).toEqual(['bad-shape']);
    expect(kinds(pair, { offsets: [-8, 8], chunkOf: [0, 0], chunks: [12] })).toEqual(['bad-offset 0']);
    expect(kinds(pair, { offsets: [NaN, 8], chunkOf: [0, 0], chunks: [12] })).toEqual(['bad-offset 0']);
    expect(kinds(pair, { offsets: [0, 8], chunkOf: [1, 0], chunks: [12] })).toEqual(['bad-chunk 0']);
    expect(kinds(pair, { offsets: [12, 8], chunkOf: [0, 0], chunks: [20] })).toEqual(['misaligned 0']);
    expect(kinds(pair, { offsets: [0, 12], chunkOf: [0, 0], chunks: [16] })).toEqual(['fixed-moved 1']);
    expect(kinds(pair, { offsets: [0, 8], chunkOf: [0, 1], chunks: [8, 12] })).toEqual(['fixed-moved 1']);
    expect(kinds(pair, { offsets: [0, 8], chunkOf: [0, 0], chunks: [11] })).toEqual(['chunk-too-small 1']);
    const placement = { offsets: [0, 8], chunkOf: [0, 0], chunks: [12] };
    expect(kinds(pair, placement, { maxChunkSize: 11 })).toEqual(['chunk-too-large']);
    expect(kinds(pair, placement, { maxChunkSize: 11, allowOversize: true })).toEqual(['chunk-too-large']);
  });

  it('reports the sizes of chunks that are no numbers of bytes', () => {
    const problem = createProblem([{ size: 8, start: 0, end: 1 }]);
    const strange: readonly unknown[] = ['8', NaN, Infinity, -8, 8.5, 2 ** 53, null, undefined];
    for (const size of strange as readonly number[]) {
      expect(kinds(problem, { offsets: [0], chunkOf: [0], chunks: [size] }), String(size)).toContain('bad-size');
      // A chunk without buffers counts as well: a negative one would make the buffer smaller than what lies in it.
      expect(kinds(problem, { offsets: [0], chunkOf: [0], chunks: [8, size] }), String(size)).toEqual(['bad-size']);
    }
    expect(kinds(problem, { offsets: [0], chunkOf: [0], chunks: [8, 2 ** 53 - 1] })).toEqual(['bad-size']);
    expect(kinds(problem, { offsets: [0], chunkOf: [0], chunks: [8, 0] })).toEqual([]);
  });

  it('says what is wrong with an offset or a chunk, be it a text', () => {
    const messages = (offset: unknown, chunk: unknown): string[] =>
      verifyPlacement(createProblem([{ size: 8, start: 0, end: 1 }]), {
        offsets: [offset as number],
        chunkOf: [chunk as number],
        chunks: [8],
      }).map(({ message }) => message);
    expect(messages('0', 0)).toEqual(['buffer 0 is at "0"']);
    expect(messages(-4, 0)).toEqual(['buffer 0 is at -4']);
    expect(messages(0, '0')).toEqual(['buffer 0 is in chunk "0" of 1']);
  });

  it('lets a chunk be as large as its largest buffer if that is allowed', () => {
    const placement = { offsets: [0, 8], chunkOf: [1, 0], chunks: [12, 8] };
    expect(kinds(pair, placement, { maxChunkSize: 7, allowOversize: true })).toEqual(['chunk-too-large']);
    expect(
      kinds(
        createProblem([{ size: 8, start: 0, end: 1 }]),
        { offsets: [0], chunkOf: [0], chunks: [8] },
        {
          maxChunkSize: 7,
          allowOversize: true,
        },
      ),
    ).toEqual([]);
  });

  it('finds exactly the pairs that share a byte', () => {
    const placed = tinyBuffers({ maxCount: 10 }).chain((buffers) =>
      fc.record({
        buffers: fc.constant(buffers),
        offsets: fc.array(fc.nat({ max: 20 }), { minLength: buffers.length, maxLength: buffers.length }),
        chunkOf: fc.array(fc.nat({ max: 1 }), { minLength: buffers.length, maxLength: buffers.length }),
      }),
    );
    fc.assert(
      fc.property(placed, ({ buffers, offsets, chunkOf }) => {
        const owners = new Map<string, number[]>();
        buffers.forEach(({ size, start, end, gaps = [] }, b) => {
          for (let step = start; step < end; step++) {
            const gap = gaps.find((candidate) => candidate.start <= step && step < candidate.end);
            const { lower = 0, upper = lower } = gap ?? { lower: 0, upper: size };
            for (let byte = offsets[b] + lower; byte < offsets[b] + upper; byte++) {
              const key = `${chunkOf[b]} ${step} ${byte}`;
              owners.set(key, [...(owners.get(key) ?? []), b]);
            }
          }
        });
        const expected = new Set<string>();
        for (const list of owners.values()) {
          list.forEach((a, i) => list.slice(i + 1).forEach((b) => expected.add(`overlap ${a},${b}`)));
        }
        const found = kinds(createProblem(buffers), { offsets, chunkOf, chunks: [100, 100] });
        expect(found.sort()).toEqual([...expected].sort());
      }),
      { numRuns: 1000 },
    );
  });
});
