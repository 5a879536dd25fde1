/**
 * The text encoders T5 and UMT5.
 *
 * Invariant: order and names are those of stable-diffusion.cpp's `T5` and `T5Runner`.
 */
import type { Graph } from '../../../graph/graph.js';
import type { Tensor } from '../../../tensor/tensor.js';
import { attention } from '../blocks/attention.js';
import { gelu, IN_PLACE, linear, rmsNormCopied, scaled } from '../blocks/layers.js';
import { permuted } from '../blocks/shapes.js';
import type { GraphContext, Scope } from '../graph-context.js';

/** The numbers of a T5 text encoder. */
export interface T5Description {
  readonly kind: 't5';
  readonly vocabulary: number;
  /** Elements of a row. */
  readonly length: number;
  readonly feedForwardLength: number;
  readonly heads: number;
  readonly layers: number;
  /** Whether each layer has its own table of distances, as in UMT5; else all share that of the first. */
  readonly hasOwnDistances: boolean;
  /** Whether tokens of padding are masked. */
  readonly isMasked: boolean;
}

/** Distances between tokens that are told apart. */
const DISTANCES = 32;

/** The graph of one run over `tokens` tokens. */
export function buildT5(g: GraphContext, model: T5Description, tokens: number): Graph {
  const { top } = g;
  const ids = g.input('i32', [tokens]);
  const mask = model.isMasked ? g.input('f32', [tokens]) : null;
  const distances = g.input('i32', [tokens, tokens]);
  let x = lookUp(top.at('shared'), ids, model.length, model.vocabulary);
  top.markCut(x, 't5.prelude', 'x');
  let bias: Tensor | null = null;
  for (let layer = 0; layer < model.layers; layer++) {
    const s = top.at(`encoder.block.${layer}`);
    if (bias === null || model.hasOwnDistances) bias = distanceBias(s, distances, model.heads);
    x = feedForward(s.at('layer.1'), selfAttention(s.at('layer.0'), x, bias, mask, model), model);
    top.markCut(x, `t5.block.${layer}`, 'x');
  }
  return g.finish(rmsNormCopied(top.at('encoder.final_layer_norm'), x));
}

/** The rows of a table that `ids` names. */
function lookUp(s: Scope, ids: Tensor, length: number, count: number): Tensor {
  const { ctx } = s;
  const [tokens, batch] = ids.ne;
  const flat = ctx.reshape(ids, [tokens * batch]);
  const rows = ctx.getRows(s.weight('weight', [length, count], 'table'), ctx.reshape(flat, [tokens * batch, 1, 1]));
  return ctx.reshape(rows, [length, tokens, batch]);
}

/** What the distance between two tokens adds to their score, by head. */
function distanceBias(s: Scope, distances: Tensor, heads: number): Tensor {
  const table = s.at('layer.0.SelfAttention.relative_attention_bias');
  return permuted(s.ctx, lookUp(table, distances, heads, DISTANCES), [2, 0, 1, 3]);
}

function selfAttention(outer: Scope, x: Tensor, bias: Tensor, mask: Tensor | null, { heads }: T5Description): Tensor {
  const { ctx } = outer;
  const s = outer.at('SelfAttention');
  const [length] = x.ne;
  const normed = rmsNormCopied(outer.at('layer_norm'), x);
  const project = (name: string): Tensor => linear(s.at(name), normed, length, { hasBias: false });
  const qkv = { q: project('q'), k: scaled(s, project('k'), Math.sqrt(length / heads), IN_PLACE), v: project('v') };
  const added = mask === null ? bias : ctx.add(ctx.repeat(mask, bias.ne), bias);
  const mixed = attention(s, qkv, { heads, mask: added, mayFuse: false });
  return ctx.add(linear(s.at('o'), mixed, length, { hasBias: false }), x, IN_PLACE);
}

function feedForward(outer: Scope, x: Tensor, { feedForwardLength }: T5Description): Tensor {
  const { ctx } = outer;
  const s = outer.at('DenseReluDense');
  const normed = rmsNormCopied(outer.at('layer_norm'), x);
  const project = (name: string): Tensor => linear(s.at(name), normed, feedForwardLength, { hasBias: false });
  const inner = ctx.mul(gelu(s, project('wi_0')), project('wi_1'), IN_PLACE);
  return ctx.add(linear(s.at('wo'), inner, x.ne[0], { hasBias: false, scale: 1 / 32 }), x, IN_PLACE);
}
