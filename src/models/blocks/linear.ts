/**
 * A matrix of weights times a matrix of activations.
 */
import type { Tensor } from '../../tensor/tensor.js';
import type { Scope } from '../model-builder.js';
import type { Presence } from '../presence.js';

/**
 * Rows of `length` elements out of the rows of `x`, where no adapter changes that, as llama.cpp's `ggml_mul_mat`.
 *
 * @param part name of the weights without `.weight`
 */
export function plainProduct(s: Scope, part: string, x: Tensor, length: number): Tensor {
  return s.ctx.mulMat(s.weight(`${part}.weight`, [x.ne[0], length]), x);
}

/** As {@link plainProduct}, with what adapters add, as llama.cpp's `build_lora_mm`. */
export function product(s: Scope, part: string, x: Tensor, length: number): Tensor {
  const weight = s.weight(`${part}.weight`, [x.ne[0], length]);
  return adapted(s, weight, x, s.ctx.mulMat(weight, x));
}

/** As {@link product}, times the matrix's scale if the file has one, as files in NVFP4 do. */
export function linear(s: Scope, part: string, x: Tensor, length: number): Tensor {
  const weight = s.weight(`${part}.weight`, [x.ne[0], length]);
  const unscaled = s.ctx.mulMat(weight, x);
  const scale = s.optionalWeight(`${part}.scale`, [1]);
  return adapted(s, weight, x, scale === null ? unscaled : s.ctx.mul(unscaled, scale));
}

/**
 * `result`, the product of a weight and `x`, plus what adapters add.
 *
 * @param multiply how a matrix is multiplied with `x`. Default: as a whole
 */
export function adapted(
  s: Scope,
  weight: Tensor,
  x: Tensor,
  result: Tensor,
  multiply = (matrix: Tensor, rows: Tensor): Tensor => s.ctx.mulMat(matrix, rows),
): Tensor {
  let sum = result;
  for (const adapter of s.model.adapters) {
    const pair = adapter.get(weight.name);
    if (pair === undefined) continue;
    sum = s.ctx.add(sum, s.ctx.scale(multiply(pair.b, multiply(pair.a, x)), pair.scale));
  }
  return sum;
}

/** `x` plus the bias of `part`, if there is one. */
export function withBias(s: Scope, part: string, x: Tensor, presence: Presence = 'optional'): Tensor {
  const bias = weightIf(s, presence, `${part}.bias`, [x.ne[0]]);
  return bias === null ? x : s.ctx.add(x, bias);
}

/** A weight that an architecture may or must have; null if it is not there, or not read. */
export function weightIf(s: Scope, presence: Presence, name: string, ne: readonly number[]): Tensor | null {
  if (presence === 'none') return null;
  if (presence === 'required') return s.weight(name, ne);
  const found = s.optionalWeight(name, ne);
  return presence === 'unread' ? null : found;
}
