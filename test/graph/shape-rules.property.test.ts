/**
 * Shape rules against counting by hand, on random shapes.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Context } from '../../src/graph/context.js';
import { elementCount, sameLayout, isContiguous } from '../../src/tensor/layout.js';
import type { Tensor } from '../../src/tensor/tensor.js';

const ctx = Context.deferred();
const f32 = (...ne: number[]): Tensor => ctx.newTensor('f32', ne);

const length = fc.integer({ min: 1, max: 6 });
const lengths = fc.tuple(length, length, length, length);
const axes = fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }) as fc.Arbitrary<[number, number, number, number]>;

/** How many positions a kernel of `reach` elements has, by trying every one. */
function countPositions(input: number, reach: number, stride: number, padding: number): number {
  let count = 0;
  for (let start = -padding; start + reach <= input + padding; start += stride) count++;
  return count;
}

describe('shape rules', () => {
  it('a kernel takes as many positions as there are', () => {
    const settings = fc.record({
      ...{ input: fc.integer({ min: 1, max: 40 }), kernel: length, stride: length, dilation: length },
      padding: fc.integer({ min: 0, max: 6 }),
    });
    fc.assert(
      fc.property(settings, ({ input, kernel, stride, dilation, padding }) => {
        const expected = countPositions(input, (kernel - 1) * dilation + 1, stride, padding);
        fc.pre(expected > 0);
        const options = { stride, dilation, padding };
        expect(ctx.conv1d(f32(kernel, 2, 3), f32(input, 2), options).ne).toEqual([expected, 3, 1, 1]);
        const square = ctx.conv2dDirect(f32(kernel, kernel, 2, 3), f32(input, input, 2), options);
        expect(square.ne).toEqual([expected, expected, 3, 1]);
      }),
    );
  });

  it('a pooling window takes as many positions as there are', () => {
    const settings = fc.record({
      ...{ input: fc.integer({ min: 1, max: 40 }), window: length, stride: length },
      padding: fc.integer({ min: 0, max: 3 }),
    });
    fc.assert(
      fc.property(settings, ({ input, window, stride, padding }) => {
        const expected = countPositions(input, window, stride, padding);
        fc.pre(expected > 0);
        expect(ctx.pool1d(f32(input, 3), 'max', window, { stride, padding }).ne).toEqual([expected, 3, 1, 1]);
      }),
    );
  });

  it('a transposed convolution gives back the length that a convolution consumed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), length, length, (positionCount, kernel, stride) => {
        const grown = ctx.convTranspose1d(f32(kernel, 2, 3), f32(positionCount, 3), stride);
        expect(ctx.conv1d(f32(kernel, 2, 5), grown, { stride }).ne[0]).toBe(positionCount);
      }),
    );
  });

  it('windows cover the image, and none of them is idle', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 30 }), length, (width, height, window) => {
        const parts = ctx.winPart(f32(2, width, height), window);
        const touched = new Set<string>();
        for (let x = 0; x < width; x++) {
          for (let y = 0; y < height; y++) touched.add(`${Math.floor(x / window)} ${Math.floor(y / window)}`);
        }
        expect(parts.ne).toEqual([2, window, window, touched.size]);
        expect(ctx.winUnpart(parts, width, height, window).ne).toEqual([2, width, height, 1]);
      }),
    );
  });

  it('what repeats into a tensor can be added to it, and its repetition is like the tensor', () => {
    fc.assert(
      fc.property(lengths, lengths, (small, times) => {
        const b = f32(...small);
        const a = f32(...small.map((n, dim) => n * times[dim]));
        expect(sameLayout(ctx.add(a, b), a)).toBe(true);
        expect(sameLayout(ctx.repeat(b, a.ne), a)).toBe(true);
        expect(sameLayout(ctx.repeatBack(a, b.ne), b)).toBe(true);
        if (elementCount(a) > elementCount(b))
          expect(() => ctx.add(b, a)).toThrow(expect.objectContaining({ code: 'BAD_OPERAND' }));
      }),
    );
  });

  it('results own contiguous storage whatever the strides of the operand; in-place ones take its layout', () => {
    fc.assert(
      fc.property(lengths, axes, (ne, order) => {
        const a = ctx.permute(f32(...ne), order);
        for (const result of [ctx.cont(a), ctx.sqr(a), ctx.norm(a, 1e-5), ctx.mul(a, a), ctx.diagMaskInf(a, 0)]) {
          expect([isContiguous(result), result.ne, result.isView]).toEqual([true, a.ne, false]);
        }
        const result = ctx.mul(a, a, { inPlace: true });
        expect([sameLayout(result, a), result.root]).toEqual([true, a.root]);
      }),
    );
  });

  it('a product has the rows of both operands, repeated or refused along the outer dimensions', () => {
    fc.assert(
      fc.property(lengths, lengths, ([k, m, p, q], [n, , pTimes, qTimes]) => {
        const product = ctx.mulMat(f32(k, m, p, q), f32(k, n, p * pTimes, q * qTimes));
        expect(product.ne).toEqual([m, n, p * pTimes, q * qTimes]);
        expect(ctx.outProd(f32(m, k, p, q), f32(n, k, p * pTimes, q * qTimes)).ne).toEqual(product.ne);
        expect(() => ctx.mulMat(f32(k, m, p + 1), f32(k, n, p))).toThrow(
          expect.objectContaining({ code: 'BAD_OPERAND' }),
        );
      }),
    );
  });
});
