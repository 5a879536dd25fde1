/**
 * The image encoder CLIP ViT-H, which describes the first image of a video.
 *
 * Invariant: order and names are those of stable-diffusion.cpp's `CLIPVisionModel` without its last norm, which the
 * description of an image leaves out.
 */
import type { Graph } from '../../../graph/graph.js';
import { layerNorm } from '../blocks/layers.js';
import { permuted } from '../blocks/shapes.js';
import type { GraphContext } from '../graph-context.js';
import { clipLayer, type ClipLayerSettings } from './clip.js';

/** The numbers of a CLIP image encoder. */
export interface ClipVisionDescription extends ClipLayerSettings {
  readonly kind: 'clip-vision';
  /** Pixels along one side of the image. */
  readonly size: number;
  /** Pixels along one side of a patch. */
  readonly patch: number;
  /** Elements of a row. */
  readonly length: number;
  readonly layers: number;
}

/** The graph of one run over an image. */
export function buildClipVision(g: GraphContext, model: ClipVisionDescription): Graph {
  const { ctx } = g;
  const { size, patch, length, layers } = model;
  const top = g.top.at('vision_model');
  const count = Math.floor(size / patch) ** 2;
  const image = g.input('f32', [size, size, 3, 1]);
  const kernel = top.weight('embeddings.patch_embedding.weight', [patch, patch, 3, length], 'kernel');
  const patches = ctx.reshape(ctx.conv2d(kernel, image, { stride: patch }), [count, length, 1]);
  const columns = ctx.reshape(permuted(ctx, patches, [1, 0, 2, 3]), [1, length, count, 1]);
  const ofClass = ctx.repeat(top.weight('embeddings.class_embedding', [length], 'vector'), [length, 1]);
  const joined = ctx.concat(ctx.reshape(ofClass, [1, length, 1, 1]), columns, 2);
  const positions = top.weight('embeddings.position_embedding.weight', [length, count + 1], 'vector');
  let x = ctx.add(ctx.reshape(joined, [length, count + 1, 1]), positions);
  x = layerNorm(top.at('pre_layernorm'), x);
  top.markCut(x, 'clip_vision.prelude', 'x');
  for (let layer = 0; layer < layers; layer++) {
    x = clipLayer(top.at(`encoder.layers.${layer}`), x, null, model);
    top.markCut(x, `clip_vision.layers.${layer}`, 'x');
  }
  return g.finish(x);
}
