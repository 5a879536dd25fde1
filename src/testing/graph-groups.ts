/**
 * Groups of nodes that runtimes compute at once, to choose from by a number, the simplest first.
 *
 * Invariant: none of them is refused, and each has the shape of its operand.
 */
import type { Context } from '../dialects/ggml/context.js';
import type { Tensor } from '../tensor/tensor.js';

/** What groups are made of besides `x`, which must be contiguous. */
interface Operands {
  /** Of the shape of `x`; may be `x` itself. */
  readonly other: Tensor;
  /** A new leaf of this shape. */
  readonly leaf: (ne: readonly number[]) => Tensor;
}

export function applyGroup(ctx: Context, x: Tensor, choice: number, { other, leaf }: Operands): Tensor {
  const weight = (): Tensor => leaf([x.ne[0]]);
  switch (choice % 13) {
    case 0:
    case 1:
      return ctx.mul(ctx.rmsNorm(x, 1e-5), weight());
    case 2:
      return ctx.mul(other, ctx.rmsNorm(x, 1e-5));
    case 3:
      return ctx.mul(ctx.rmsNorm(x, 1e-5), x);
    case 4:
      return ctx.add(ctx.mul(ctx.rmsNorm(x, 1e-5), weight()), other);
    case 5:
      return ctx.add(ctx.mul(ctx.norm(x, 1e-5), weight()), weight());
    case 6:
      return ctx.mul(ctx.silu(x), other);
    case 7:
      return ctx.sqr(ctx.relu(x));
    case 8:
      return ctx.scale(ctx.tanh(ctx.scale(x, 0.5)), 2);
    case 9:
      return ctx.add(ctx.scale(ctx.mulMat(leaf([x.ne[0], x.ne[0]]), x), 1 / x.ne[0]), other);
    case 10:
      return ctx.add(other, ctx.mulMat(leaf([x.ne[0], x.ne[0]]), x));
    case 11:
      return ctx.add(ctx.add(ctx.add(x, other), weight()), other);
    default: // the snake activation
      return ctx.add(ctx.mul(ctx.sqr(ctx.sin(ctx.mul(x, weight()))), weight()), x);
  }
}
