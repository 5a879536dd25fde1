/**
 * The joint block of Stable Diffusion 3: prompt and image each have their own weights, and one attention for both.
 *
 * Behaviour as in stable-diffusion.cpp's `JointBlock`, `DismantledBlock` and `SelfAttention`.
 */
import type { Tensor } from '../../../tensor/tensor.js';
import type { Scope } from '../graph-context.js';
import { attention, type Qkv } from './attention.js';
import { gelu, layerNorm, linear, rmsNorm } from './layers.js';
import { modulated, perImage } from './modulation.js';
import { chunks, permuted, rowsOf } from './shapes.js';

export interface JointSettings {
  readonly heads: number;
  readonly hasHeadNorm: boolean;
  /** Whether the prompt goes no further. */
  readonly isLast: boolean;
  /** Whether the image also looks at itself alone. */
  readonly isDual: boolean;
}

/** What the time step makes of a stream: rows that shift, stretch and weigh. */
interface Modulation {
  readonly shift: Tensor;
  readonly scale: Tensor;
  /** Of the results of attention, of the feed-forward network before it and after; absent where the stream ends. */
  readonly later: readonly Tensor[];
}

/** The prompt and the image after the block; the prompt is null after the last one. */
export function jointBlock(
  s: Scope,
  context: Tensor,
  x: Tensor,
  condition: Tensor,
  settings: JointSettings,
): readonly [Tensor | null, Tensor] {
  const { ctx } = s;
  const { heads, isLast, isDual } = settings;
  const [ofContext, ofImage] = [s.at('context_block'), s.at('x_block')];
  const contextMods = modulation(ofContext, condition, isLast ? 2 : 6);
  const contextQkv = projected(ofContext.at('attn'), normed(ofContext, context, contextMods), settings);
  const imageMods = modulation(ofImage, condition, isDual ? 9 : 6);
  const plain = layerNorm(ofImage.at('norm1'), x, false);
  const imageQkv = projected(ofImage.at('attn'), modulated(ctx, plain, imageMods.shift, imageMods.scale), settings);
  const [, , , , shiftAlone, scaleAlone, gateAlone] = imageMods.later;
  const aloneQkv = isDual
    ? projected(ofImage.at('attn2'), modulated(ctx, plain, shiftAlone, scaleAlone), settings)
    : null;
  const joined = (part: keyof Qkv): Tensor => ctx.concat(contextQkv[part], imageQkv[part], 1);
  const mixed = attention(s, { q: joined('q'), k: joined('k'), v: joined('v') }, { heads });
  const [contextRows, imageRows] = [context.ne[1], x.ne[1]];
  const contextMixed = rowsOf(ctx, mixed, contextRows);
  const imageMixed = rowsOf(ctx, mixed, imageRows, contextRows);
  const nextContext = isLast ? null : after(ofContext, context, contextMixed, contextMods, null);
  const alone = aloneQkv === null ? null : { mixed: attention(s, aloneQkv, { heads }), gate: gateAlone };
  return [nextContext, after(ofImage, x, imageMixed, imageMods, alone)];
}

function modulation(s: Scope, condition: Tensor, count: number): Modulation {
  const { ctx } = s;
  const all = linear(s.at('adaLN_modulation.1'), ctx.silu(condition), count * condition.ne[0]);
  const [shift, scale, ...later] = chunks(ctx, all, count, 0);
  return { shift, scale, later };
}

function normed(s: Scope, x: Tensor, { shift, scale }: Modulation): Tensor {
  return modulated(s.ctx, layerNorm(s.at('norm1'), x, false), shift, scale);
}

/** Queries, keys and values of one product. */
function projected(s: Scope, x: Tensor, { heads, hasHeadNorm }: JointSettings): Qkv {
  const { ctx } = s;
  const [length, tokens, images] = x.ne;
  const all = ctx.reshape(linear(s.at('qkv'), x, 3 * length), [length, 3, tokens, images]);
  const parts = permuted(ctx, all, [0, 3, 1, 2]);
  const part = (index: number): Tensor =>
    ctx.view(parts, [length, tokens, images], [parts.nb[1], parts.nb[2]], index * parts.nb[2] * parts.ne[2]);
  const byHead = (name: string, rows: Tensor): Tensor => {
    const split = ctx.reshape(rows, [length / heads, heads, tokens, images]);
    return ctx.reshape(hasHeadNorm ? rmsNorm(s.at(name), split) : split, [length, tokens, images]);
  };
  return { q: byHead('ln_q', part(0)), k: byHead('ln_k', part(1)), v: part(2) };
}

/** A stream after attention and feed-forward network. */
function after(
  s: Scope,
  x: Tensor,
  mixed: Tensor,
  { later: [gateMixed, shift, scale, gate] }: Modulation,
  alone: { readonly mixed: Tensor; readonly gate: Tensor } | null,
): Tensor {
  const { ctx } = s;
  const [length] = x.ne;
  const weighed = (rows: Tensor, weight: Tensor): Tensor => ctx.mul(rows, perImage(ctx, weight));
  let rows = ctx.add(x, weighed(linear(s.at('attn.proj'), mixed, length), gateMixed));
  if (alone !== null) rows = ctx.add(rows, weighed(linear(s.at('attn2.proj'), alone.mixed, length), alone.gate));
  const inner = gelu(
    s,
    linear(s.at('mlp.fc1'), modulated(ctx, layerNorm(s.at('norm2'), rows, false), shift, scale), 4 * length),
  );
  return ctx.add(rows, weighed(linear(s.at('mlp.fc2'), inner, length), gate));
}
