/**
 * Sums and means.
 */
import { CUMSUM, MEAN, SUM, SUM_ROWS } from '../../dialects/ggml/ops/reduction.js';
import { elementCount } from '../../tensor/layout.js';
import { asGgml, asTextbook, type GradientRule } from '../rule.js';
import type { Site } from '../site.js';

/** One mean is added as a single element, as in ggml; several means, one per row, are repeated first. */
function mean(s: Site): void {
  const { context: ctx } = s;
  const share = 1 / s.operand(0).ne[0];
  if (elementCount(s.gradient) === 1) s.addOne(0, () => s.scaled(s.gradient, share));
  else s.add(0, () => ctx.repeat(s.scaled(s.gradient, share), s.operand(0).ne));
}

/** An element is part of its own sum and of all later ones: of all, less the sums before. */
function runningSum(s: Site): void {
  const { context: ctx } = s;
  s.add(0, () => {
    const gradient = s.contiguous(s.gradient);
    const all = ctx.repeat(ctx.sumRows(gradient), gradient.ne);
    return ctx.add(ctx.sub(all, ctx.cumsum(gradient)), gradient);
  });
}

export const REDUCTION_RULES: readonly GradientRule[] = [
  asGgml(SUM, (s) => s.addOne(0, () => s.gradient)),
  asGgml(SUM_ROWS, (s) => s.add(0, () => s.context.repeat(s.gradient, s.operand(0).ne))),
  asGgml(MEAN, mean),
  asTextbook(CUMSUM, runningSum),
];
