import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boundOf } from '../../../src/solver/search/bounds.js';
import type { Certificate } from '../../../src/solver/search/solution.js';
import { solve } from '../../../src/solver/search/solve.js';
import { createProblem, type BufferSpec } from '../../../src/problem/problem.js';
import { minimumPeak } from '../../support/exhaustive.js';
import { tinyBuffers } from '../../support/problems.js';

const aligned = (sizes: readonly number[], alignment: number): BufferSpec[] =>
  sizes.map((size) => ({ size, start: 0, end: 1, alignment }));

describe('boundOf', () => {
  it('pads all but the buffer on top, which is the one with the most padding', () => {
    const problem = createProblem(aligned([5, 5, 7], 4));
    expect(boundOf(problem)).toEqual({ kind: 'aligned', bytes: 21, step: 0, alignment: 4 });
    expect(solve(problem)).toMatchObject({ status: 'optimal', bufferSize: 21, effort: 0 });
  });

  it('pads nothing where there may be several chunks', () => {
    const problem = createProblem(aligned([5, 5, 7], 4));
    expect(boundOf(problem, { maxChunkSize: 8 })).toEqual({ kind: 'load', bytes: 17, step: 0 });
  });

  it('counts the buffers of the larger alignments alone', () => {
    // The two large buffers take 64 + 1 bytes; less aligned buffers fit between them.
    const problem = createProblem([...aligned([1, 1], 64), ...aligned([8, 8], 8)]);
    expect(boundOf(problem)).toMatchObject({ kind: 'aligned', bytes: 65, alignment: 64 });
    expect(solve(problem).bufferSize).toBe(65);
  });

  it('is the live load where sizes need no padding', () => {
    expect(boundOf(createProblem(aligned([8, 16], 8)))).toEqual({ kind: 'load', bytes: 24, step: 0 });
  });

  it('never exceeds the minimum, and often is the minimum where all are aligned alike', () => {
    let tight = 0;
    const shape = tinyBuffers({ gaps: 'full', maxCount: 6, maxAlignmentLog2: 3 });
    fc.assert(
      fc.property(shape, fc.option(fc.constantFrom(2, 4, 8)), (list, alignment) => {
        const buffers = alignment === null ? list : list.map((buffer) => ({ ...buffer, alignment }));
        const bound = boundOf(createProblem(buffers));
        const minimum = minimumPeak(buffers);
        expect(bound.bytes).toBeLessThanOrEqual(minimum);
        if (bound.kind === 'aligned' && bound.bytes === minimum) tight++;
      }),
      { numRuns: 3000 },
    );
    expect(tight).toBeGreaterThan(500);
  });

  it('names what proves it, and is no less than any load, aligned load or fixed end', () => {
    const fixed = fc.array(fc.option(fc.nat({ max: 40 })), { minLength: 8, maxLength: 8 });
    const alike = fc.option(fc.constantFrom(4, 8));
    const shape = fc.oneof(
      ...(['none', 'full', 'window'] as const).map((gaps) => tinyBuffers({ gaps, maxCount: 8, maxAlignmentLog2: 3 })),
    );
    const kinds = new Map<string, number>();
    fc.assert(
      fc.property(shape, alike, fc.option(fixed, { freq: 2 }), (list, common, offsets) => {
        const buffers = list.map((drawn, b): BufferSpec => {
          const alignment = common ?? drawn.alignment!;
          const offset = offsets?.[b] ?? null;
          return { ...drawn, alignment, ...(offset !== null && { fixedOffset: offset - (offset % alignment) }) };
        });
        const bound = boundOf(createProblem(buffers));
        expect(bound.bytes).toBe(bytesProvenBy(bound, buffers));
        for (const other of simpleCertificates(buffers)) {
          expect(bound.bytes).toBeGreaterThanOrEqual(bytesProvenBy(other, buffers));
        }
        kinds.set(bound.kind, (kinds.get(bound.kind) ?? 0) + 1);
      }),
      { numRuns: 1500 },
    );
    for (const kind of ['load', 'aligned', 'end']) expect(kinds.get(kind), kind).toBeGreaterThan(50);
  });

  it('examines the step with the most padded bytes first, however many steps there are', () => {
    // At every step two buffers that end before the next; the fullest step is one of the last.
    const pair = (step: number, size: number): BufferSpec[] =>
      [size, size].map((bytes) => ({ size: bytes, start: step, end: step + 1, alignment: 4 }));
    const problem = createProblem(Array.from({ length: 300 }, (_, step) => pair(step, step === 271 ? 9 : 5)).flat());
    expect(boundOf(problem)).toEqual({ kind: 'aligned', bytes: 21, step: 271, alignment: 4 });
  });

  it('knows that a buffer has all its bytes somewhere, even if it never needs them at once', () => {
    const halves: BufferSpec = {
      size: 8,
      start: 0,
      end: 4,
      gaps: [
        { start: 0, end: 2, lower: 0, upper: 4 },
        { start: 2, end: 4, lower: 4, upper: 8 },
      ],
    };
    const problem = createProblem([{ size: 5, start: 1, end: 2 }, { ...halves, size: 16 }, halves]);
    expect(boundOf(problem)).toEqual({ kind: 'end', bytes: 16, buffer: 1 });
    expect(solve(problem)).toMatchObject({ status: 'optimal', bufferSize: 16, effort: 0 });
  });

  it('counts what is needed at a step, not before, after, or in a gap', () => {
    // At step 1 there are 5 + 5 bytes; the others, with more padding, are not needed then.
    const one = { alignment: 8, size: 1 };
    const problem = createProblem([
      ...[0, 1].map(() => ({ size: 5, start: 1, end: 2, alignment: 8 })),
      { ...one, start: 0, end: 1 },
      { ...one, start: 2, end: 3 },
      { ...one, start: 0, end: 3, gaps: [{ start: 1, end: 2 }] },
    ]);
    expect(boundOf(problem)).toEqual({ kind: 'aligned', bytes: 13, step: 1, alignment: 8 });
  });
});

