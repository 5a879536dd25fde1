/**
 * The transformer of Wan, which makes videos.
 *
 * Invariant: order and names are those of stable-diffusion.cpp's `WAN::Wan` and `WanRunner`.
 */
import type { Graph } from '../../../graph/graph.js';
import type { Tensor } from '../../../tensor/tensor.js';
import { attention, turnedAttention } from '../blocks/attention.js';
import { convolution3d, gelu, IN_PLACE, layerNorm, linear, rmsNorm, timestepEmbedding } from '../blocks/layers.js';
import { videoOfPatches } from '../blocks/patches.js';
import { chunks, contiguous, permutedIfNeeded, slice } from '../blocks/shapes.js';
import type { GraphContext, Scope } from '../graph-context.js';

/** The numbers of a Wan transformer. */
export interface WanDescription {
  readonly kind: 'wan';
  readonly latentChannels: number;
  /** Channels of what is given along with the latent video, such as its first frame; 0: nothing is. */
  readonly conditionChannels: number;
  /** Latent pixels of a patch along width, height and frames. */
  readonly patch: readonly [number, number, number];
  /** Elements of a row. */
  readonly length: number;
  readonly feedForwardLength: number;
  readonly heads: number;
  readonly layers: number;
  /** Elements of each row of the prompt. */
  readonly contextLength: number;
  /** Whether each latent frame has a time step of its own, as in Wan 2.2 TI2V. */
  readonly hasFrameTimes: boolean;
  /** Rows that describe the first image, and their elements. Null: none. */
  readonly imageContext: { readonly tokens: number; readonly length: number } | null;
}

/** What the transformer is given: a latent video, and rows of the prompt. */
export interface WanInputs {
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  readonly contextTokens: number;
}

/** The graph of one step. */
export function buildWan(g: GraphContext, model: WanDescription, inputs: WanInputs): Graph {
  const { ctx, top } = g;
  const { width, height, frames, contextTokens } = inputs;
  const { length, heads, patch, conditionChannels } = model;
  const latent = g.input('f32', [width, height, frames, model.latentChannels]);
  const condition = conditionChannels > 0 ? g.input('f32', [width, height, frames, conditionChannels]) : null;
  const video = condition === null ? latent : ctx.concat(latent, condition, 3);
  const timesteps = g.input('f32', [model.hasFrameTimes ? frames : 1]);
  const given = g.input('f32', [model.contextLength, contextTokens]);
  const counts = [width, height, frames].map((pixels, dim) =>
    Math.floor((pixels + Math.floor(patch[dim] / 2)) / patch[dim]),
  );
  const [across, down, depth] = counts;
  const angles = g.input('f32', [2, 2, length / heads / 2, across * down * depth]);

  let x = patchEmbedding(top.at('patch_embedding'), video, model);
  const time = embedTime(top, timesteps, length);
  const projected = linear(top.at('time_projection.1'), ctx.silu(time), 6 * length);
  const modulation = ctx.reshape(projected, [length, 6, projected.ne[1], projected.ne[2]]);
  const inner = contiguous(ctx, linear(top.at('text_embedding.0'), given, length));
  const prompt = linear(top.at('text_embedding.2'), ctx.gelu(inner), length);
  const context = joinImage(top, model, prompt);
  top.markCut(x, 'wan.prelude', 'x');
  for (let layer = 0; layer < model.layers; layer++) {
    x = wanBlock(top.at(`blocks.${layer}`), x, { modulation, angles, context, model });
    top.markCut(x, `wan.blocks.${layer}`, 'x');
  }
  const area = patch[0] * patch[1] * patch[2];
  const rows = head(top.at('head'), x, time, area * model.latentChannels);
  const whole = videoOfPatches(ctx, rows, [across, down, depth], patch);
  return g.finish(slice(ctx, slice(ctx, slice(ctx, whole, 2, 0, frames), 1, 0, height), 0, 0, width));
}

/** One row for each patch. */
function patchEmbedding(s: Scope, video: Tensor, { patch, length }: WanDescription): Tensor {
  const { ctx } = s;
  const patches = convolution3d(s, video, length, { kernel: patch, stride: patch });
  const [across, down, depth, channels] = patches.ne;
  return permutedIfNeeded(ctx, ctx.reshape(patches, [across * down * depth, channels, 1]), [1, 0, 2, 3]);
}

function embedTime(s: Scope, timesteps: Tensor, length: number): Tensor {
  const inner = linear(s.at('time_embedding.0'), timestepEmbedding(s, timesteps, 256), length);
  return linear(s.at('time_embedding.2'), s.ctx.silu(inner, IN_PLACE), length);
}

/** The prompt, after the rows that describe an image. */
function joinImage(top: Scope, { imageContext, length }: WanDescription, prompt: Tensor): Tensor {
  if (imageContext === null) return prompt;
  const s = top.at('img_emb.proj');
  const seen = top.g.input('f32', [imageContext.length, imageContext.tokens]);
  const inner = gelu(s, linear(s.at('1'), layerNorm(s.at('0'), seen), imageContext.length));
  return s.ctx.concat(layerNorm(s.at('4'), linear(s.at('3'), inner, length)), prompt, 1);
}

