/**
 * Indices as rows of ones and zeros, for operations that pick by index and have no gradient in ggml.
 */
import type { Context } from '../../dialects/ggml/context.js';
import type { Tensor } from '../../tensor/tensor.js';

/**
 * `[count, n, p, q]` of contiguous indices `[n, p, q]` below `count`: 1 where the element's place along dimension 0 is the
 * index, else 0.
 */
export function oneHot(ctx: Context, ids: Tensor, count: number): Tensor {
  const [n, p, q] = ids.ne;
  const places = ctx.repeat(ctx.arange(0, count), [count, n, p, q]);
  const distance = ctx.abs(ctx.sub(places, ctx.reshape(ctx.cast(ids, 'f32'), [1, n, p, q])));
  return ctx.step(ctx.scale(distance, -1, { bias: 0.5 }));
}
