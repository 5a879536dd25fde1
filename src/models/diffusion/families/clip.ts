/**
 * The text encoders CLIP ViT-L and OpenCLIP ViT-bigG (and ViT-H of Stable Diffusion 2).
 *
 * Invariant: order and names are those of stable-diffusion.cpp's `CLIPTextModel` and `CLIPTextModelRunner`.
 */
import type { Graph } from '../../../graph/graph.js';
import type { Tensor } from '../../../tensor/tensor.js';
import { attention } from '../blocks/attention.js';
import { gelu, IN_PLACE, layerNorm, linear } from '../blocks/layers.js';
import type { GraphContext, Scope } from '../graph-context.js';

/** The numbers of each layer. */
export interface ClipLayerSettings {
  readonly feedForwardLength: number;
  readonly heads: number;
  /** Whether the quick form of GELU is used. */
  readonly isQuick: boolean;
}

/** The numbers of a CLIP text encoder. */
export interface ClipDescription extends ClipLayerSettings {
  readonly kind: 'clip';
  readonly tokens: number;
  readonly vocabulary: number;
  /** Elements of a row. */
  readonly length: number;
  readonly layers: number;
  /** Elements of the summary of the prompt; null where the encoder has no matrix for it. */
  readonly projectionLength: number | null;
}

/** What a run of the encoder yields. */
export interface ClipRun {
  /** Layers at the end that are left out. */
  readonly skippedLayers: number;
  /** Whether the norm at the end is applied to the rows. */
  readonly hasFinalNorm: boolean;
  /** Whether the result is one row, the summary of the prompt. */
  readonly isPooled: boolean;
}

/** The graph of one run over a chunk of the prompt. */
export function buildClip(g: GraphContext, model: ClipDescription, run: ClipRun): Graph {
  const { ctx, top } = g;
  const { tokens, length, vocabulary } = model;
  const ids = g.input('i32', [tokens]);
  const mask = g.input('f32', [tokens, tokens]);
  const table = top.weight('embeddings.token_embedding.weight', [length, vocabulary], 'table');
  const found = ctx.getRows(table, ctx.reshape(ids, [tokens, 1, 1]));
  const positions = top.weight('embeddings.position_embedding.weight', [length, tokens], 'vector');
  let x = ctx.add(ctx.reshape(found, [length, tokens, 1]), positions);
  top.markCut(x, 'clip_text.prelude', 'x');
  const layers = model.layers - (run.isPooled ? 0 : run.skippedLayers);
  for (let layer = 0; layer < layers; layer++) {
    x = clipLayer(top.at(`encoder.layers.${layer}`), x, mask, model);
    top.markCut(x, `clip_text.layers.${layer}`, 'x');
  }
  if (run.isPooled || run.hasFinalNorm) x = layerNorm(top.at('final_layer_norm'), x);
  return g.finish(run.isPooled ? summary(top, x, model) : x);
}

/** One layer. @param mask null: every row looks at all others */
export function clipLayer(s: Scope, x: Tensor, mask: Tensor | null, settings: ClipLayerSettings): Tensor {
  const { heads, feedForwardLength, isQuick } = settings;
  const { ctx } = s;
  const [length] = x.ne;
  const normed = layerNorm(s.at('layer_norm1'), x);
  const project = (name: string): Tensor => linear(s.at(`self_attn.${name}`), normed, length);
  const qkv = { q: project('q_proj'), k: project('k_proj'), v: project('v_proj') };
  const mixed = attention(s, qkv, { heads, mask, mayFuse: false });
  const looked = ctx.add(x, linear(s.at('self_attn.out_proj'), mixed, length));
  const inner = linear(s.at('mlp.fc1'), layerNorm(s.at('layer_norm2'), looked), feedForwardLength);
  const active = isQuick ? ctx.geluQuick(inner, IN_PLACE) : gelu(s, inner);
  return ctx.add(looked, linear(s.at('mlp.fc2'), active, length));
}

/** The row of the last token, through a matrix if the encoder has one. */
function summary(s: Scope, x: Tensor, { tokens, length, projectionLength }: ClipDescription): Tensor {
  const { ctx } = s;
  const row = ctx.view(x, [length], [], x.nb[1] * (tokens - 1));
  if (projectionLength === null) return row;
  return ctx.mulMat(s.weight('text_projection', [projectionLength, length], 'vector'), row);
}