/** What a block looks at. */
interface BlockInputs {
  readonly modulation: Tensor;
  readonly angles: Tensor;
  readonly context: Tensor;
  readonly model: WanDescription;
}

function wanBlock(s: Scope, x: Tensor, { modulation, angles, context, model }: BlockInputs): Tensor {
  const { ctx } = s;
  const [length] = x.ne;
  const own = s.weight('modulation', [length, 6, 1], 'vector');
  const [shift, scale, gate, shiftInner, scaleInner, gateInner] = chunks(ctx, ctx.add(modulation, own), 6, 1);
  const mixed = selfAttention(s.at('self_attn'), stretched(s.at('norm1'), x, shift, scale), angles, model);
  const looked = ctx.add(x, perFrame(s, 'mul', mixed, gate));
  const prompted = ctx.add(
    looked,
    crossAttention(s.at('cross_attn'), layerNorm(s.at('norm3'), looked), context, model),
  );
  const factor = stretched(s.at('norm2'), prompted, shiftInner, scaleInner);
  const inner = gelu(s, linear(s.at('ffn.0'), factor, model.feedForwardLength));
  return ctx.add(prompted, perFrame(s, 'mul', linear(s.at('ffn.2'), inner, length), gateInner));
}

/** The norm of `x`, stretched and shifted. */
function stretched(s: Scope, x: Tensor, shift: Tensor, scale: Tensor): Tensor {
  const { ctx } = s;
  const normed = layerNorm(s, x, false);
  return perFrame(s, 'add', ctx.add(normed, perFrame(s, 'mul', normed, scale)), shift);
}

/** `x` plus or times a row, or a row for each frame: `[length, 1, frames]`. */
function perFrame({ ctx }: Scope, operation: 'add' | 'mul', x: Tensor, row: Tensor): Tensor {
  const frames = row.ne[2];
  if (frames === 1) return ctx[operation](x, row);
  const [length, tokens, batch] = x.ne;
  const split = ctx.reshape(x, [length, tokens / frames, frames, batch]);
  return ctx.reshape(ctx[operation](split, row), [length, tokens, batch]);
}

function selfAttention(s: Scope, x: Tensor, angles: Tensor, { heads }: WanDescription): Tensor {
  const { ctx } = s;
  const [length, tokens, batch] = x.ne;
  const byHead = (rows: Tensor): Tensor => ctx.reshape(rows, [length / heads, heads, tokens, batch]);
  const q = rmsNorm(s.at('norm_q'), linear(s.at('q'), x, length));
  const k = rmsNorm(s.at('norm_k'), linear(s.at('k'), x, length));
  const v = linear(s.at('v'), x, length);
  const mixed = turnedAttention(s, { q: byHead(q), k: byHead(k), v: byHead(v) }, angles);
  return linear(s.at('o'), mixed, length);
}

/** Attention to the prompt, and by itself to the rows that describe an image. */
function crossAttention(s: Scope, x: Tensor, context: Tensor, { heads, imageContext }: WanDescription): Tensor {
  const { ctx } = s;
  const [length] = x.ne;
  const imageTokens = imageContext?.tokens ?? 0;
  const rows = (count: number, skipped: number): Tensor =>
    ctx.view(context, [length, count, 1], [context.nb[1], context.nb[2]], skipped * context.nb[1]);
  const prompt = imageTokens === 0 ? context : rows(context.ne[1] - imageTokens, imageTokens);
  const q = rmsNorm(s.at('norm_q'), linear(s.at('q'), x, length));
  const lookUp = (suffix: string, from: Tensor): Tensor => {
    const k = rmsNorm(s.at(`norm_k${suffix}`), linear(s.at(`k${suffix}`), from, length));
    return attention(s, { q, k, v: linear(s.at(`v${suffix}`), from, length) }, { heads });
  };
  const ofImage = imageTokens === 0 ? null : lookUp('_img', rows(imageTokens, 0));
  const ofPrompt = lookUp('', prompt);
  return linear(s.at('o'), ofImage === null ? ofPrompt : ctx.add(ofPrompt, ofImage), length);
}

function head(s: Scope, x: Tensor, time: Tensor, length: number): Tensor {
  const { ctx } = s;
  const own = s.weight('modulation', [x.ne[0], 2, 1], 'vector');
  const row = ctx.reshape(time, [time.ne[0], 1, time.ne[1], time.ne[2]]);
  const both = ctx.add(ctx.repeat(row, [row.ne[0], 2, row.ne[2], row.ne[3]]), own);
  const [shift, scale] = chunks(ctx, both, 2, 1);
  return linear(s.at('head'), stretched(s.at('norm'), x, shift, scale), length);
}
