/**
 * The autoencoder of Wan, which turns latent videos into pixels and back, a few frames at a time.
 *
 * Invariant: order and names are those of stable-diffusion.cpp's `WAN::WanVAE`. All frames are in one graph.
 */
import type { Graph } from '../../../graph/graph.js';
import type { Tensor } from '../../../tensor/tensor.js';
import { attention } from '../blocks/attention.js';
import {
  causalConvolution,
  channelNorm,
  continuedConvolution,
  enlarged,
  FrameCache,
  reduced,
  swapFramesAndChannels,
} from '../blocks/causal-convolution.js';
import { convolution2d } from '../blocks/layers.js';
import { chunks, permuted, permutedIfNeeded, slice } from '../blocks/shapes.js';
import { averaged, channelsAsPixels, pixelsAsChannels, spread } from '../blocks/video-shortcuts.js';
import type { GraphContext, Scope } from '../graph-context.js';

/** The numbers of Wan's autoencoder. */
export interface WanAutoencoderDescription {
  readonly kind: 'wan-vae';
  readonly latentChannels: number;
  /** Channels of the level of full size, on the way down and on the way up. */
  readonly channels: { readonly encoder: number; readonly decoder: number };
  /** Channels of each level, in those of the first. */
  readonly multipliers: readonly number[];
  /** Whether the step below each level, but the last, halves the frames as well. */
  readonly halvesTime: readonly boolean[];
  /** Residual blocks of each level on the way down; the way up has one more. */
  readonly blocksPerLevel: number;
  /** Pixels along one side of the squares that are taken as one, as in Wan 2.2; 1: none. */
  readonly patch: number;
  /** Whether a shortcut without weights leads past each level, as in Wan 2.2. */
  readonly hasShortcuts: boolean;
}

/** Frames of one latent frame, except for the first one, which is one frame. */
const FRAMES_PER_LATENT = 4;
const ONE = { kernel: [1, 1, 1] } as const;

/** Pixels from a latent video. */
export function buildWanDecoder(
  g: GraphContext,
  model: WanAutoencoderDescription,
  latent: { readonly width: number; readonly height: number; readonly frames: number },
): Graph {
  const { ctx, top } = g;
  const { latentChannels, patch } = model;
  const input = g.input('f32', [latent.width, latent.height, latent.frames, latentChannels]);
  const whole = causalConvolution(top.at('conv2'), input, latentChannels, ONE);
  const pass = new Pass(top.at('decoder'), model);
  let video: Tensor | null = null;
  for (let frame = 0; frame < latent.frames; frame++) {
    const part = pass.decode(slice(ctx, whole, 2, frame, frame + 1), frame);
    video = video === null ? part : ctx.concat(video, part, 2);
  }
  return g.finish(channelsAsPixels(ctx, video!, patch));
}

/** The mean of a latent video from pixels. */
export function buildWanEncoder(
  g: GraphContext,
  model: WanAutoencoderDescription,
  pixels: { readonly width: number; readonly height: number; readonly frames: number },
): Graph {
  const { ctx, top } = g;
  const { latentChannels, patch } = model;
  const input = g.input('f32', [pixels.width, pixels.height, pixels.frames, 3]);
  const whole = pixelsAsChannels(ctx, input, patch);
  const pass = new Pass(top.at('encoder'), model);
  let latent = pass.encode(slice(ctx, whole, 2, 0, 1));
  for (let first = 1; first + FRAMES_PER_LATENT <= pixels.frames; first += FRAMES_PER_LATENT) {
    const part = pass.encode(slice(ctx, whole, 2, first, first + FRAMES_PER_LATENT));
    latent = ctx.concat(latent, part, 2);
  }
  const both = causalConvolution(top.at('conv1'), latent, 2 * latentChannels, ONE);
  return g.finish(chunks(ctx, both, 2, 3)[0]);
}

/** What is computed for a few frames, with what earlier frames have left. */
class Pass {
  readonly #cache = new FrameCache();

  constructor(
    readonly s: Scope,
    readonly model: WanAutoencoderDescription,
  ) {}

