/**
 * The activations that have no gradient in ggml: each function, and its slope, made of ggml's operations.
 */
import type { Context } from '../../dialects/ggml/context.js';
import { GELU, GELU_ERF, GELU_QUICK, RELU } from '../../dialects/ggml/ops/unary.js';
import type { Operation } from '../../tensor/operation.js';
import type { Tensor } from '../../tensor/tensor.js';

interface Activation {
  readonly value: (ctx: Context, x: Tensor) => Tensor;
  /** The derivative at `x`. */
  readonly slope: (ctx: Context, x: Tensor) => Tensor;
}

/** Of `x (1 + t) ÷ 2` where `t = tanh(r (x + c x³))`: `(1 + t) ÷ 2 + x (1 - t²) r (1 + 3 c x²) ÷ 2`. */
function slopeOfGelu(ctx: Context, x: Tensor): Tensor {
  const [root, cubic] = [Math.sqrt(2 / Math.PI), 0.044715];
  const square = ctx.sqr(x);
  const t = ctx.tanh(ctx.mul(x, ctx.scale(square, root * cubic, { bias: root })));
  const bend = ctx.mul(ctx.scale(ctx.sqr(t), -0.5, { bias: 0.5 }), ctx.scale(square, 3 * root * cubic, { bias: root }));
  return ctx.add(ctx.scale(t, 0.5, { bias: 0.5 }), ctx.mul(x, bend));
}

/** Of `x s` where `s = sigmoid(f x)`: `s + f x s (1 - s)`. */
function slopeOfQuickGelu(ctx: Context, x: Tensor): Tensor {
  const scaled = ctx.scale(x, 1.702);
  const s = ctx.sigmoid(scaled);
  return ctx.add(s, ctx.mul(scaled, ctx.mul(s, ctx.scale(s, -1, { bias: 1 }))));
}

/**
 * Of `x Φ(x)`: `Φ(x) + x φ(x)`. ggml has no error function, so `Φ` is the unit itself divided by `x`, which a tiny number
 * keeps away from zero.
 */
function slopeOfExactGelu(ctx: Context, x: Tensor): Tensor {
  const nonZero = ctx.scale(x, 1, { bias: 1e-20 });
  const share = ctx.div(ctx.geluErf(nonZero), nonZero);
  const density = ctx.scale(ctx.exp(ctx.scale(ctx.sqr(x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
  return ctx.add(share, ctx.mul(x, density));
}

export const ACTIVATIONS: ReadonlyMap<Operation, Activation> = new Map<Operation, Activation>([
  [RELU, { value: (ctx, x) => ctx.relu(x), slope: (ctx, x) => ctx.step(x) }],
  [GELU, { value: (ctx, x) => ctx.gelu(x), slope: slopeOfGelu }],
  [GELU_QUICK, { value: (ctx, x) => ctx.geluQuick(x), slope: slopeOfQuickGelu }],
  [GELU_ERF, { value: (ctx, x) => ctx.geluErf(x), slope: slopeOfExactGelu }],
]);
