/**
 * The transformer of Stable Diffusion 3 and 3.5: prompt and image have weights of their own, and look at each other in
 * one attention.
 *
 * Invariant: order and names are those of stable-diffusion.cpp's `MMDiT` and `MMDiTRunner`.
 */
import type { Graph } from '../../../graph/graph.js';
import type { Tensor } from '../../../tensor/tensor.js';
import { jointBlock, type JointSettings } from '../blocks/joint-block.js';
import { convolution2d, layerNorm, linear, siluPair, timestepEmbedding } from '../blocks/layers.js';
import { modulated } from '../blocks/modulation.js';
import { imageOfPatches, paddedTo } from '../blocks/patches.js';
import { chunks, permuted } from '../blocks/shapes.js';
import type { GraphContext, Scope } from '../graph-context.js';

/** The numbers of a transformer of Stable Diffusion 3. */
export interface MmditDescription {
  readonly kind: 'mmdit';
  readonly latentChannels: number;
  /** Latent pixels along one side of a patch. */
  readonly patch: number;
  /** Elements of a row. */
  readonly length: number;
  /** Blocks, and heads of each. */
  readonly layers: number;
  /** Elements of each row of the prompt. */
  readonly contextLength: number;
  /** Elements of the summary of the prompt. */
  readonly vectorLength: number;
  /** Patches along one side of the largest image. */
  readonly positionSize: number;
  /** First blocks whose image also looks at itself alone, as in 3.5 Medium. */
  readonly dualLayers: number;
  /** Whether queries and keys are normalised. */
  readonly hasHeadNorm: boolean;
}

/** What the transformer is given: a latent image of `width` × `height`, and rows of the prompt. */
export interface TransformerInputs {
  readonly width: number;
  readonly height: number;
  readonly contextTokens: number;
}

const F32 = { use: 'vector' } as const;

/** The graph of one step. */
export function buildMmdit(g: GraphContext, model: MmditDescription, inputs: TransformerInputs): Graph {
  const { ctx, top } = g;
  const { width, height, contextTokens } = inputs;
  const { length, patch, layers } = model;
  const image = g.input('f32', [width, height, model.latentChannels, 1]);
  const timesteps = g.input('f32', [1]);
  const given = g.input('f32', [model.contextLength, contextTokens]);
  const vector = g.input('f32', [model.vectorLength]);

  let x = ctx.add(patchEmbedding(top.at('x_embedder.proj'), image, model), croppedPositions(top, model, inputs));
  const time = embedded(top.at('t_embedder'), timestepEmbedding(top, timesteps, 256), length);
  const condition = ctx.add(time, embedded(top.at('y_embedder'), vector, length));
  let context: Tensor | null = linear(top.at('context_embedder'), given, length, F32);
  top.markCut(x, 'mmdit.prelude', 'x');
  top.markCut(condition, 'mmdit.prelude', 'c');
  top.markCut(context, 'mmdit.prelude', 'context');
  for (let layer = 0; layer < layers; layer++) {
    const settings: JointSettings = {
      heads: layers,
      hasHeadNorm: model.hasHeadNorm,
      isLast: layer === layers - 1,
      isDual: layer < model.dualLayers,
    };
    [context, x] = jointBlock(top.at(`joint_blocks.${layer}`), context!, x, condition, settings);
    if (context !== null) top.markCut(context, `mmdit.joint_blocks.${layer}`, 'context');
    top.markCut(x, `mmdit.joint_blocks.${layer}`, 'x');
  }
  const rows = finalLayer(top.at('final_layer'), x, condition, patch * patch * model.latentChannels);
  return g.finish(imageOfPatches(ctx, rows, { width, height, patch, order: 'by-pixel' }));
}

function embedded(s: Scope, x: Tensor, length: number): Tensor {
  return siluPair(s.at('mlp.0'), s.at('mlp.2'), x, length, F32);
}

/** One row for each patch. */
function patchEmbedding(s: Scope, image: Tensor, { patch, length }: MmditDescription): Tensor {
  const { ctx } = s;
  const [width, height] = image.ne;
  const padded = ctx.pad(image, [paddedTo(width, patch) - width, paddedTo(height, patch) - height]);
  const patches = convolution2d(s, padded, length, { kernel: [patch, patch], stride: patch, padding: 0 });
  const [across, down, channels, images] = patches.ne;
  return permuted(ctx, ctx.reshape(patches, [across * down, channels, images]), [1, 0, 2, 3]);
}

/** The middle of the table of positions. */
function croppedPositions(s: Scope, model: MmditDescription, { width, height }: TransformerInputs): Tensor {
  const { ctx } = s;
  const { length, patch, positionSize: size } = model;
  const [across, down] = [width, height].map((pixels) => Math.floor((pixels + 1) / patch));
  const crop = (x: Tensor, rows: number, count: number, skipped: number): Tensor =>
    permuted(ctx, ctx.view(x, [length, rows, count], [x.nb[1], x.nb[2]], x.nb[2] * skipped), [0, 2, 1, 3]);
  const table = ctx.reshape(s.weight('pos_embed', [length, size * size, 1], 'vector'), [length, size, size]);
  const columns = crop(table, size, down, Math.floor((size - down) / 2));
  const both = crop(columns, down, across, Math.floor((size - across) / 2));
  return ctx.reshape(both, [length, across * down, 1]);
}

function finalLayer(s: Scope, x: Tensor, condition: Tensor, length: number): Tensor {
  const { ctx } = s;
  const both = linear(s.at('adaLN_modulation.1'), ctx.silu(condition), 2 * x.ne[0]);
  const [shift, scale] = chunks(ctx, both, 2, 0);
  return linear(s.at('linear'), modulated(ctx, layerNorm(s.at('norm_final'), x, false), shift, scale), length, F32);
}
