/** Arbitrary small placement problems. */
import fc from 'fast-check';
import type { BufferSpec, BufferGap } from '../../src/problem/problem.js';

export interface TinyOptions {
  readonly maxCount?: number;
  readonly maxSize?: number;
  readonly maxStep?: number;
  /** Largest exponent of an alignment. Default 0: none. */
  readonly maxAlignmentLog2?: number;
  /** `full`: gaps that release all bytes; `window`: any. Default `window`. */
  readonly gaps?: 'none' | 'full' | 'window';
}

/** One buffer in short: size, start, end, alignment, and its gaps: start, end, lower, upper. */
export type Row = readonly [number, number, number, number, ...(readonly [number, number, number, number])[]];

/** The buffers that rows stand for. */
export function buffersOf(rows: readonly Row[]): BufferSpec[] {
  return rows.map(([size, start, end, alignment, ...gaps]) => {
    return {
      size,
      start,
      end,
      alignment,
      gaps: gaps.map(([from, to, lower, upper]) => ({ start: from, end: to, lower, upper })),
    };
  });
}

/** Up to `maxCount` buffers with short sizes and lives, so that they get in each other's way. */
export function tinyBuffers(options: TinyOptions = {}): fc.Arbitrary<BufferSpec[]> {
  const { maxCount = 7, maxSize = 8, maxStep = 7, maxAlignmentLog2 = 0, gaps = 'window' } = options;
  const life = fc
    .uniqueArray(fc.nat({ max: maxStep }), { minLength: 2, maxLength: gaps === 'none' ? 2 : 4 })
    .map((steps) => steps.sort((a, b) => a - b));
  const window = fc.tuple(fc.nat({ max: maxSize }), fc.nat({ max: maxSize }));
  const isFromStart = fc.nat({ max: 3 }).map((n) => n === 3);
  const buffer = fc
    .tuple(life, fc.integer({ min: 1, max: maxSize }), fc.nat({ max: maxAlignmentLog2 }), window, isFromStart)
    .map(([steps, size, log2, [a, b], fromStart]): BufferSpec => {
      const [start, ...rest] = steps;
      const end = rest.pop()!;
      const plain = { size, start, end, alignment: 2 ** log2 };
      if (rest.length === 0) return plain;
      // With one step in between, the gap is what comes before it or what comes after it.
      const [from, to] = rest.length === 2 ? rest : size % 2 === 0 ? [start, rest[0]] : [rest[0], end];
      const [lower, upper] = gaps === 'full' ? [0, 0] : [Math.min(a, b, size), Math.min(Math.max(a, b), size)];
      const gap: BufferGap = { start: fromStart ? start : from, end: to, lower, upper };
      return { ...plain, gaps: [gap] };
    });
  return fc.array(buffer, { maxLength: maxCount });
}
