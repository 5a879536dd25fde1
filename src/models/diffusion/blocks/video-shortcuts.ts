/**
 * Shortcuts past a level of Wan 2.2's autoencoder, without weights: pixels become channels, or channels pixels.
 *
 * Behaviour as in stable-diffusion.cpp's `WAN::AvgDown3D`, `WAN::DupUp3D`, `WanVAE::patchify` and `unpatchify`.
 */
import type { Context } from '../../../dialects/ggml/context.js';
import type { Tensor } from '../../../tensor/tensor.js';
import { permuted, permutedIfNeeded, slice } from './shapes.js';

/** `[width / space, height / space, frames / time, channels]`: groups of pixels and channels become their mean. */
export function averaged(ctx: Context, x: Tensor, channels: number, time: number, space: number): Tensor {
  const [width, height, , inputs] = x.ne;
  const missing = (time - (x.ne[2] % time)) % time;
  const whole = missing > 0 ? ctx.pad(x, [], { before: [0, 0, missing] }) : x;
  const [across, down, frames] = [width / space, height / space, whole.ne[2] / time];
  let y = ctx.reshape(whole, [width * height, time, frames, inputs]);
  y = ctx.reshape(permuted(ctx, y, [0, 2, 1, 3]), [width, space, down * frames, time * inputs]);
  y = ctx.reshape(permuted(ctx, y, [0, 2, 1, 3]), [space, across, down * frames, space * time * inputs]);
  y = permuted(ctx, y, [2, 0, 1, 3]);
  const group = (inputs * time * space * space) / channels;
  const groups = permuted(ctx, ctx.reshape(y, [across * down * frames, group, channels]), [1, 0, 2, 3]);
  return ctx.reshape(ctx.mean(groups), [across, down, frames, channels]);
}

/** `[width × space, height × space, frames × time, channels]`: channels, repeated, become pixels. */
export function spread(
  ctx: Context,
  x: Tensor,
  channels: number,
  { time, space, isFirst }: { time: number; space: number; isFirst: boolean },
): Tensor {
  const [width, height, frames, inputs] = x.ne;
  const repeats = (channels * time * space * space) / inputs;
  let y = x;
  for (let repeat = 1; repeat < repeats; repeat++) y = ctx.concat(y, x, 2);
  y = ctx.reshape(y, [width, height * frames, space, space * time * channels]);
  y = ctx.reshape(permuted(ctx, y, [1, 2, 0, 3]), [space * width, height * frames, space, time * channels]);
  y = ctx.reshape(permuted(ctx, y, [0, 2, 1, 3]), [space * width * space * height, frames, time, channels]);
  y = ctx.reshape(permuted(ctx, y, [0, 2, 1, 3]), [space * width, space * height, time * frames, channels]);
  return isFirst ? slice(ctx, y, 2, time - 1, y.ne[2]) : y;
}

/** Squares of `patch` × `patch` pixels as channels. */
export function pixelsAsChannels(ctx: Context, x: Tensor, patch: number): Tensor {
  if (patch === 1) return x;
  const [width, height, frames, channels] = x.ne;
  const [across, down] = [width / patch, height / patch];
  let y = ctx.reshape(x, [width, patch, down, frames * channels]);
  y = ctx.reshape(permutedIfNeeded(ctx, y, [0, 2, 1, 3]), [patch, across, height, frames * channels]);
  y = ctx.reshape(permutedIfNeeded(ctx, y, [2, 0, 1, 3]), [across * down, patch * patch, frames, channels]);
  return ctx.reshape(permutedIfNeeded(ctx, y, [0, 2, 1, 3]), [across, down, frames, patch * patch * channels]);
}

/** Channels as squares of `patch` × `patch` pixels. */
export function channelsAsPixels(ctx: Context, x: Tensor, patch: number): Tensor {
  if (patch === 1) return x;
  const [width, height, frames] = x.ne;
  const channels = x.ne[3] / patch / patch;
  let y = ctx.reshape(x, [width * height, frames, patch * patch, channels]);
  y = ctx.reshape(permutedIfNeeded(ctx, y, [0, 2, 1, 3]), [width, height * patch, patch, frames * channels]);
  y = ctx.reshape(permutedIfNeeded(ctx, y, [1, 2, 0, 3]), [patch * width, height, patch, frames * channels]);
  return ctx.reshape(permutedIfNeeded(ctx, y, [0, 2, 1, 3]), [patch * width, patch * height, frames, channels]);
}
