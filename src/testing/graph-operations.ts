/**
 * Operations to choose from by a number, the simplest first, for tensors of any shape.
 *
 * Invariant: none of them is refused; a choice that its operand does not allow becomes a simpler one.
 */
import type { Context } from '../graph/context.js';
import { elementCount, isContiguous } from '../tensor/layout.js';
import type { Tensor } from '../tensor/tensor.js';

/** Element by element. `a` must be contiguous. */
export function applyUnary(ctx: Context, a: Tensor, choice: number): Tensor {
  switch (choice % 6) {
    case 0:
      return ctx.relu(a);
    case 1:
      return ctx.tanh(a);
    case 2:
      return ctx.neg(a);
    case 3:
      return ctx.scale(a, 0.5, { bias: 0.25 });
    case 4:
      return ctx.silu(a);
    default:
      return ctx.sin(a);
  }
}

/** Row by row. `a` must be contiguous. */
export function applyNorm(ctx: Context, a: Tensor, choice: number): Tensor {
  switch (choice % 4) {
    case 0:
      return ctx.rmsNorm(a, 1e-5);
    case 1:
      return ctx.softMax(a);
    case 2:
      return ctx.norm(a, 1e-5);
    default:
      return ctx.cumsum(a);
  }
}

/** A view: of all elements in another order or shape, or of `part` 0 or 1 of them. */
export function applyView(ctx: Context, x: Tensor, choice: number, part: number): Tensor {
  const [ne0, ne1, ne2, ne3] = x.ne;
  const [, nb1, nb2, nb3] = x.nb;
  const isDenseRow = x.nb[0] === x.type.blockBytes;
  switch (choice % 5) {
    case 0:
      return ctx.transpose(x);
    case 1:
      return ctx.permute(x, [0, 2, 1, 3]);
    case 2: // some rows
      if (!isDenseRow || ne1 === 1) break;
      return ctx.view(x, [ne0, ne1 - 1, ne2, ne3], [nb1, nb2, nb3], (part % 2) * nb1);
    case 3: // some columns
      if (!isDenseRow || ne0 % 2 !== 0) break;
      return ctx.view(x, [ne0 / 2, ne1, ne2, ne3], [nb1, nb2, nb3], (part % 2) * (ne0 / 2) * x.type.blockBytes);
    case 4:
      if (!isContiguous(x)) break;
      return ctx.reshape(x, part % 2 === 0 ? [elementCount(x)] : [ne1, ne0, ne2, ne3]);
  }
  return ctx.transpose(x);
}
