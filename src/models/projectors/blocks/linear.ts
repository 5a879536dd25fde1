/**
 * A matrix of weights times rows.
 */
import type { Tensor } from '../../../tensor/tensor.js';
import type { EncoderScope } from '../encoder.js';

/** How a matrix is multiplied with rows. */
export type Product = (s: EncoderScope, weight: Tensor, x: Tensor) => Tensor;

export const plainProduct: Product = ({ ctx }, weight, x) => ctx.mulMat(weight, x);

/** Inputs and results are limited, even where the file gives no limit, as in Gemma 4. */
export const limited: Product = ({ ctx }, weight, x) => {
  const limit = 3.4028234663852886e38;
  return ctx.clamp(ctx.mulMat(weight, ctx.clamp(x, -limit, limit)), -limit, limit);
};

/** `x` plus the bias of `part`, if the file has one. */
export function withBias(s: EncoderScope, part: string, x: Tensor): Tensor {
  const bias = s.optionalWeight(`${part}.bias`);
  return bias === null ? x : s.ctx.add(x, bias);
}

/** `x` times the matrix of `part`, plus its bias if the file has one. */
export function linear(s: EncoderScope, part: string, x: Tensor, product = plainProduct): Tensor {
  return withBias(s, part, product(s, s.weight(`${part}.weight`), x));
}
