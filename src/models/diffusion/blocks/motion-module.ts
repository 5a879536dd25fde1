/**
 * The motion module of AnimateDiff: each pixel looks at itself in all other frames.
 *
 * Behaviour as in stable-diffusion.cpp's `AnimateDiff::MotionModule`. Its attention is never fused.
 */
import type { Tensor } from '../../../tensor/tensor.js';
import type { Scope } from '../graph-context.js';
import { attention } from './attention.js';
import { groupNorm, layerNorm, linear } from './layers.js';
import { permutedIfNeeded } from './shapes.js';
import { gatedFeedForward } from './spatial-transformer.js';

/** The numbers of a motion module. */
export interface MotionSettings {
  readonly heads: number;
  /** The frames that the module has positions for. */
  readonly maxFrames: number;
}

/** @param x `[width, height, channels, frames]` */
export function motionModule(outer: Scope, x: Tensor, settings: MotionSettings): Tensor {
  const { ctx } = outer;
  const s = outer.at('temporal_transformer');
  const [width, height, channels, frames] = x.ne;
  const byPixel = permutedIfNeeded(ctx, groupNorm(s.at('norm'), x), [2, 3, 0, 1]);
  const rows = ctx.reshape(byPixel, [channels, frames, width * height]);
  const mixed = motionBlock(s.at('transformer_blocks.0'), linear(s.at('proj_in'), rows, channels), settings);
  const projected = ctx.reshape(linear(s.at('proj_out'), mixed, channels), [channels, frames, width, height]);
  return ctx.add(permutedIfNeeded(ctx, projected, [2, 3, 0, 1]), x);
}

function motionBlock(s: Scope, x: Tensor, settings: MotionSettings): Tensor {
  const { ctx } = s;
  let rows = x;
  for (const index of [0, 1]) {
    const normed = layerNorm(s.at(`norms.${index}`), rows);
    rows = ctx.add(frameAttention(s.at(`attention_blocks.${index}`), normed, settings), rows);
  }
  return ctx.add(gatedFeedForward(s.at('ff'), layerNorm(s.at('ff_norm'), rows)), rows);
}

function frameAttention(s: Scope, x: Tensor, { heads, maxFrames }: MotionSettings): Tensor {
  const { ctx } = s;
  const [length, frames] = x.ne;
  const all = s.weight('pos_encoder.pe', [length, maxFrames, 1], 'vector');
  const positions = frames === maxFrames ? all : ctx.view(all, [length, frames, 1], [all.nb[1], all.nb[2]]);
  const placed = ctx.add(x, ctx.repeat(positions, x.ne));
  const project = (name: string): Tensor => linear(s.at(name), placed, length, { hasBias: false });
  const mixed = attention(s, { q: project('to_q'), k: project('to_k'), v: project('to_v') }, { heads, mayFuse: false });
  return linear(s.at('to_out.0'), mixed, length);
}
