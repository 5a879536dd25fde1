/**
 * A matrix of weights times a matrix of activations.
 */
import type { Tensor } from '../../tensor/tensor.js';
import type { Scope } from '../model-builder.js';

/** Whether a file may or must have certain weights; `none`: the architecture ignores them. */
export type Presence = 'none' | 'optional' | 'required';

/**
 * Rows of `length` elements out of the rows of `x`.
 *
 * @param part name of the weights without `.weight`
 */
export function product(s: Scope, part: string, x: Tensor, length: number): Tensor {
  return s.ctx.mulMat(s.weight(`${part}.weight`, [x.ne[0], length]), x);
}

/** As {@link product}, times the matrix's scale if the file has one, as files in NVFP4 do. */
export function linear(s: Scope, part: string, x: Tensor, length: number): Tensor {
  const unscaled = product(s, part, x, length);
  const scale = s.optionalWeight(`${part}.scale`, [1]);
  return scale === null ? unscaled : s.ctx.mul(unscaled, scale);
}

/** `x` plus the bias of `part`, if there is one. */
export function withBias(s: Scope, part: string, x: Tensor, presence: Presence = 'optional'): Tensor {
  const bias = weightIf(s, presence, `${part}.bias`, [x.ne[0]]);
  return bias === null ? x : s.ctx.add(x, bias);
}

/** A weight that an architecture may or must have. */
export function weightIf(s: Scope, presence: Presence, name: string, ne: readonly number[]): Tensor | null {
  if (presence === 'none') return null;
  return presence === 'required' ? s.weight(name, ne) : s.optionalWeight(name, ne);
}
