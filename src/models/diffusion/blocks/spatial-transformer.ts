/**
 * The transformer of a U-Net: each pixel looks at all others, and at the prompt.
 *
 * Behaviour as in stable-diffusion.cpp's `SpatialTransformer`, `BasicTransformerBlock`, `CrossAttention`, `FeedForward`
 * and `GEGLU`.
 */
import type { Tensor } from '../../../tensor/tensor.js';
import type { Scope } from '../graph-context.js';
import { attention } from './attention.js';
import { convolution2d, gelu, groupNorm, layerNorm, linear } from './layers.js';
import { chunkViews, permuted } from './shapes.js';

export interface TransformerSettings {
  /** Blocks one after the other. */
  readonly depth: number;
  readonly heads: number;
  /** Whether the projections at both ends are products; else they are convolutions of 1 × 1. */
  readonly hasLinearProjection: boolean;
}

/** @param x `[width, height, channels, images]` @param context `[length, tokens, images]` */
export function spatialTransformer(s: Scope, x: Tensor, context: Tensor, settings: TransformerSettings): Tensor {
  const { ctx } = s;
  const { depth, heads, hasLinearProjection } = settings;
  const [width, height, channels, images] = x.ne;
  const asRows = (image: Tensor): Tensor =>
    ctx.reshape(permuted(ctx, image, [1, 2, 0, 3]), [channels, width * height, images]);
  const asImage = (rows: Tensor): Tensor =>
    ctx.reshape(permuted(ctx, rows, [1, 0, 2, 3]), [width, height, channels, images]);
  const project = (name: string, each: Tensor): Tensor =>
    hasLinearProjection
      ? linear(s.at(name), each, channels)
      : convolution2d(s.at(name), each, channels, { kernel: [1, 1] });

  const normed = groupNorm(s.at('norm'), x);
  let rows = hasLinearProjection ? project('proj_in', asRows(normed)) : asRows(project('proj_in', normed));
  for (let block = 0; block < depth; block++)
    rows = transformerBlock(s.at(`transformer_blocks.${block}`), rows, context, heads);
  const image = hasLinearProjection ? asImage(project('proj_out', rows)) : project('proj_out', asImage(rows));
  return ctx.add(image, x);
}

function transformerBlock(s: Scope, x: Tensor, context: Tensor, heads: number): Tensor {
  const { ctx } = s;
  const normed = layerNorm(s.at('norm1'), x);
  const ofPixels = ctx.add(crossAttention(s.at('attn1'), normed, normed, heads), x);
  const ofPrompt = ctx.add(crossAttention(s.at('attn2'), layerNorm(s.at('norm2'), ofPixels), context, heads), ofPixels);
  return ctx.add(gatedFeedForward(s.at('ff'), layerNorm(s.at('norm3'), ofPrompt)), ofPrompt);
}

/** Attention of `x` to the rows of `context`. */
function crossAttention(s: Scope, x: Tensor, context: Tensor, heads: number): Tensor {
  const [length] = x.ne;
  const project = (name: string, from: Tensor): Tensor => linear(s.at(name), from, length, { hasBias: false });
  const mixed = attention(
    s,
    { q: project('to_q', x), k: project('to_k', context), v: project('to_v', context) },
    { heads },
  );
  return linear(s.at('to_out.0'), mixed, length);
}

/** A feed-forward network of four times the length, gated by GELU. */
export function gatedFeedForward(s: Scope, x: Tensor): Tensor {
  const { ctx } = s;
  const [length] = x.ne;
  const both = linear(s.at('net.0.proj'), x, 8 * length);
  const [value, gate] = chunkViews(ctx, both, 2, 0);
  return linear(s.at('net.2'), ctx.mul(value, gelu(s, ctx.cont(gate))), length);
}
