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
  /** Channels of each thing that is given along with the latent image, such as an image and a mask. */
  readonly conditions: readonly number[];
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

/** What the transformer is given besides: images of the same size that the result is to look like. */
export interface FluxInputs extends TransformerInputs {
  readonly references: number;
}

/** The graph of one step. */
export function buildFlux(g: GraphContext, model: FluxDescription, inputs: FluxInputs): Graph {
  const { ctx, top } = g;
  const { width, height, contextTokens } = inputs;
  const { length, heads, patch, latentChannels } = model;
  const image = g.input('f32', [width, height, latentChannels, 1]);
  const given = g.input('f32', [model.contextLength, contextTokens]);
  const own = withConditions(g, model, patchRows(ctx, image, patch), inputs);
  const patches = withReferences(g, model, own, inputs);
  const [ownTokens, tokens] = [own.ne[1], patches.ne[1]];
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
  const every = finalLayer(top.at('final_layer'), last, condition, patch * patch * latentChannels);
  const rows = tokens > ownTokens ? ctx.cont(rowsOf(ctx, every, ownTokens)) : every;
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

/** The patches of the image, with those of what is given along with it as further elements of each row. */
function withConditions(g: GraphContext, model: FluxDescription, patches: Tensor, inputs: FluxInputs): Tensor {
  const { ctx } = g;
  const { conditions, patch } = model;
  if (conditions.length === 0) return patches;
  const { width, height } = inputs;
  const given = g.input('f32', [width, height, conditions.reduce((sum, channels) => sum + channels), 1]);
  let first = 0;
  const parts = conditions.map((channels) => {
    const isWhole = conditions.length === 1;
    const part = isWhole
      ? given
      : ctx.view(given, [width, height, channels, 1], given.nb.slice(1), first * given.nb[2]);
    first += channels;
    return patchRows(ctx, part, patch);
  });
  return ctx.concat(
    patches,
    parts.reduce((joined, part) => ctx.concat(joined, part, 0)),
    0,
  );
}

/** The patches of the image, followed by those of images that it is to look like. */
function withReferences(g: GraphContext, model: FluxDescription, patches: Tensor, inputs: FluxInputs): Tensor {
  const { width, height, references } = inputs;
  let rows = patches;
  for (let reference = 0; reference < references; reference++) {
    const image = g.input('f32', [width, height, model.latentChannels, 1]);
    rows = g.ctx.concat(rows, patchRows(g.ctx, image, model.patch), 1);
  }
  return rows;
}

function finalLayer(s: Scope, x: Tensor, condition: Tensor, length: number): Tensor {
  const { ctx } = s;
  const both = linear(s.at('adaLN_modulation.1'), ctx.silu(condition), 2 * x.ne[0]);
  const [shift, scale] = chunks(ctx, both, 2, 0);
  return linear(s.at('linear'), modulated(ctx, layerNorm(s.at('norm_final'), x, false), shift, scale), length);
}
