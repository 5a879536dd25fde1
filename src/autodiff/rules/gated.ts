/**
 * Gated linear units. ggml differentiates SWIGLU with two operands; a single operand that holds both halves gets the
 * gradients of both, joined.
 */
import { GEGLU, GEGLU_ERF, GEGLU_QUICK, REGLU, SWIGLU } from '../../dialects/ggml/ops/gated.js';
import { GELU, GELU_ERF, GELU_QUICK, RELU } from '../../dialects/ggml/ops/unary.js';
import type { Context } from '../../dialects/ggml/context.js';
import type { Operation } from '../../tensor/operation.js';
import type { Tensor } from '../../tensor/tensor.js';
import { asGgml, asTextbook, type GradientRule } from '../rule.js';
import type { Site } from '../site.js';
import { ACTIVATIONS } from './activations.js';

interface GatedActivation {
  readonly value: (ctx: Context, x: Tensor) => Tensor;
  /** The gradient of the activated half, from that of its activation. */
  readonly back: (ctx: Context, gradient: Tensor, x: Tensor) => Tensor;
}

const SILU_GATE: GatedActivation = {
  value: (ctx, x) => ctx.silu(x),
  back: (ctx, gradient, x) => ctx.siluBack(gradient, x),
};

function gateOf(activation: Operation): GatedActivation {
  const { value, slope } = ACTIVATIONS.get(activation)!;
  return { value, back: (ctx, gradient, x) => ctx.mul(gradient, slope(ctx, x)) };
}

const gated =
  ({ value, back }: GatedActivation) =>
  (s: Site): void => {
    const { context: ctx, gradient } = s;
    if (s.optional(1) === null) {
      s.add(0, () => joinedHalves(s, { value, back }));
      return;
    }
    s.add(0, () => back(ctx, ctx.mul(gradient, s.operand(1)), s.operand(0)));
    s.add(1, () => ctx.mul(value(ctx, s.operand(0)), gradient));
  };

function joinedHalves(s: Site, { value, back }: GatedActivation): Tensor {
  const { context: ctx, gradient } = s;
  const both = s.operand(0);
  const [length, ...outer] = gradient.ne;
  const half = (index: number): Tensor =>
    ctx.cont(ctx.view(both, [length, ...outer], both.nb.slice(1), index * length * both.nb[0]));
  const isSwapped = s.flag('swapped');
  const [activated, factor] = isSwapped ? [half(1), half(0)] : [half(0), half(1)];
  const ofActivated = back(ctx, ctx.mul(gradient, factor), activated);
  const ofFactor = ctx.mul(value(ctx, activated), gradient);
  return isSwapped ? ctx.concat(ofFactor, ofActivated, 0) : ctx.concat(ofActivated, ofFactor, 0);
}

export const GATED_RULES: readonly GradientRule[] = [
  asGgml(SWIGLU, gated(SILU_GATE)),
  asTextbook(REGLU, gated(gateOf(RELU))),
  asTextbook(GEGLU, gated(gateOf(GELU))),
  asTextbook(GEGLU_ERF, gated(gateOf(GELU_ERF))),
  asTextbook(GEGLU_QUICK, gated(gateOf(GELU_QUICK))),
];