/** The bytes that a buffer needs at a step: the first, and one past the last; `null` for none. */
function needAt({ size, start, end, gaps = [] }: BufferSpec, step: number): [number, number] | null {
  if (step < start || step >= end) return null;
  const gap = gaps.find((each) => each.start <= step && step < each.end);
  const { lower = 0, upper = lower } = gap ?? { lower: 0, upper: size };
  return lower < upper ? [lower, upper] : null;
}

/** The steps at which something starts or ends, in order: certificates count those. */
function stepsOf(buffers: readonly BufferSpec[]): number[] {
  const all = buffers.flatMap(({ start, end, gaps = [] }) => [
    start,
    end,
    ...gaps.flatMap((gap) => [gap.start, gap.end]),
  ]);
  return [...new Set(all)].sort((a, b) => a - b);
}

/** The bytes that a certificate proves, derived from the buffers; an exhausted search is taken at its word. */
function bytesProvenBy(certificate: Certificate, buffers: readonly BufferSpec[]): number {
  if (certificate.kind === 'end') {
    const { fixedOffset = 0, size } = buffers[certificate.buffer];
    return fixedOffset + size;
  }
  if (certificate.kind !== 'load' && certificate.kind !== 'aligned') return certificate.bytes;
  if (certificate.step === -1) return 0; // nothing is needed at any step
  const step = stepsOf(buffers)[certificate.step];
  const needed = buffers.flatMap((buffer) => {
    const need = needAt(buffer, step);
    return need === null ? [] : [{ buffer, bytes: need[1] - need[0] }];
  });
  if (certificate.kind === 'load') return needed.reduce((sum, { bytes }) => sum + bytes, 0);
  const { alignment } = certificate;
  // A buffer with a window could hold another buffer's bytes in its own range.
  const whole = needed.filter(({ buffer }) => {
    const isPartial = (buffer.gaps ?? []).some(({ lower = 0, upper = lower }) => lower < upper);
    return buffer.alignment! >= alignment && !isPartial;
  });
  const padded = whole.map(({ bytes }) => Math.ceil(bytes / alignment) * alignment);
  const paddings = padded.map((bytes, i) => bytes - whole[i].bytes);
  return padded.reduce((sum, bytes) => sum + bytes, 0) - Math.max(0, ...paddings);
}

/** All bounds that single steps and single buffers prove. */
function simpleCertificates(buffers: readonly BufferSpec[]): Certificate[] {
  const steps = [...stepsOf(buffers).keys()].slice(0, -1);
  return [
    ...steps.map((step): Certificate => ({ kind: 'load', bytes: 0, step })),
    ...steps.flatMap((step) =>
      buffers.map(({ alignment }): Certificate => ({ kind: 'aligned', bytes: 0, step, alignment: alignment! })),
    ),
    ...buffers.map((_, buffer): Certificate => ({ kind: 'end', bytes: 0, buffer })),
  ];
}
