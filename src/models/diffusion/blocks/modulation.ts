/**
 * Modulation: the time step shifts, stretches and weighs what a block of a transformer computes.
 */
import type { Context } from '../../../dialects/ggml/context.js';
import type { Tensor } from '../../../tensor/tensor.js';

/** One row for each image as `[length, 1, images]`. */
export function perImage(ctx: Context, row: Tensor): Tensor {
  return ctx.reshape(row, [row.ne[0], 1, row.ne[1]]);
}

/** `x + x × scale + shift`. */
export function modulated(ctx: Context, x: Tensor, shift: Tensor, scale: Tensor): Tensor {
  const [stretch, offset] = [perImage(ctx, scale), perImage(ctx, shift)];
  return ctx.add(ctx.add(x, ctx.mul(x, stretch)), offset);
}
