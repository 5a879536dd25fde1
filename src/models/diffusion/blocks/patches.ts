/**
 * Images and videos cut into patches, one row each, and put together again.
 *
 * Behaviour as in stable-diffusion.cpp's `DiT::pad_and_patchify`, `DiT::unpatchify_and_crop` and `WAN::Wan`.
 */
import type { Context } from '../../../dialects/ggml/context.js';
import type { Tensor } from '../../../tensor/tensor.js';
import { permuted, permutedIfNeeded, slice } from './shapes.js';

/** The next multiple of `patch`. */
export function paddedTo(length: number, patch: number): number {
  return Math.ceil(length / patch) * patch;
}

/** Rows of patches `[patch², channels]` of an image; a margin is filled with zeros. */
export function patchRows(ctx: Context, image: Tensor, patch: number): Tensor {
  const [width, height, channels, images] = image.ne;
  const margin = [paddedTo(width, patch) - width, paddedTo(height, patch) - height];
  const padded = margin.some((length) => length > 0) ? ctx.pad(image, margin) : image;
  const [across, down] = [padded.ne[0] / patch, padded.ne[1] / patch];
  const strips = ctx.reshape(padded, [patch, across, patch, down * channels * images]);
  const byPatch = ctx.reshape(permuted(ctx, strips, [0, 2, 1, 3]), [patch * patch, across * down, channels, images]);
  return ctx.reshape(permuted(ctx, byPatch, [0, 2, 1, 3]), [patch * patch * channels, across * down, images]);
}

/** How the elements of a row lie: all of one channel, or all channels of one pixel. */
export type PatchOrder = 'by-channel' | 'by-pixel';

/** The image of `width` × `height` that rows of patches make up, without its margin. */
export function imageOfPatches(
  ctx: Context,
  rows: Tensor,
  { width, height, patch, order }: { width: number; height: number; patch: number; order: PatchOrder },
): Tensor {
  const [length, count, images] = rows.ne;
  const area = patch * patch;
  const channels = length / area;
  const [across, down] = [paddedTo(width, patch) / patch, paddedTo(height, patch) / patch];
  const byPatch =
    order === 'by-channel'
      ? permuted(ctx, ctx.reshape(rows, [area, channels, count, images]), [0, 2, 1, 3])
      : permuted(ctx, ctx.reshape(rows, [channels, area, count, images]), [2, 0, 1, 3]);
  const strips = ctx.reshape(byPatch, [patch, patch, across, down * channels * images]);
  const image = ctx.reshape(permuted(ctx, strips, [0, 2, 1, 3]), [across * patch, down * patch, channels, images]);
  return slice(ctx, slice(ctx, image, 1, 0, height), 0, 0, width);
}

/** The video that rows of patches make up: `[width, height, frames, channels]`, as long as whole patches are. */
export function videoOfPatches(
  ctx: Context,
  rows: Tensor,
  patches: readonly [number, number, number],
  patch: readonly [number, number, number],
): Tensor {
  const [across, down, frames] = patches;
  const [width, height, depth] = patch;
  const area = width * height * depth;
  const channels = rows.ne[0] / area;
  let x = ctx.reshape(rows, [channels, area, across * down * frames, rows.ne[3]]);
  x = permutedIfNeeded(ctx, x, [2, 0, 1, 3]);
  x = ctx.reshape(x, [width, height * depth, across, down * frames * channels]);
  x = permutedIfNeeded(ctx, x, [0, 2, 1, 3]);
  x = ctx.reshape(x, [width * across, height, depth, down * frames * channels]);
  x = permutedIfNeeded(ctx, x, [0, 2, 1, 3]);
  x = ctx.reshape(x, [width * across, depth, height * down, frames * channels]);
  x = permutedIfNeeded(ctx, x, [0, 2, 1, 3]);
  return ctx.reshape(x, [width * across, height * down, depth * frames, channels]);
}
