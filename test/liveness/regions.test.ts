/** Regions of strided views against the bytes that their elements really have, listed one by one. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Context } from '../../src/dialects/ggml/context.js';
import { overlapOf, regionOf } from '../../src/liveness/regions.js';
import type { Tensor } from '../../src/tensor/tensor.js';

const ctx = Context.deferred();
const TYPES = ['f32', 'i8', 'q8_0'] as const;

/** Every byte of its storage that an element of `tensor` has. */
function bytesOf({ type, ne, nb, viewOffset }: Tensor): Set<number> {
  const bytes = new Set<number>();
  for (let i3 = 0; i3 < ne[3]; i3++) {
    for (let i2 = 0; i2 < ne[2]; i2++) {
      for (let i1 = 0; i1 < ne[1]; i1++) {
        for (let block = 0; block < ne[0] / type.blockSize; block++) {
          const first = viewOffset + i3 * nb[3] + i2 * nb[2] + i1 * nb[1] + block * nb[0];
          for (let byte = 0; byte < type.blockBytes; byte++) bytes.add(first + byte);
        }
      }
    }
  }
  return bytes;
}

/** Two views of one matrix: parts of its rows and columns, perhaps permuted, perhaps cut into heads. */
const pairs = fc
  .tuple(
    fc.constantFrom(...TYPES),
    fc.array(fc.tuple(fc.nat(5), fc.nat(5), fc.nat(3), fc.nat(3), fc.nat(3)), { minLength: 2, maxLength: 2 }),
  )
  .map(([type, parts]) => {
    const block = type === 'q8_0' ? 32 : 1;
    const matrix = ctx.newTensor(type, [6 * block, 4]);
    return parts.map(([from, columnCount, top, rowCount, kind]) => {
      const columns = Math.min(columnCount, 6 - from);
      const rows = Math.min(rowCount, 4 - top);
      const offset = from * matrix.nb[0] + top * matrix.nb[1];
      if (kind === 0 && columns % 2 === 0) {
        const half = (columns / 2) * block;
        const strides = [(columns / 2) * matrix.nb[0], matrix.nb[1]];
        return ctx.view(matrix, [half, 2, rows], strides, offset);
      }
      const part = ctx.view(matrix, [columns * block, rows], [matrix.nb[1]], offset);
      return kind === 1 && block === 1 ? ctx.permute(part, [1, 0, 2, 3]) : part;
    });
  });

it('says of two views only what is true of their bytes', () => {
  fc.assert(
    fc.property(pairs, ([a, b]) => {
      const [bytesA, bytesB] = [bytesOf(a), bytesOf(b)];
      const [regionA, regionB] = [regionOf(a), regionOf(b)];
      const shared = [...bytesA].filter((byte) => bytesB.has(byte)).length;
      const verdict = overlapOf(regionA, regionB);
      if (verdict === 'disjoint') expect(shared).toBe(0);
      if (verdict === 'overlapping') expect(shared).toBeGreaterThan(0);
      expect(overlapOf(regionB, regionA)).toBe(verdict);
      if (bytesA.size > 0) expect(regionA.isDense).toBe(bytesA.size === regionA.end - regionA.start);
    }),
    { numRuns: 2000 },
  );
});

it('keeps the parts of a fused projection apart, row by row, whole and cut into heads', () => {
  const qkv = ctx.newTensor('f32', [12, 5]);
  const rows = (offset: number, count: number): Tensor => ctx.view(qkv, [count, 5], [48], 4 * offset);
  const heads = (offset: number): Tensor => ctx.view(qkv, [2, 2, 5], [8, 48], 4 * offset);
  const between = (a: Tensor, b: Tensor): string => overlapOf(regionOf(a), regionOf(b));
  expect(between(rows(0, 4), rows(4, 4))).toBe('disjoint');
  expect(between(heads(0), heads(4))).toBe('disjoint');
  expect(between(heads(0), rows(4, 8))).toBe('disjoint');
  expect(between(rows(0, 5), rows(4, 4))).toBe('possible');
  expect(between(heads(0), rows(3, 4))).toBe('possible');
  expect(between(rows(4, 4), rows(4, 2))).toBe('overlapping');
  expect(between(qkv, rows(4, 4))).toBe('possible');
  // What runs over the end of a row has no columns of its own.
  const over = ctx.view(qkv, [6, 4], [48], 40);
  expect([between(rows(8, 4), over), between(over, rows(8, 4))]).toEqual(['possible', 'possible']);
  expect([between(rows(0, 4), over), between(over, rows(0, 4))]).toEqual(['possible', 'possible']);
});

it('counts in blocks where a type is quantised, and sees columns through a transposition', () => {
  const quantised = ctx.newTensor('q8_0', [96, 4]);
  const blocks = (first: number, count: number): Tensor => ctx.view(quantised, [32 * count, 4], [3 * 34], 34 * first);
  const between = (a: Tensor, b: Tensor): string => overlapOf(regionOf(a), regionOf(b));
  expect(between(blocks(0, 1), blocks(1, 2))).toBe('disjoint');
  expect(between(blocks(0, 2), blocks(1, 2))).toBe('possible');
  const matrix = ctx.newTensor('f32', [6, 4]);
  const columns = (first: number, count: number): Tensor => ctx.view(matrix, [count, 4], [24], 4 * first);
  expect(between(ctx.transpose(columns(0, 2)), columns(2, 3))).toBe('disjoint');
  expect(between(ctx.transpose(columns(0, 3)), ctx.transpose(columns(2, 3)))).toBe('possible');
});

it('takes whole rows as dense, whatever their order', () => {
  const matrix = ctx.newTensor('f32', [3, 4, 2]);
  expect(regionOf(ctx.permute(matrix, [2, 0, 1, 3])).isDense).toBe(true);
  expect(regionOf(ctx.view(matrix, [2, 4], [12])).isDense).toBe(false);
  const upper = regionOf(ctx.view(matrix, [12], [], 48));
  expect(overlapOf(upper, regionOf(ctx.view(matrix, [12])))).toBe('disjoint');
  expect(overlapOf(upper, regionOf(ctx.view(matrix, [13])))).toBe('overlapping');
  expect(overlapOf(upper, regionOf(ctx.newTensor('f32', [0])))).toBe('disjoint');
});
