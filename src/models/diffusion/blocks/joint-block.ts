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

/** What the time step makes of a stream: rows that shift and stretch what goes in, and weigh what comes out. */
interface Modulation {
  readonly shift: Tensor;
  readonly scale: Tensor;
  readonly gate: Tensor;
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
  const contextMods = modulations(ofContext, condition, isLast ? 2 : 6);
  const imageMods = modulations(ofImage, condition, isDual ? 9 : 6);
  const contextNormed = layerNorm(ofContext.at('norm1'), context, false);
  const imageNormed = layerNorm(ofImage.at('norm1'), x, false);
  const contextQkv = projected(ofContext.at('attn'), contextNormed, contextMods[0], settings);
  const imageQkv = projected(ofImage.at('attn'), imageNormed, imageMods[0], settings);
  const joined = (part: keyof Qkv): Tensor => ctx.concat(contextQkv[part], imageQkv[part], 1);
  const mixed = attention(s, { q: joined('q'), k: joined('k'), v: joined('v') }, { heads });
  const contextMixed = rowsOf(ctx, mixed, context.ne[1]);
  const imageMixed = rowsOf(ctx, mixed, x.ne[1], context.ne[1]);
  const alone = isDual
    ? attention(s, projected(ofImage.at('attn2'), imageNormed, imageMods[2], settings), { heads })
    : null;
  const nextContext = isLast ? null : after(ofContext, context, contextMixed, contextMods, null);
  return [nextContext, after(ofImage, x, imageMixed, imageMods, alone)];
}

/** Three rows each: for attention, for the feed-forward network, and for attention of the image to itself. */
function modulations(s: Scope, condition: Tensor, rowCount: number): Modulation[] {
  const { ctx } = s;
  const all = linear(s.at('adaLN_modulation.1'), ctx.silu(condition), rowCount * condition.ne[0]);
  const rows = chunks(ctx, all, rowCount, 0);
  return Array.from({ length: Math.ceil(rowCount / 3) }, (_, index) => {
    const [shift, scale, gate] = rows.slice(3 * index);
    return { shift, scale, gate };
  });
}

/** Queries, keys and values of one product. */
function projected(s: Scope, x: Tensor, mod: Modulation, { heads, hasHeadNorm }: JointSettings): Qkv {
  const { ctx } = s;
  const [length, tokens, images] = x.ne;
  const factor = modulated(ctx, x, mod.shift, mod.scale);
  const all = ctx.reshape(linear(s.at('qkv'), factor, 3 * length), [length, 3, tokens, images]);
  const parts = permuted(ctx, all, [0, 3, 1, 2]);
  const part = (index: number): Tensor =>
    ctx.view(parts, [length, tokens, images], [parts.nb[1], parts.nb[2]], index * parts.nb[2] * parts.ne[2]);
  const byHead = (name: string, rows: Tensor): Tensor => {
    const split = ctx.reshape(rows, [length / heads, heads, tokens, images]);
    return ctx.reshape(hasHeadNorm ? rmsNorm(s.at(name), split) : split, [length, tokens, images]);
  };
  return { q: byHead('ln_q', part(0)), k: byHead('ln_k', part(1)), v: part(2) };
}

/** A stream after attention and feed-forward network. @param alone what attention of the image to itself has mixed */
function after(
  s: Scope,
  x: Tensor,
  mixed: Tensor,
  [first, second, third]: readonly Modulation[],
  alone: Tensor | null,
): Tensor {
  const { ctx } = s;
  const [length] = x.ne;
  const weighed = (rows: Tensor, { gate }: Modulation): Tensor => ctx.mul(rows, perImage(ctx, gate));
  let rows = ctx.add(x, weighed(linear(s.at('attn.proj'), mixed, length), first));
  if (alone !== null) rows = ctx.add(rows, weighed(linear(s.at('attn2.proj'), alone, length), third));
  const factor = modulated(ctx, layerNorm(s.at('norm2'), rows, false), second.shift, second.scale);
  const inner = gelu(s, linear(s.at('mlp.fc1'), factor, 4 * length));
  return ctx.add(rows, weighed(linear(s.at('mlp.fc2'), inner, length), second));
}
