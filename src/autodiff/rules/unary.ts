/**
 * Functions of one tensor, element by element.
 */
import {
  ABS,
  CEIL,
  ELU,
  EXP,
  EXPM1,
  FLOOR,
  GELU,
  GELU_ERF,
  GELU_QUICK,
  HARDSIGMOID,
  HARDSWISH,
  LEAKY_RELU,
  NEG,
  RELU,
  ROUND,
  SGN,
  SIGMOID,
  SILU,
  SOFTPLUS,
  STEP,
  TANH,
  TRUNC,
} from '../../dialects/ggml/ops/unary.js';
import type { Tensor } from '../../tensor/tensor.js';
import { asGgml, asTextbook, withoutGradient, type GradientRule } from '../rule.js';
import type { Site } from '../site.js';
import { ACTIVATIONS } from './activations.js';

/** The gradient is that of the result times a slope that follows from the operand or the result. */
const slope =
  (slopeOf: (s: Site, x: Tensor) => Tensor) =>
  (s: Site): void =>
    s.add(0, () => s.context.mul(s.gradient, slopeOf(s, s.operand(0))));

/** As {@link slope}, with the factors the other way round, as ggml has them for some functions. */
const slopeFirst =
  (slopeOf: (s: Site, x: Tensor) => Tensor) =>
  (s: Site): void =>
    s.add(0, () => s.context.mul(slopeOf(s, s.operand(0)), s.gradient));

/** `y + 1` below zero, where `y = e^x - 1`, and 1 above. */
function slopeOfElu({ context: ctx, node }: Site, x: Tensor): Tensor {
  return ctx.scale(ctx.sub(node, ctx.relu(x)), 1, { bias: 1 });
}

function slopeOfLeaky(s: Site, x: Tensor, negative: number): Tensor {
  return s.scaled(s.context.step(s.packed(x)), 1 - negative, negative);
}

/** A sixth between -3 and 3. */
function slopeOfHardsigmoid(s: Site, operand: Tensor): Tensor {
  const { context: ctx } = s;
  const x = s.packed(operand);
  const inside = ctx.mul(ctx.step(ctx.scale(x, 1, { bias: 3 })), ctx.step(ctx.scale(x, -1, { bias: 3 })));
  return ctx.scale(inside, 1 / 6);
}

export const UNARY_RULES: readonly GradientRule[] = [
  withoutGradient(asGgml, SGN),
  withoutGradient(asGgml, STEP),
  asGgml(
    ABS,
    slopeFirst((s, x) => s.context.sgn(x)),
  ),
  asGgml(NEG, (s) => s.subtract(0, () => s.gradient)),
  asGgml(
    RELU,
    slopeFirst((s, x) => s.context.step(x)),
  ),
  asGgml(SILU, (s) => s.add(0, () => s.context.siluBack(s.gradient, s.operand(0)))),
  asGgml(
    EXP,
    slopeFirst(({ node }) => node),
  ),
  asGgml(
    EXPM1,
    slope((s, x) => s.context.exp(x)),
  ),
  asGgml(
    SOFTPLUS,
    slope((s, x) => s.context.sigmoid(x)),
  ),
  ...[FLOOR, CEIL, ROUND, TRUNC].map((operation) => withoutGradient(asTextbook, operation)),
  asTextbook(
    TANH,
    slope(({ context: ctx, node }) => ctx.scale(ctx.sqr(node), -1, { bias: 1 })),
  ),
  asTextbook(
    SIGMOID,
    slope(({ context: ctx, node }) => ctx.mul(node, ctx.scale(node, -1, { bias: 1 }))),
  ),
  asTextbook(ELU, slope(slopeOfElu)),
  asTextbook(
    LEAKY_RELU,
    slope((s, x) => slopeOfLeaky(s, x, s.number('negativeSlope'))),
  ),
  asTextbook(HARDSIGMOID, slope(slopeOfHardsigmoid)),
  asTextbook(
    HARDSWISH,
    slope((s, x) => s.context.add(s.context.hardsigmoid(x), s.context.mul(x, slopeOfHardsigmoid(s, x)))),
  ),
  ...[GELU, GELU_QUICK, GELU_ERF].map((operation) =>
    asTextbook(
      operation,
      slope((s, x) => ACTIVATIONS.get(operation)!.slope(s.context, s.packed(x))),
    ),
  ),
];
