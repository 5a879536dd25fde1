/**
 * Gated linear units. ggml differentiates SWIGLU with two operands; a single operand that holds both halves gets the
 * gradients of both, joined.
 */
import { GEGLU, GEGLU_ERF, GEGLU_QUICK, REGLU, SWIGLU, SWIGLU_OAI } from '../../dialects/ggml/ops/gated.js';
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

/**
 * `x σ(αx) (g + 1)`, where `x` is at most the limit and `g` within it on both sides; beyond, nothing changes. The lesser of
 * two numbers is the one less what it exceeds the other by.
 */
function limited(s: Site): void {
  const { context: ctx, gradient } = s;
  const [alpha, limit] = [s.number('alpha'), s.number('limit')];
  const below = (a: Tensor): Tensor => s.scaled(s.packed(a), -1, limit); // the room up to the limit
  const x = s.scaled(ctx.relu(below(s.operand(0))), -1, limit);
  const steepened = ctx.scale(x, alpha);
  const share = ctx.sigmoid(steepened);
  s.add(0, () => {
    const factor = s.scaled(clampedGate(s, limit), 1, 1);
    const slope = ctx.mul(share, ctx.scale(ctx.mul(steepened, ctx.scale(share, -1, { bias: 1 })), 1, { bias: 1 }));
    return ctx.mul(ctx.mul(ctx.mul(gradient, factor), slope), ctx.step(below(s.operand(0))));
  });
  s.add(1, () => {
    const gate = s.packed(s.operand(1));
    const inside = ctx.mul(ctx.step(below(gate)), ctx.step(ctx.scale(gate, 1, { bias: limit })));
    return ctx.mul(ctx.mul(gradient, ctx.mul(x, share)), inside);
  });
}

function clampedGate(s: Site, limit: number): Tensor {
  const { context: ctx } = s;
  const fromBelow = ctx.relu(s.scaled(s.operand(1), 1, limit)); // from 0 on
  return ctx.scale(ctx.relu(ctx.scale(fromBelow, -1, { bias: 2 * limit })), -1, { bias: limit });
}

export const GATED_RULES: readonly GradientRule[] = [
  asGgml(SWIGLU, gated(SILU_GATE)),
  asTextbook(REGLU, gated(gateOf(RELU))),
  asTextbook(GEGLU, gated(gateOf(GELU))),
  asTextbook(GEGLU_ERF, gated(gateOf(GELU_ERF))),
  asTextbook(GEGLU_QUICK, gated(gateOf(GELU_QUICK))),
  asTextbook(SWIGLU_OAI, limited),
];
