/**
 * The projectors of MobileVLM, which convolve a square of 24 × 24 patches.
 *
 * Invariant: order and names are those of the branches `LDP` and `LDPV2` of llama.cpp's `clip_graph_llava`.
 */
import type { Context } from '../../../dialects/ggml/context.js';
import type { Tensor } from '../../../tensor/tensor.js';
import { linear } from '../blocks/linear.js';
import { plainNorm } from '../blocks/norm.js';
import type { Encoder, EncoderScope } from '../encoder.js';

const SIDE = 24;

/** Kernels of three pixels, which see one beyond each side. */
const THREE = { padding: 1 };

/** `[SIDE, SIDE, length]`, from rows. */
function planes(ctx: Context, rows: Tensor): Tensor {
  const turned = ctx.permute(rows, [1, 0, 2, 3]);
  return ctx.cont(turned, [SIDE, SIDE, turned.ne[1], turned.ne[2]]);
}

/** Elements innermost, from planes. */
function innermost(ctx: Context, x: Tensor): Tensor {
  return ctx.cont(ctx.permute(x, [1, 2, 0, 3]));
}

/** Planes again. */
function outermost(ctx: Context, x: Tensor): Tensor {
  return ctx.cont(ctx.permute(x, [2, 0, 1, 3]));
}

export function mobileVlm({ ctx, top }: Encoder, x: Tensor): Tensor {
  const active = ctx.gelu(linear(top, 'mm.model.mlp.1', x));
  const grid = planes(ctx, linear(top, 'mm.model.mlp.3', active));
  const first = outermost(ctx, block(top, 'mm.model.mb_block.1.block', grid, 1));
  const second = block(top, 'mm.model.mb_block.2.block', ctx.add(grid, first), 2);
  return ctx.reshape(second, [second.ne[0], second.ne[1] * second.ne[2], second.ne[3]]);
}

/** A convolution of each plane, factors for planes as a whole, and a matrix over all planes; elements innermost. */
function block(s: EncoderScope, part: string, x: Tensor, stride: number): Tensor {
  const { ctx } = s;
  const convolved = ctx.conv2dDepthwise(s.weight(`${part}.0.0.weight`), x, { stride, ...THREE });
  const normed = outermost(ctx, plainNorm(s, `${part}.0.1`, innermost(ctx, convolved)));
  const active = ctx.hardswish(normed);
  const [width, height] = active.ne;
  const factors = planeFactors(s, `${part}.1`, ctx.pool2d(active, 'avg', [width, height]));
  const weighted = ctx.mul(active, factors);
  const flat = ctx.reshape(weighted, [width * height, weighted.ne[2], weighted.ne[3]]);
  const rows = ctx.mulMat(s.weight(`${part}.2.0.weight`), ctx.cont(ctx.permute(flat, [1, 0, 2, 3])));
  return plainNorm(s, `${part}.2.1`, ctx.reshape(rows, [rows.ne[0], width, height, rows.ne[3]]));
}

function planeFactors(s: EncoderScope, part: string, means: Tensor): Tensor {
  const { ctx } = s;
  const row = ctx.reshape(means, [means.ne[0] * means.ne[1] * means.ne[2], means.ne[3]]);
  const inner = ctx.relu(linear(s, `${part}.fc1`, row));
  const factors = ctx.hardsigmoid(linear(s, `${part}.fc2`, inner));
  return ctx.reshape(factors, [1, 1, factors.ne[0], factors.ne[1]]);
}

export function mobileVlm2({ ctx, top }: Encoder, x: Tensor): Tensor {
  const active = ctx.gelu(linear(top, 'mm.model.mlp.0', x));
  const pooled = ctx.pool2d(planes(ctx, linear(top, 'mm.model.mlp.2', active)), 'avg', 2);
  const convolved = innermost(ctx, ctx.conv2dDepthwise(top.weight('mm.model.peg.0.weight'), pooled, THREE));
  const biased = ctx.add(convolved, top.weight('mm.model.peg.0.bias'));
  const sum = ctx.add(biased, innermost(ctx, pooled));
  return ctx.reshape(sum, [sum.ne[0], sum.ne[1] * sum.ne[2], sum.ne[3]]);
}