  /** @param chunk how many latent frames came before */
  decode(latent: Tensor, chunk: number): Tensor {
    const { s, model } = this;
    const { multipliers, halvesTime, blocksPerLevel, hasShortcuts } = model;
    const channelsOf = (level: number): number => model.channels.decoder * multipliers[level];
    this.#cache.rewind();
    let x = this.#middle(continuedConvolution(s.at('conv1'), latent, channelsOf(multipliers.length - 1), this.#cache));
    let index = 0;
    for (let level = multipliers.length - 1; level >= 0; level--) {
      const channels = channelsOf(level);
      const before = x;
      const inside = s.at(`upsamples.${index}`);
      const at = (block: number): Scope =>
        hasShortcuts ? inside.at(`upsamples.${block}`) : s.at(`upsamples.${index + block}`);
      for (let block = 0; block <= blocksPerLevel; block++) x = this.#residual(at(block), x, channels);
      if (level > 0) {
        const hasTime = halvesTime[level - 1];
        x = enlarged(at(blocksPerLevel + 1), x, hasShortcuts ? channels : channels / 2, hasTime, this.#cache, chunk);
        if (hasShortcuts) {
          const factors = { time: hasTime ? 2 : 1, space: 2, isFirst: chunk === 0 };
          x = s.ctx.add(x, spread(s.ctx, before, channels, factors));
        }
      }
      index += hasShortcuts ? 1 : blocksPerLevel + 2;
    }
    return this.#head(x, 3 * model.patch * model.patch);
  }

  encode(pixels: Tensor): Tensor {
    const { s, model } = this;
    const { multipliers, halvesTime, blocksPerLevel, hasShortcuts } = model;
    this.#cache.rewind();
    let x = continuedConvolution(s.at('conv1'), pixels, model.channels.encoder, this.#cache);
    let index = 0;
    for (const [level, multiplier] of multipliers.entries()) {
      const channels = model.channels.encoder * multiplier;
      const isLast = level === multipliers.length - 1;
      const before = x;
      const inside = s.at(`downsamples.${index}`);
      const at = (block: number): Scope =>
        hasShortcuts ? inside.at(`downsamples.${block}`) : s.at(`downsamples.${index + block}`);
      for (let block = 0; block < blocksPerLevel; block++) x = this.#residual(at(block), x, channels);
      const hasTime = !isLast && halvesTime[level];
      if (!isLast) x = reduced(at(blocksPerLevel), x, hasTime, this.#cache);
      if (hasShortcuts) x = s.ctx.add(x, averaged(s.ctx, before, channels, hasTime ? 2 : 1, isLast ? 1 : 2));
      index += hasShortcuts ? 1 : blocksPerLevel + 1;
    }
    return this.#head(this.#middle(x), 2 * model.latentChannels);
  }

  #middle(x: Tensor): Tensor {
    const { s } = this;
    const channels = x.ne[3];
    const looked = frameAttention(s.at('middle.1'), this.#residual(s.at('middle.0'), x, channels));
    return this.#residual(s.at('middle.2'), looked, channels);
  }

  #head(x: Tensor, channels: number): Tensor {
    const { s } = this;
    return continuedConvolution(s.at('head.2'), s.ctx.silu(channelNorm(s.at('head.0'), x)), channels, this.#cache);
  }

  #residual(s: Scope, x: Tensor, channels: number): Tensor {
    const { ctx } = s;
    const skipped = x.ne[3] === channels ? x : causalConvolution(s.at('shortcut'), x, channels, ONE);
    let y = x;
    for (const [norm, convolution] of [
      [0, 2],
      [3, 6],
    ]) {
      const active = ctx.silu(channelNorm(s.at(`residual.${norm}`), y));
      y = continuedConvolution(s.at(`residual.${convolution}`), active, channels, this.#cache);
    }
    return ctx.add(y, skipped);
  }
}

/** Each pixel of a frame looks at all others, with one head. */
function frameAttention(s: Scope, x: Tensor): Tensor {
  const { ctx } = s;
  const images = swapFramesAndChannels(s, channelNorm(s.at('norm'), x));
  const [width, height, channels, frames] = images.ne;
  const area = width * height;
  const all = convolution2d(s.at('to_qkv'), images, 3 * channels, { kernel: [1, 1] });
  const parts = permuted(ctx, ctx.reshape(all, [area, channels, 3, frames]), [0, 1, 3, 2]);
  const part = (index: number): Tensor =>
    ctx.view(
      parts,
      [width, height, channels, frames],
      [all.nb[1], all.nb[2], parts.nb[3]],
      index * parts.nb[2] * parts.ne[2],
    );
  const rows = (index: number): Tensor =>
    ctx.reshape(permutedIfNeeded(ctx, part(index), [1, 2, 0, 3]), [channels, area, frames]);
  const v = permuted(ctx, ctx.reshape(part(2), [area, channels, frames]), [1, 0, 2, 3]);
  const mixed = attention(s, { q: rows(0), k: rows(1), v }, { heads: 1 });
  const image = ctx.reshape(permutedIfNeeded(ctx, mixed, [1, 0, 2, 3]), [width, height, channels, frames]);
  const projected = convolution2d(s.at('proj'), image, channels, { kernel: [1, 1] });
  return ctx.add(swapFramesAndChannels(s, projected), x);
}
