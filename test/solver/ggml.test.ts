/** The rules of ggml's allocator, one by one, on problems drawn by hand; `npm run parity` compares the whole. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ALLOCATORS } from '../../src/solver/allocators.js';
import { auto } from '../../src/solver/search/auto.js';
import { ggmlAllocator } from '../../src/solver/ggml.js';
import type { PlaceOptions, Placement } from '../../src/solver/allocator.js';
import { createProblem, type BufferSpec } from '../../src/problem/problem.js';
import { verifyPlacement } from '../../src/verify/placement.js';
import { tinyBuffers } from '../support/problems.js';

/** `[size, start, end]` each. */
function place(rows: readonly (readonly [number, number, number])[], options?: PlaceOptions): Placement {
  const buffers = rows.map(([size, start, end]): BufferSpec => ({ size, start, end }));
  return ggmlAllocator.place(createProblem(buffers), options);
}

const offsetsOf = ({ offsets }: Placement): number[] => [...offsets];

describe('a fixed offset', () => {
  const problem = createProblem([
    { size: 64, start: 0, end: 2 },
    { size: 32, start: 1, end: 3, fixedOffset: 128 },
  ]);

  it.each(Object.values(ALLOCATORS))('is kept by $name, or it says that it can’t', (allocator) => {
    const answer = (): number => allocator.place(problem).offsets[1];
    if (allocator.name !== 'ggml') return expect(answer()).toBe(128);
    expect(answer).toThrow(/^The allocator ggml cannot keep buffer 1 at its fixed offset 128\./);
  });
});

