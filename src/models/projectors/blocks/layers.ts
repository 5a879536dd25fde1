/**
 * The layers of an encoder: attention and a feed-forward network, each behind a norm and added to the residual.
 *
 * Invariant: order and names are those of llama.cpp's `clip_graph::build_vit`, and of the graphs that repeat its layers.
 */
import { rowSize } from '../../../tensor/layout.js';
import type { Tensor } from '../../../tensor/tensor.js';
import type { Encoder, EncoderScope } from '../encoder.js';
import type { Activation } from '../numbers.js';
import { attend, type Heads } from './attention.js';
import { feedForward, type NetworkParts } from './feed-forward.js';
import { linear, plainProduct, withBias, type Product } from './linear.js';
import { norm, type NormKind } from './norm.js';

/** What is special about layers. */
export interface LayerRecipe {
  readonly norm: NormKind;
  /** Default: as the file says. */
  readonly activation?: Activation;
  /** How queries and keys turn with their positions. Default: not at all. */
  readonly turn?: (x: Tensor, layer: number) => Tensor;
  /** Which rows a layer's attention sees. Default: all. */
  readonly mask?: (layer: number) => Tensor | null;
  /** Whether layers with a mask have a score per head that takes part in the sum but has no value. Default: none has. */
  readonly hasSinks?: boolean;
  /** Factor of the scores. Default: one over the square root of the head's length. */
  readonly scale?: number;
  /** How matrices are multiplied. Default: plainly. */
  readonly product?: Product;
  /** Changes the values. Default: they stay as they are. */
  readonly values?: (s: EncoderScope, v: Tensor) => Tensor;
  /** Null: only what attention and the network name themselves. */
  readonly labels?: LayerLabels | null;
}

/** Names of results. */
export interface LayerLabels {
  /** Of the normalised input. Default `layer_inp_normed`. */
  readonly normed?: string;
  /** Of what has turned: `Qcur` and this. Default `_pos`. */
  readonly turned?: string;
}

const LAYER_LABELS: Required<LayerLabels> = { normed: 'layer_inp_normed', turned: '_pos' };

/**
 * The rows `[length, rows × images]` behind the layers from `first` to `end` (exclusive).
 */
export function layers(
  e: Encoder,
  x: Tensor,
  recipe: LayerRecipe,
  { first = 0, end = e.numbers.layerCount, before = unchanged, after = ignored }: LayerRange = {},
): Tensor {
  let rows = x;
  for (let index = first; index < end; index++) {
    rows = layer(e.layer(index), before(rows, index), recipe, index);
    after(rows, index);
  }
  return rows;
}

/** Which layers, and what else happens around them. */
export interface LayerRange {
  readonly first?: number;
  readonly end?: number;
  /** Changes what goes in. Default: it stays as it is. */
  readonly before?: (rows: Tensor, layer: number) => Tensor;
  readonly after?: (rows: Tensor, layer: number) => void;
}

function unchanged(rows: Tensor): Tensor {
  return rows;
}

function ignored(): void {
  // nothing happens to the rows
}

function layer(s: EncoderScope, x: Tensor, recipe: LayerRecipe, index: number): Tensor {
  const { ctx, numbers } = s;
  const { product, activation = numbers.activation } = recipe;
  const named = namer(s, recipe);
  const normed = named(norm(s, 'ln1', x, recipe.norm), labelsOf(recipe).normed);
  const heads = turned(s, project(s, normed, recipe), recipe, index);
  const mask = recipe.mask?.(index) ?? null;
  const sinks = mask !== null && recipe.hasSinks === true ? s.weight('attn_sinks') : null;
  const options = { mask, sinks, scale: recipe.scale, product };
  const looked = scaled(s, named(attend(s, heads, options), 'attn_out'), 'ls1', 'attn_out_scaled');
  const attention = normedIf(s, 'attn_post_norm', looked, recipe.norm, 'attn_post_normed');
  const sum = named(ctx.add(attention, x), 'ffn_inp');
  const rows = named(norm(s, 'ln2', sum, recipe.norm), 'ffn_inp_normed');
  const fed = named(feedForward(s, rows, networkParts(s), activation, product), 'ffn_out');
  const network = scaled(s, normedIf(s, 'ffn_post_norm', fed, recipe.norm, 'ffn_post_normed'), 'ls2', 'ffn_out_scaled');
  return scaled(s, named(ctx.add(sum, network), 'layer_out'), 'out_scale', 'layer_out_scaled');
}

