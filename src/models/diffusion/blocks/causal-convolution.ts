/**
 * Convolutions over a video that see only the frame itself and earlier ones.
 *
 * A video is computed a few frames at a time. Each convolution keeps the last two frames that it has read, for the
 * frames that follow.
 *
 * Behaviour as in stable-diffusion.cpp's `WAN::CausalConv3d`, `WAN::RMS_norm` and `WAN::Resample`.
 */
import type { Tensor } from '../../../tensor/tensor.js';
import type { Scope } from '../graph-context.js';
import { convolution2d, convolution3d } from './layers.js';
import { permutedIfNeeded, slice } from './shapes.js';

/** Frames that a convolution keeps. */
const KEPT_FRAMES = 2;

/** What each convolution has kept, in the order in which they are computed. */
export class FrameCache {
  readonly #kept: (Tensor | null)[] = [];
  #next = 0;

  /** Before the next few frames are computed. */
  rewind(): void {
    this.#next = 0;
  }

  /** The place of the convolution that comes next. */
  place(): number {
    return this.#next++;
  }

  kept(place: number): Tensor | null {
    return this.#kept[place] ?? null;
  }

  keep(place: number, frames: Tensor): void {
    this.#kept[place] = frames;
  }
}

export interface CausalOptions {
  /** Elements of the kernel along width, height and time. */
  readonly kernel: readonly [number, number, number];
  /** Frames from one position to the next. Default 1. */
  readonly timeStride?: number;
  /** Whether zeros stand for what lies outside, so that lengths stay. Default true. */
  readonly isPadded?: boolean;
}

/** A convolution over `[width, height, frames, channels]`. @param earlier frames before those of `x` */
export function causalConvolution(
  s: Scope,
  x: Tensor,
  channels: number,
  { kernel, timeStride = 1, isPadded = true }: CausalOptions,
  earlier: Tensor | null = null,
): Tensor {
  const { ctx } = s;
  const [across, down, back] = isPadded ? kernel.map((length) => Math.floor(length / 2)) : [0, 0, 0];
  const missing = 2 * back;
  const isContinued = earlier !== null && missing > 0;
  const joined = isContinued ? ctx.concat(earlier, x, 2) : x;
  const before = [across, down, isContinued ? missing - earlier.ne[2] : missing];
  const isLonger = before.some((length) => length > 0);
  const padded = isLonger ? ctx.pad(joined, [across, down], { before }) : joined;
  return convolution3d(s, padded, channels, { kernel, stride: [1, 1, timeStride] });
}

/** The last `count` frames of `x`. */
export function lastFrames(s: Scope, x: Tensor, count: number): Tensor {
  return slice(s.ctx, x, 2, Math.max(0, x.ne[2] - count), x.ne[2]);
}

/** The frames of `x` to keep: its last two, or its only one after the last that was kept. */
export function framesToKeep(s: Scope, x: Tensor, kept: Tensor | null): Tensor {
  const last = lastFrames(s, x, KEPT_FRAMES);
  return last.ne[2] < KEPT_FRAMES && kept !== null ? s.ctx.concat(lastFrames(s, kept, 1), last, 2) : last;
}

/** A convolution of 3 × 3 × 3 that continues where the last few frames ended. */
export function continuedConvolution(s: Scope, x: Tensor, channels: number, cache: FrameCache): Tensor {
  const place = cache.place();
  const kept = cache.kept(place);
  cache.keep(place, framesToKeep(s, x, kept));
  return causalConvolution(s, x, channels, { kernel: [3, 3, 3] }, kept);
}

/** A norm over the channels, dimension 3 of `x`. */
export function channelNorm(s: Scope, x: Tensor): Tensor {
  const { ctx } = s;
  const channels = x.ne[3];
  const weight = ctx.reshape(s.weight('gamma', [channels], 'vector'), [channels]);
  const rows = permutedIfNeeded(ctx, x, [1, 2, 3, 0]);
  return permutedIfNeeded(ctx, ctx.mul(ctx.rmsNorm(rows, 1e-12), weight), [3, 0, 1, 2]);
}

/** Frames as images, and back: dimensions 2 and 3 change places. */
export function swapFramesAndChannels(s: Scope, x: Tensor): Tensor {
  return permutedIfNeeded(s.ctx, x, [0, 1, 3, 2]);
}

/**
 * Twice as wide and high, and with `hasTime` twice as many frames, except for the first one.
 *
 * @param chunk how many times frames were computed before
 */
export function enlarged(
  s: Scope,
  x: Tensor,
  channels: number,
  hasTime: boolean,
  cache: FrameCache,
  chunk: number,
): Tensor {
  const { ctx } = s;
  const longer = hasTime ? withTwiceTheFrames(s, x, cache, chunk) : x;
  const images = ctx.upscale(swapFramesAndChannels(s, longer), 2);
  return swapFramesAndChannels(s, convolution2d(s.at('resample.1'), images, channels));
}

function withTwiceTheFrames(s: Scope, x: Tensor, cache: FrameCache, chunk: number): Tensor {
  const { ctx } = s;
  const place = cache.place();
  if (chunk === 0) return x;
  const [width, height, frames, channels] = x.ne;
  const kept = cache.kept(place);
  const last = framesToKeep(s, x, kept);
  const isShort = chunk === 1 && last.ne[2] < KEPT_FRAMES;
  cache.keep(place, isShort ? ctx.pad(last, [], { before: [0, 0, last.ne[2]] }) : last);
  const both = causalConvolution(s.at('time_conv'), x, 2 * channels, { kernel: [1, 1, 3] }, chunk === 1 ? null : kept);
  const split = ctx.reshape(both, [width * height, frames, channels, 2]);
  return ctx.reshape(permutedIfNeeded(ctx, split, [0, 2, 3, 1]), [width, height, 2 * frames, channels]);
}

/** Half as wide and high, and with `hasTime` half as many frames, except for the first one. */
export function reduced(s: Scope, x: Tensor, hasTime: boolean, cache: FrameCache): Tensor {
  const { ctx } = s;
  const images = ctx.pad(swapFramesAndChannels(s, x), [1, 1]);
  const halved = convolution2d(s.at('resample.1'), images, images.ne[2], { stride: 2, padding: 0 });
  const video = swapFramesAndChannels(s, halved);
  if (!hasTime) return video;
  const place = cache.place();
  const kept = cache.kept(place);
  cache.keep(place, kept === null ? video : lastFrames(s, video, 1));
  if (kept === null) return video;
  const joined = ctx.concat(lastFrames(s, kept, 1), video, 2);
  return causalConvolution(s.at('time_conv'), joined, video.ne[3], {
    kernel: [1, 1, 3],
    timeStride: 2,
    isPadded: false,
  });
}
