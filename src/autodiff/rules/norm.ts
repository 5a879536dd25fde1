/**
 * Normalisation, row by row or over groups of channels.
 */
import { GROUP_NORM, L2_NORM, NORM, RMS_NORM } from '../../dialects/ggml/ops/norm.js';
import type { Context } from '../../dialects/ggml/context.js';
import type { Tensor } from '../../tensor/tensor.js';
import { asGgml, asTextbook, type GradientRule } from '../rule.js';
import type { Site } from '../site.js';

/** `(dy - mean(dy) - y mean(dy y)) ÷ deviation`, where the deviation is computed again from `x`. */
function normBack(ctx: Context, gradient: Tensor, x: Tensor, y: Tensor, eps: number): Tensor {
  const along = ctx.mul(y, ctx.mean(ctx.mul(gradient, y)));
  const rest = ctx.sub(ctx.sub(gradient, ctx.mean(gradient)), along);
  const variance = ctx.mean(ctx.sqr(ctx.sub(x, ctx.mean(x))));
  return ctx.div(rest, ctx.sqrt(ctx.scale(variance, 1, { bias: eps })));
}

function groupNorm(s: Site): void {
  const { context: ctx, gradient, node } = s;
  s.add(0, () => {
    const x = s.operand(0);
    const [width, height, channels, images] = x.ne;
    const groups = s.number('groups');
    if (channels % groups !== 0) {
      s.refuse(
        `its ${channels} channels are in ${groups} groups`,
        'groups of equally many channels',
        'Choose a number of groups that divides the channels.',
      );
    }
    const rows = [(width * height * channels) / groups, groups, images];
    const [dy, a, y] = [gradient, x, node].map((each) => ctx.reshape(s.contiguous(each), rows));
    return ctx.reshape(normBack(ctx, dy, a, y, s.number('eps')), x.ne);
  });
}

/** `(dy - y sum(dy y)) ÷ length`; a length below `eps` is `eps`, and does not depend on `x`. */
function unitLength(s: Site): void {
  const { context: ctx, gradient, node } = s;
  s.add(0, () => {
    const eps = s.number('eps');
    const above = ctx.scale(ctx.sqrt(ctx.sumRows(ctx.sqr(s.operand(0)))), 1, { bias: -eps });
    const length = ctx.scale(ctx.relu(above), 1, { bias: eps });
    const along = ctx.mul(node, ctx.mul(ctx.sumRows(ctx.mul(gradient, node)), ctx.step(above)));
    return ctx.div(ctx.sub(gradient, along), length);
  });
}

export const NORM_RULES: readonly GradientRule[] = [
  asGgml(RMS_NORM, (s) => s.add(0, () => s.context.rmsNormBack(s.gradient, s.operand(0), s.number('eps')))),
  asTextbook(NORM, (s) => s.add(0, () => normBack(s.context, s.gradient, s.operand(0), s.node, s.number('eps')))),
  asTextbook(GROUP_NORM, groupNorm),
  asTextbook(L2_NORM, unitLength),
];