function labelsOf({ labels }: LayerRecipe): Required<LayerLabels> {
  return { ...LAYER_LABELS, ...labels };
}

/** Names results, unless the recipe says that they get none. */
function namer(s: EncoderScope, { labels }: LayerRecipe): (x: Tensor, label: string) => Tensor {
  return labels === null ? (x): Tensor => x : (x, label): Tensor => s.named(x, label);
}

/** Old files have the names of both matrices swapped. */
export function networkParts(s: EncoderScope): NetworkParts {
  const isSwapped = s.weight('ffn_up.weight').ne[0] !== s.numbers.length;
  const [up, down] = isSwapped ? ['ffn_down', 'ffn_up'] : ['ffn_up', 'ffn_down'];
  return { up, gate: 'ffn_gate', down };
}

/** `x` times a weight, if the file has it. */
function scaled(s: EncoderScope, x: Tensor, part: string, label: string): Tensor {
  const weight = s.optionalWeight(`${part}.weight`);
  return weight === null ? x : s.named(s.ctx.mul(x, weight), label);
}

/** `x` normalised, if the file has weights for that; they have no bias. */
function normedIf(s: EncoderScope, part: string, x: Tensor, kind: NormKind, label: string): Tensor {
  if (s.optionalWeight(`${part}.weight`) === null) return x;
  return s.named(norm(s, part, x, kind), label);
}

function turned(s: EncoderScope, { q, k, v }: Heads, recipe: LayerRecipe, index: number): Heads {
  const { turn, values = (_, x): Tensor => x } = recipe;
  const named = namer(s, recipe);
  const heads = { q: named(q, 'Qcur'), k: named(k, 'Kcur'), v: named(v, 'Vcur') };
  if (turn === undefined) return { ...heads, v: values(s, heads.v) };
  const [turnedQ, turnedK] = [turn(heads.q, index), turn(heads.k, index)];
  named(turnedQ, `Qcur${labelsOf(recipe).turned}`);
  named(turnedK, `Kcur${labelsOf(recipe).turned}`);
  return { q: turnedQ, k: turnedK, v: values(s, heads.v) };
}

function project(s: EncoderScope, x: Tensor, { norm: kind, product = plainProduct }: LayerRecipe): Heads {
  const joint = s.optionalWeight('attn_qkv.weight');
  if (joint !== null) {
    const all = withBias(s, 'attn_qkv', product(s, joint, x));
    return headNorms(s, splitHeads(s, all), kind, '_norm');
  }
  const { ctx } = s;
  const { headLength, headCount, kvHeadCount } = s.numbers;
  const part = (name: string): Tensor => linear(s, name, x, product);
  const rows = { q: part('attn_q'), k: part('attn_k'), v: part('attn_v') };
  const isPerHead = s.optionalWeight('attn_q_norm.weight')?.ne[0] === headLength;
  const { q, k } = isPerHead ? rows : headNorms(s, rows, kind, '_norm');
  const heads = {
    q: ctx.reshape(q, [headLength, headCount, x.ne[1], 1]),
    k: ctx.reshape(k, [headLength, kvHeadCount, x.ne[1], 1]),
    v: ctx.reshape(rows.v, [headLength, kvHeadCount, x.ne[1], 1]),
  };
  return isPerHead ? headNorms(s, heads, kind, '_norm_per_head') : heads;
}

/** Heads of the rows of one matrix, all queries first, then keys and values. */
export function splitHeads(s: EncoderScope, all: Tensor): Heads {
  const { headLength, headCount, kvHeadCount } = s.numbers;
  const bytes = (headsBefore: number): number => rowSize(all.type, headsBefore * headLength);
  const part = (count: number, headsBefore: number): Tensor => {
    const nb = [bytes(1), all.nb[1], all.nb[1] * all.ne[1]];
    return s.ctx.view(all, [headLength, count, all.ne[1], 1], nb, bytes(headsBefore));
  };
  return { q: part(headCount, 0), k: part(kvHeadCount, headCount), v: part(kvHeadCount, headCount + kvHeadCount) };
}

/** Queries and keys normalised, each if the file has weights for that. */
function headNorms(s: EncoderScope, { q, k, v }: Heads, kind: NormKind, label: string): Heads {
  return {
    q: normedIf(s, 'attn_q_norm', q, kind, `Qcur${label}`),
    k: normedIf(s, 'attn_k_norm', k, kind, `Kcur${label}`),
    v,
  };
}