describe('ggml', () => {
  it('takes the smallest hole that fits, the later one on a tie', () => {
    //  24 ┤ D  D  D  D      A, C and E are gone at step 1: holes of 4, 8 and 4 bytes between what stays
    //     │ E  ·  ·  F      F takes the later of the two of 4 bytes
    //  16 ┤ d  d  d  d
    //     │ C  C' ·  ·
    //   4 ┤ b  b  b  b
    //   0 ┤ A
    const stay = 9;
    const rows = [
      [4, 0, 1], [4, 0, stay], [8, 0, 1], [4, 0, stay], [4, 0, 1], [4, 0, stay],
      [4, 1, stay],
      [4, 2, stay],
      [4, 3, stay],
    ] as const; // prettier-ignore
    expect(offsetsOf(place(rows)).slice(6)).toEqual([20, 0, 8]);
  });

  it('grows only when no hole fits', () => {
    const rows = [[8, 0, 1], [4, 0, 9], [9, 1, 9], [8, 2, 9]] as const; // prettier-ignore
    const placement = place(rows);
    expect(offsetsOf(placement)).toEqual([0, 8, 12, 0]);
    expect(placement.chunks).toEqual([21]);
  });

  it('joins freed bytes with free bytes on both sides', () => {
    const rows = [[4, 0, 1], [4, 0, 2], [4, 0, 1], [4, 0, 9], [12, 2, 9]] as const; // prettier-ignore
    expect(offsetsOf(place(rows))).toEqual([0, 4, 8, 12, 0]);
  });

  it('opens chunks of at least the limit, and reuses what they have reached', () => {
    const rows = [[6, 0, 9], [6, 1, 3], [4, 2, 9], [12, 3, 9], [4, 4, 9]] as const; // prettier-ignore
    const placement = place(rows, { maxChunkSize: 10 });
    expect([...placement.chunkOf]).toEqual([0, 1, 0, 2, 1]);
    expect(offsetsOf(placement)).toEqual([0, 0, 6, 0, 0]);
    expect(placement.chunks).toEqual([10, 6, 12]);
  });

  it('opens sixteen chunks; the last has no limit', () => {
    const rows = Array.from({ length: 40 }, () => [8, 0, 1] as const);
    const placement = place(rows, { maxChunkSize: 8 });
    expect(placement.chunks).toEqual([...new Array<number>(15).fill(8), 25 * 8]);
  });

  it('keeps more than 256 free blocks', () => {
    const rows = Array.from({ length: 2000 }, (_, i) => [1, 0, i % 2 === 0 ? 1 : 9] as const);
    const placement = place([...rows, ...Array.from({ length: 1000 }, () => [1, 2, 9] as const)]);
    expect(placement.chunks).toEqual([2000]);
  });

  it('pads sizes to the largest alignment', () => {
    const problem = createProblem([
      { size: 1, start: 0, end: 2, alignment: 16 },
      { size: 17, start: 0, end: 2, alignment: 4 },
    ]);
    const { offsets, chunks } = ggmlAllocator.place(problem);
    expect([[...offsets], chunks]).toEqual([[0, 16], [48]]);
  });

  it('treats a buffer that is never needed as whole like any other', () => {
    const problem = createProblem([
      { size: 7, start: 1, end: 3 },
      { size: 6, start: 0, end: 1 },
      { size: 12, start: 1, end: 3, gaps: [{ start: 1, end: 2 }, { start: 2, end: 3 }] },
    ]); // prettier-ignore
    const placement = ggmlAllocator.place(problem);
    expect(verifyPlacement(problem, placement)).toEqual([]);
    expect(placement.chunks).toEqual([19]);
  });

  it('gives a released tail to the next buffer', () => {
    const problem = createProblem([
      { size: 12, start: 0, end: 5, gaps: [{ start: 1, end: 3, upper: 8 }, { start: 3, end: 5, upper: 4 }] },
      { size: 4, start: 1, end: 5 },
      { size: 4, start: 3, end: 5 },
    ]); // prettier-ignore
    expect([...ggmlAllocator.place(problem).offsets]).toEqual([0, 8, 4]);
  });

  it('gives up nothing that a buffer does not have yet', () => {
    // C needs only four bytes from its start on, when it has none yet: A holds the bytes that C would give up.
    const problem = createProblem([
      { size: 8, start: 0, end: 2 },
      { size: 4, start: 0, end: 1 },
      { size: 8, start: 1, end: 3, gaps: [{ start: 1, end: 3, upper: 4 }] },
      { size: 4, start: 1, end: 2 },
    ]);
    const placement = ggmlAllocator.place(problem);
    expect(verifyPlacement(problem, placement)).toEqual([]);
    expect(offsetsOf(placement)).toEqual([0, 8, 8, 16]);
  });

  it('handles 2^40 bytes exactly', () => {
    const placement = place([[2 ** 40 + 1, 0, 2], [2 ** 40 + 1, 1, 2]]); // prettier-ignore
    expect(offsetsOf(placement)).toEqual([0, 2 ** 40 + 1]);
  });

  it('places arbitrary problems right, the same each time', () => {
    fc.assert(
      fc.property(
        tinyBuffers({ maxCount: 20, maxAlignmentLog2: 3 }),
        fc.constantFrom(8, 20, Infinity),
        (buffers, limit) => {
          const problem = createProblem(buffers);
          const placement = ggmlAllocator.place(problem, { maxChunkSize: limit });
          expect(verifyPlacement(problem, placement)).toEqual([]);
          expect(ggmlAllocator.place(problem, { maxChunkSize: limit })).toEqual(placement);
        },
      ),
    );
  });

  it('refuses what padding to the largest alignment makes larger than 2^53 - 1 bytes', () => {
    const one = { size: 1, start: 0, end: 1 };
    const fits = createProblem([{ ...one, alignment: 2 ** 51 }, one, one]);
    expect(ggmlAllocator.place(fits).chunks).toEqual([3 * 2 ** 51]);
    const tooMuch = createProblem([{ ...one, alignment: 2 ** 51 }, one, one, one]);
    expect(() => ggmlAllocator.place(tooMuch)).toThrow(/^Bytes are counted in integers/);
    expect(auto.place(tooMuch).chunks).toEqual([4]);
  });
});
