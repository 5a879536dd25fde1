/**
 * From an image to a row for each patch.
 */
import type { Tensor } from '../../../tensor/tensor.js';
import type { Encoder } from '../encoder.js';

const KERNEL = 'v.patch_embd.weight';

/** `[columns, rows, length, 1]`: the image under the kernel of that name, once for each patch. */
export function convolved(e: Encoder, image: Tensor, kernel = KERNEL): Tensor {
  return e.ctx.conv2d(e.top.weight(kernel), image, { stride: e.numbers.patchSize });
}

/** `[length, patches]`, as llama.cpp's `build_inp`. */
export function patchRows(e: Encoder, image = e.rawInput()): Tensor {
  return withPatchBias(e, rowsOfPlanes(e, convolved(e, image)));
}

/** One row for each patch from one plane for each element. */
export function rowsOfPlanes({ ctx, patchCount, numbers }: Encoder, planes: Tensor): Tensor {
  return ctx.cont(ctx.transpose(ctx.reshape(planes, [patchCount, numbers.length, 1])));
}

/** `x` plus the bias of patches, if the file has one. */
export function withPatchBias({ ctx, top }: Encoder, x: Tensor): Tensor {
  const bias = top.optionalWeight('v.patch_embd.bias');
  return bias === null ? x : top.named(ctx.add(x, bias), 'patch_bias');
}

/**
 * `[length, patches]` where the patches of each square follow each other, from an image that stands for two frames of a
 * video, each with a kernel of its own.
 */
export function framedPatches(e: Encoder, side = 2): Tensor {
  const image = e.rawInput();
  const frames = e.ctx.add(convolved(e, image), convolved(e, image, `${KERNEL}.1`));
  return inSquares(e, e.ctx.permute(frames, [1, 2, 0, 3]), side);
}

/** The rows `[length, columns, rows]` of patches in another order: those of each square follow each other. */
export function inSquares({ ctx, columns, rows, numbers: { length } }: Encoder, x: Tensor, side = 2): Tensor {
  const strips = ctx.cont(x, [side * length, Math.floor(columns / side), rows, 1]);
  const split = ctx.reshape(strips, [side * length, Math.floor(columns / side), side, Math.floor(rows / side)]);
  return ctx.cont(ctx.permute(split, [0, 2, 1, 3]), [length, columns * rows, 1]);
}
