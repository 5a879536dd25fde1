/**
 * The losses of ggml's optimiser, as nodes.
 *
 * Behaviour as in `ggml_opt_build`: a loss is divided by the number of micro-steps that share an optimiser step.
 */
import type { Context } from '../dialects/ggml/context.js';
import { elementCount } from '../tensor/layout.js';
import type { Tensor } from '../tensor/tensor.js';

/** The losses of ggml's optimiser, by name. */
export type LossName = 'mean' | 'sum' | 'cross-entropy' | 'mean-squared-error';

/** A loss, and what it is computed of. */
interface Loss {
  /** One element. */
  readonly loss: Tensor;
  /** What the outputs are compared with: an input, of their type and shape. */
  readonly labels: Tensor | null;
}

type BuildLoss = (ctx: Context, outputs: Tensor, period: number) => Loss;

/** Shares of one step, over all elements of all its micro-steps. */
function shareOf(outputs: Tensor, period: number): number {
  return 1 / (period * elementCount(outputs));
}

function labelsOf(ctx: Context, outputs: Tensor): Tensor {
  return ctx.setInput(ctx.newTensor(outputs.type.name, outputs.ne, 'labels'));
}

function mean(ctx: Context, outputs: Tensor, period: number): Loss {
  const sum = ctx.setName(ctx.sum(outputs), 'loss_sum');
  return { loss: ctx.setName(ctx.scale(sum, shareOf(outputs, period)), 'loss_mean'), labels: null };
}

function sum(ctx: Context, outputs: Tensor): Loss {
  return { loss: ctx.setName(ctx.sum(outputs), 'loss_sum'), labels: null };
}

function crossEntropy(ctx: Context, outputs: Tensor, period: number): Loss {
  const labels = labelsOf(ctx, outputs);
  const loss = ctx.setName(ctx.crossEntropyLoss(outputs, labels), 'loss_cross_entropy');
  if (period === 1) return { loss, labels };
  return { loss: ctx.setName(ctx.scale(loss, 1 / period), 'loss_cross_entropy_scaled'), labels };
}

function meanSquaredError(ctx: Context, outputs: Tensor, period: number): Loss {
  const labels = labelsOf(ctx, outputs);
  const error = ctx.setName(ctx.sub(outputs, labels), 'loss_error');
  const squared = ctx.setName(ctx.sqr(error), 'loss_squared_error');
  const total = ctx.setName(ctx.sum(squared), 'loss_sum_squared_error');
  return { loss: ctx.setName(ctx.scale(total, shareOf(outputs, period)), 'loss_mean_squared_error'), labels };
}

export const LOSSES: Readonly<Record<LossName, BuildLoss>> = {
  mean,
  sum,
  'cross-entropy': crossEntropy,
  'mean-squared-error': meanSquaredError,
};
