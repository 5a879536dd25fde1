/**
 * The transformer of Flux: first prompt and image have weights of their own, then the same.
 *
 * Invariant: order and names are those of stable-diffusion.cpp's `Flux::Flux` and `FluxRunner`.
 */
import type { Graph } from '../../../graph/graph.js';
import type { Tensor } from '../../../tensor/tensor.js';
import { doubleStreamBlock, singleStreamBlock } from '../blocks/stream-blocks.js';
import { layerNorm, linear, siluPair, timestepEmbedding } from '../blocks/layers.js';
import { modulated } from '../blocks/modulation.js';
import { imageOfPatches, patchRows } from '../blocks/patches.js';
import { chunks, rowsOf } from '../blocks/shapes.js';
import type { GraphContext, Scope } from '../graph-context.js';
import type { TransformerInputs } from './mmdit.js';

/** The numbers of a Flux transformer. */
export interface FluxDescription {
  readonly kind: 'flux';
  readonly latentChannels: number;
  /** Channels of what is given along with the latent image, such as a mask. */
  readonly conditionChannels: number;
  /** Latent pixels along one side of a patch. */
  readonly patch: number;
  /** Elements of a row. */
  readonly length: number;
  readonly heads: number;
  readonly doubleLayers: number;
  readonly singleLayers: number;
  /** Elements of each row of the prompt. */
  readonly contextLength: number;
  /** Elements of the summary of the prompt. */
  readonly vectorLength: number;
  /** Whether the strength of guidance is given, as to Flux dev. */
  readonly hasGuidance: boolean;
}

/** The graph of one step. */
export function buildFlux(g: GraphContext, model: FluxDescription, inputs: TransformerInputs): Graph {
  const { ctx, top } = g;
  const { width, height, contextTokens } = inputs;
  const { length, heads, patch, latentChannels } = model;
  const image = g.input('f32', [width, height, latentChannels, 1]);
  const given = g.input('f32', [model.contextLength, contextTokens]);
  const patches = withCondition(g, model, patchRows(ctx, image, patch), inputs);
  const tokens = patches.ne[1];
  const angles = g.input('f32', [2, 2, length / heads / 2, contextTokens + tokens]);

  let x = linear(top.at('img_in'), patches, length);
  const condition = embedConditions(top, model);
  let context = linear(top.at('txt_in'), given, length);
  top.markCut(x, 'flux.prelude', 'img');
  top.markCut(context, 'flux.prelude', 'txt');
  top.markCut(condition, 'flux.prelude', 'vec');
  for (let layer = 0; layer < model.doubleLayers; layer++) {
    [context, x] = doubleStreamBlock(top.at(`double_blocks.${layer}`), context, x, condition, { heads, angles });
    top.markCut(x, `flux.double_blocks.${layer}`, 'img');
    top.markCut(context, `flux.double_blocks.${layer}`, 'txt');
  }
  let both = ctx.concat(context, x, 1);
  for (let layer = 0; layer < model.singleLayers; layer++) {
    both = singleStreamBlock(top.at(`single_blocks.${layer}`), both, condition, { heads, angles });
    top.markCut(both, `flux.single_blocks.${layer}`, 'txt_img');
  }
  const last = rowsOf(ctx, both, tokens, contextTokens);
  const rows = finalLayer(top.at('final_layer'), last, condition, patch * patch * latentChannels);
  return g.finish(imageOfPatches(ctx, rows, { width, height, patch, order: 'by-channel' }));
}

/** Time step, guidance and the summary of the prompt as one row. */
function embedConditions(s: Scope, { length, hasGuidance, vectorLength }: FluxDescription): Tensor {
  const { ctx } = s;
  const embed = (name: string, row: Tensor): Tensor =>
    siluPair(s.at(`${name}.in_layer`), s.at(`${name}.out_layer`), row, length);
  const waves = (): Tensor => timestepEmbedding(s, s.g.input('f32', [1]), 256, 1000);
  const time = embed('time_in', waves());
  const guided = hasGuidance ? ctx.add(time, embed('guidance_in', waves())) : time;
  return ctx.add(guided, embed('vector_in', s.g.input('f32', [vectorLength])));
}

function withCondition(
  { ctx, input }: GraphContext,
  model: FluxDescription,
  patches: Tensor,
  inputs: TransformerInputs,
): Tensor {
  return patches;
}

function finalLayer(s: Scope, x: Tensor, condition: Tensor, length: number): Tensor {
  const { ctx } = s;
  const both = linear(s.at('adaLN_modulation.1'), ctx.silu(condition), 2 * x.ne[0]);
  const [shift, scale] = chunks(ctx, both, 2, 0);
  return linear(s.at('linear'), modulated(ctx, layerNorm(s.at('norm_final'), x, false), shift, scale), length);
}
