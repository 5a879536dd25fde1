/**
 * Norms of an encoder's rows.
 */
import type { Tensor } from '../../../tensor/tensor.js';
import type { EncoderScope } from '../encoder.js';

/** `rms`: by the root mean square; `layer`: to mean 0 and deviation 1. */
export type NormKind = 'rms' | 'layer';

/**
 * Rows normalised, with the weights `part.weight` and `part.bias` if the file has them, as llama.cpp's `build_norm`.
 *
 * @param epsilon default: as the file says
 */
export function norm(s: EncoderScope, part: string, x: Tensor, kind: NormKind, epsilon = s.numbers.epsilon): Tensor {
  return normedBy(s, x, [`${part}.weight`, `${part}.bias`], kind, epsilon);
}

/** As {@link norm}, with weights of any name; null: none. */
export function normedBy(
  s: EncoderScope,
  x: Tensor,
  [weightName, biasName]: readonly [string | null, string | null],
  kind: NormKind,
  epsilon = s.numbers.epsilon,
): Tensor {
  const { ctx } = s;
  let result = kind === 'rms' ? ctx.rmsNorm(x, epsilon) : ctx.norm(x, epsilon);
  const weight = weightName === null ? null : s.optionalWeight(weightName);
  if (weight !== null) result = s.named(ctx.mul(result, weight), 'norm_w');
  const bias = biasName === null ? null : s.optionalWeight(biasName);
  return bias === null ? result : s.named(ctx.add(result, bias), 'norm_b');
}

/** To mean 0 and deviation 1, with weight and bias; none of its steps gets a name. */
export function plainNorm(s: EncoderScope, part: string, x: Tensor): Tensor {
  const { ctx, numbers } = s;
  const normed = ctx.norm(x, numbers.epsilon);
  return ctx.add(ctx.mul(normed, s.weight(`${part}.weight`)), s.weight(`${part}.bias`));
}
