/**
 * The autoencoder that turns latent images into pixels and back: of Stable Diffusion 1.5 to 3.5, SDXL and Flux.
 *
 * Invariant: order and names are those of stable-diffusion.cpp's `AutoEncoderKLModel`.
 */
import type { Graph } from '../../../graph/graph.js';
import type { Tensor } from '../../../tensor/tensor.js';
import { attention } from '../blocks/attention.js';
import { convolution2d, groupNorm } from '../blocks/layers.js';
import { doubled, halvedAfterPadding, normedConvolution, resnet } from '../blocks/resnet.js';
import { permuted } from '../blocks/shapes.js';
import type { GraphContext, Scope } from '../graph-context.js';

/** The numbers of an autoencoder. */
export interface KlAutoencoderDescription {
  readonly kind: 'kl';
  readonly latentChannels: number;
  /** Channels of the level of full size. */
  readonly channels: number;
  /** Channels of each level, in those of the first. */
  readonly multipliers: readonly number[];
  /** Residual blocks of each level on the way down; the way up has one more. */
  readonly blocksPerLevel: number;
  /** Whether a convolution of 1 × 1 stands between the latent image and the network. */
  readonly hasQuantConvolution: boolean;
}

const ONE_BY_ONE = { kernel: [1, 1] };

/** Pixels from a latent image of `width` × `height`. */
export function buildKlDecoder(g: GraphContext, model: KlAutoencoderDescription, width: number, height: number): Graph {
  const { ctx, top } = g;
  const { latentChannels, channels, multipliers, blocksPerLevel } = model;
  let x = g.input('f32', [width, height, latentChannels, 1]);
  if (model.hasQuantConvolution) x = convolution2d(top.at('post_quant_conv'), x, latentChannels, ONE_BY_ONE);
  ctx.setName(x, 'bench-start');
  const s = top.at('decoder');
  x = middle(s.at('mid'), convolution2d(s.at('conv_in'), x, channels * multipliers.at(-1)!));
  for (let level = multipliers.length - 1; level >= 0; level--) {
    const up = s.at(`up.${level}`);
    for (let block = 0; block <= blocksPerLevel; block++) {
      x = resnet(up.at(`block.${block}`), x, channels * multipliers[level]);
    }
    if (level > 0) x = doubled(up.at('upsample'), x);
  }
  x = normedConvolution(s.at('norm_out'), s.at('conv_out'), x, 3);
  return g.finish(ctx.setName(x, 'bench-end'));
}

/** The mean and spread of a latent image from `width` × `height` pixels. */
export function buildKlEncoder(g: GraphContext, model: KlAutoencoderDescription, width: number, height: number): Graph {
  const { top } = g;
  const { latentChannels, channels, multipliers, blocksPerLevel } = model;
  const s = top.at('encoder');
  let x = convolution2d(s.at('conv_in'), g.input('f32', [width, height, 3, 1]), channels);
  for (const [level, multiplier] of multipliers.entries()) {
    const down = s.at(`down.${level}`);
    for (let block = 0; block < blocksPerLevel; block++)
      x = resnet(down.at(`block.${block}`), x, channels * multiplier);
    if (level < multipliers.length - 1) x = halvedAfterPadding(down.at('downsample'), x);
  }
  x = normedConvolution(s.at('norm_out'), s.at('conv_out'), middle(s.at('mid'), x), 2 * latentChannels);
  if (model.hasQuantConvolution) x = convolution2d(top.at('quant_conv'), x, 2 * latentChannels, ONE_BY_ONE);
  return g.finish(x);
}

function middle(s: Scope, x: Tensor): Tensor {
  const channels = x.ne[2];
  return resnet(s.at('block_2'), pixelAttention(s.at('attn_1'), resnet(s.at('block_1'), x, channels)), channels);
}

/** Each pixel looks at all others, with one head. */
function pixelAttention(s: Scope, x: Tensor): Tensor {
  const { ctx } = s;
  const [width, height, channels, images] = x.ne;
  const normed = groupNorm(s.at('norm'), x);
  const rows = (name: string): Tensor => {
    const projected = convolution2d(s.at(name), normed, channels, ONE_BY_ONE);
    return ctx.reshape(permuted(ctx, projected, [1, 2, 0, 3]), [channels, width * height, images]);
  };
  const mixed = attention(s, { q: rows('q'), k: rows('k'), v: rows('v') }, { heads: 1 });
  const image = ctx.reshape(permuted(ctx, mixed, [1, 0, 2, 3]), [width, height, channels, images]);
  return ctx.add(convolution2d(s.at('proj_out'), image, channels, ONE_BY_ONE), x);
}
