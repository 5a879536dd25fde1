/**
 * The blocks of Flux: two streams with weights of their own and one attention, or one stream of both.
 *
 * Behaviour as in stable-diffusion.cpp's `Flux::DoubleStreamBlock`, `SingleStreamBlock`, `SelfAttention` and
 * `Modulation`.
 */
import type { Tensor } from '../../../tensor/tensor.js';
import type { Scope } from '../graph-context.js';
import { turnedAttention, type Qkv } from './attention.js';
import { gelu, layerNorm, linear, rmsNormCopied } from './layers.js';
import { modulated } from './modulation.js';
import { permuted, rowsOf } from './shapes.js';

export interface StreamSettings {
  readonly heads: number;
  /** The angles that the positions turn queries and keys by. */
  readonly angles: Tensor;
}

/** Rows that shift, stretch and weigh. */
interface Modulation {
  readonly shift: Tensor;
  readonly scale: Tensor;
  readonly gate: Tensor;
}

/** The prompt and the image after a block with weights for each. */
export function doubleStreamBlock(
  s: Scope,
  context: Tensor,
  x: Tensor,
  condition: Tensor,
  settings: StreamSettings,
): readonly [Tensor, Tensor] {
  const { ctx } = s;
  const [imageFirst, imageSecond] = modulations(s.at('img_mod'), condition, 2);
  const [contextFirst, contextSecond] = modulations(s.at('txt_mod'), condition, 2);
  const image = projected(s, 'img', x, imageFirst, settings);
  const prompt = projected(s, 'txt', context, contextFirst, settings);
  const joined = (part: keyof Qkv): Tensor => ctx.concat(prompt[part], image[part], 2);
  const mixed = turnedAttention(s, { q: joined('q'), k: joined('k'), v: joined('v') }, settings.angles);
  const contextMixed = rowsOf(ctx, mixed, context.ne[1]);
  const imageMixed = rowsOf(ctx, mixed, x.ne[1], context.ne[1]);
  const nextImage = after(s, 'img', x, imageMixed, [imageFirst, imageSecond]);
  return [after(s, 'txt', context, contextMixed, [contextFirst, contextSecond]), nextImage];
}

/** Prompt and image as one stream: one product yields queries, keys, values and the feed-forward network's factor. */
export function singleStreamBlock(s: Scope, x: Tensor, condition: Tensor, settings: StreamSettings): Tensor {
  const { ctx } = s;
  const [length, tokens, images] = x.ne;
  const [mod] = modulations(s.at('modulation'), condition, 1);
  const factor = modulated(ctx, layerNorm(s.at('pre_norm'), x, false), mod.shift, mod.scale);
  const all = linear(s.at('linear1'), factor, 7 * length);
  const mixed = turnedAttention(s, splitHeads(s, all, length, settings), settings.angles);
  const inner = ctx.view(all, [4 * length, tokens, images], [all.nb[1], all.nb[2]], 3 * length * all.nb[0]);
  const both = ctx.concat(mixed, gelu(s, inner), 0);
  return ctx.add(x, ctx.mul(linear(s.at('linear2'), both, length), mod.gate));
}

function modulations(s: Scope, condition: Tensor, count: number): Modulation[] {
  const { ctx } = s;
  const [length, images] = condition.ne;
  const all = linear(s.at('lin'), ctx.silu(condition), 3 * count * length);
  const byUse = permuted(ctx, ctx.reshape(all, [length, 3 * count, images]), [0, 2, 1, 3]);
  const stride = byUse.nb[1] * byUse.ne[1];
  const row = (index: number): Tensor => ctx.view(byUse, [length, images], [byUse.nb[1]], index * stride);
  return Array.from({ length: count }, (_, index) => ({
    shift: row(3 * index),
    scale: row(3 * index + 1),
    gate: row(3 * index + 2),
  }));
}

function projected(s: Scope, name: string, x: Tensor, mod: Modulation, settings: StreamSettings): Qkv {
  const { ctx } = s;
  const [length] = x.ne;
  const factor = modulated(ctx, layerNorm(s.at(`${name}_norm1`), x, false), mod.shift, mod.scale);
  const attn = s.at(`${name}_attn`);
  return splitHeads(attn, linear(attn.at('qkv'), factor, 3 * length), length, settings);
}

/** Queries, keys and values, the first three parts of each row, with queries and keys normalised. */
function splitHeads(s: Scope, all: Tensor, length: number, { heads }: StreamSettings): Qkv {
  const { ctx } = s;
  const headLength = length / heads;
  const [, tokens, images] = all.ne;
  const [nb0, nb1, nb2] = all.nb;
  const part = (index: number): Tensor =>
    ctx.view(all, [headLength, heads, tokens, images], [nb0 * headLength, nb1, nb2], index * length * nb0);
  const [q, k, v] = [part(0), part(1), part(2)];
  const norm = (name: string, x: Tensor): Tensor => rmsNormCopied(s.at(`norm.${name}`), x, 'scale');
  return { q: norm('query_norm', q), k: norm('key_norm', k), v };
}

/** A stream after attention and feed-forward network. */
function after(s: Scope, name: string, x: Tensor, mixed: Tensor, mods: readonly [Modulation, Modulation]): Tensor {
  const { ctx } = s;
  const [length] = x.ne;
  const [first, second] = mods;
  const looked = ctx.add(x, ctx.mul(linear(s.at(`${name}_attn.proj`), mixed, length), first.gate));
  const factor = modulated(ctx, layerNorm(s.at(`${name}_norm2`), looked, false), second.shift, second.scale);
  const inner = gelu(s, linear(s.at(`${name}_mlp.0`), factor, 4 * length));
  return ctx.add(looked, ctx.mul(linear(s.at(`${name}_mlp.2`), inner, length), second.gate));
}
