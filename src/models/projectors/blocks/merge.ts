/**
 * Several patches become one longer row.
 */
import type { Tensor } from '../../../tensor/tensor.js';
import type { Encoder } from '../encoder.js';

/** The patches of each square become one row, as llama.cpp's `build_patch_merge_permute`; the image may be padded. */
export function mergeSquares(e: Encoder, x: Tensor): Tensor {
  const { ctx, top, columns, rows } = e;
  const { merge } = e.numbers;
  const [length] = x.ne;
  const [width, height] = [columns, rows].map((count) => Math.ceil(count / merge) * merge);
  let grid = ctx.reshape(x, [length, columns, rows]);
  if (width > columns || height > rows) grid = ctx.pad(grid, [0, width - columns, height - rows]);
  const joined = ctx.permute(ctx.reshape(grid, [length * merge, width / merge, height]), [0, 2, 1, 3]);
  const squares = ctx.permute(ctx.cont(joined, [length * merge ** 2, height / merge, width / merge]), [0, 2, 1, 3]);
  const flat = ctx.cont(squares, [squares.ne[0], squares.ne[1] * squares.ne[2]]);
  return top.named(flat, 'pixel_shuffle');
}
