/**
 * A matrix of weights times a matrix of activations.
 */
import type { Tensor } from '../../tensor/tensor.js';
import type { Scope } from '../model-builder.js';

/**
 * Rows of `length` elements out of the rows of `x`. Files in NVFP4 have a scale per matrix as well.
 *
 * @param part name of the weights without `.weight`
 */
export function linear(s: Scope, part: string, x: Tensor, length: number): Tensor {
  const product = s.ctx.mulMat(s.weight(`${part}.weight`, [x.ne[0], length]), x);
  const scale = s.optionalWeight(`${part}.scale`, [1]);
  return scale === null ? product : s.ctx.mul(product, scale);
}

/** `x` plus the bias of `part`, if the file has one. */
export function withBias(s: Scope, part: string, x: Tensor): Tensor {
  const bias = s.optionalWeight(`${part}.bias`, [x.ne[0]]);
  return bias === null ? x : s.ctx.add(x, bias);
}
