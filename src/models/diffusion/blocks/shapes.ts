/**
 * Changes of shape that ggml does not have as one operation.
 *
 * Behaviour as in stable-diffusion.cpp's `ggml_ext_cont`, `ggml_ext_chunk`, `ggml_ext_slice` and
 * `ggml_ext_torch_permute`.
 */
import type { Context } from '../../../dialects/ggml/context.js';
import { isContiguous, type Dims4 } from '../../../tensor/layout.js';
import type { Tensor } from '../../../tensor/tensor.js';

/** `x` itself if it is contiguous, else a copy that is. */
export function contiguous(ctx: Context, x: Tensor): Tensor {
  return isContiguous(x) ? x : ctx.cont(x);
}

/** A contiguous copy of `x` with its dimensions moved: dimension `i` becomes dimension `axes[i]`. */
export function permuted(ctx: Context, x: Tensor, axes: Dims4): Tensor {
  return ctx.cont(ctx.permute(x, axes));
}

/** As {@link permuted}, but without the copy where the result is contiguous anyway. */
export function permutedIfNeeded(ctx: Context, x: Tensor, axes: Dims4): Tensor {
  return contiguous(ctx, ctx.permute(x, axes));
}

/** `count` views of equal parts of `x` along a dimension. */
export function chunkViews(ctx: Context, x: Tensor, count: number, dim: number): Tensor[] {
  const length = x.ne[dim] / count;
  const ne = x.ne.map((n, d) => (d === dim ? length : n));
  return Array.from({ length: count }, (_, part) => ctx.view(x, ne, x.nb.slice(1), part * length * x.nb[dim]));
}

/** `count` copies of equal parts of `x` along a dimension. */
export function chunks(ctx: Context, x: Tensor, count: number, dim: number): Tensor[] {
  return chunkViews(ctx, x, count, dim).map((view) => ctx.cont(view));
}

/** A copy of `x` from `start` to `end` (exclusive) along a dimension; `x` itself if that dimension has length 1. */
export function slice(ctx: Context, x: Tensor, dim: number, start: number, end: number): Tensor {
  if (x.ne[dim] === 1) return x;
  const ne = x.ne.map((n, d) => (d === dim ? end - start : n));
  return ctx.cont(ctx.view(x, ne, x.nb.slice(1), start * x.nb[dim]));
}

/** The first `rows` rows of each matrix in `x`, after `skipped` others, as a view. */
export function rowsOf(ctx: Context, x: Tensor, rows: number, skipped = 0): Tensor {
  return ctx.view(x, [x.ne[0], rows, x.ne[2]], [x.nb[1], x.nb[2]], skipped * x.nb[1]);
}

/** The number of dimensions of `x` without those of length 1 at the end; at least 1. */
export function rank({ ne }: Tensor): number {
  return Math.max(1, ...ne.map((length, dim) => (length > 1 ? dim + 1 : 1)));
}
