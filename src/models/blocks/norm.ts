/**
 * Normalisation of every row, with learned weights.
 *
 * Invariant: the order of operations and names is that of llama.cpp's `build_norm`.
 */
import type { Tensor } from '../../tensor/tensor.js';
import type { Scope } from '../model-builder.js';
import type { NormRecipe } from '../norm-recipe.js';
import { weightIf } from './linear.js';

/** What one normalisation does differently from the rest of its model. */
export interface NormOptions extends Partial<NormRecipe> {
  /** Default: that of the model. */
  readonly epsilon?: number;
  /** Shape of the weights. Default: a row. */
  readonly ne?: readonly number[];
  /** Whether the weights are named as the part alone, without `.weight`. Default false. */
  readonly isBare?: boolean;
}

/**
 * @param part name of the weights, without `.weight` unless they are bare
 * @param labels where the intermediate results are named. Default: where the weights are
 */
export function norm(s: Scope, part: string, x: Tensor, options: NormOptions = {}, labels = s): Tensor {
  const { ctx } = s;
  const usual = s.hp.norm;
  const { ne = [x.ne[0]], isBare = false, kind = usual.kind, epsilon = usual.epsilon } = options;
  const { weight: weightPresence = usual.weight, bias: biasPresence = usual.bias } = options;
  const weight = weightIf(s, weightPresence, isBare ? part : `${part}.weight`, ne);
  const bias = weightIf(s, biasPresence, `${part}.bias`, ne);
  let result = kind === 'rms' ? ctx.rmsNorm(x, epsilon) : ctx.norm(x, epsilon);
  if (weight !== null || bias !== null) labels.named(result, 'norm');
  if (weight !== null) {
    result = ctx.mul(result, weight);
    if (bias !== null) labels.named(result, 'norm_w');
  }
  return bias === null ? result : ctx.add(result, bias);
}
