/**
 * Normalisation of every row, with learned weights.
 */
import type { Tensor } from '../../tensor/tensor.js';
import type { Scope } from '../model-builder.js';

/**
 * Root-mean-square normalisation.
 *
 * @param part name of the weights without `.weight`
 * @param labels where the intermediate result is named. Default: where the weights are
 */
export function rmsNorm(s: Scope, part: string, x: Tensor, labels: Scope = s): Tensor {
  const normed = labels.named(s.ctx.rmsNorm(x, s.hp.normEpsilon), 'norm');
  return s.ctx.mul(normed, s.weight(`${part}.weight`, [x.ne[0]]));
}

/** Normalisation to mean 0 and deviation 1, with weights and bias. */
export function layerNorm(s: Scope, part: string, x: Tensor): Tensor {
  const normed = s.named(s.ctx.norm(x, s.hp.normEpsilon), 'norm');
  const weighted = s.named(s.ctx.mul(normed, s.weight(`${part}.weight`, [x.ne[0]])), 'norm_w');
  return s.ctx.add(weighted, s.weight(`${part}.bias`, [x.ne[0]]));
}
