/**
 * The graph of one step, of any family, and the latent image that it works on.
 */
import type { Graph } from '../../graph/graph.js';
import { buildFlux } from './families/flux.js';
import { buildMmdit } from './families/mmdit.js';
import { buildUnet } from './families/unet.js';
import { buildWan } from './families/wan.js';
import type { GraphContext } from './graph-context.js';
import type { DiffusionModel } from './model.js';
import type { ResolvedDiffusionOptions } from './options.js';
import type { Size } from './tiles.js';

/** The graph of one step of a diffusion model. */
export function buildDenoiser(g: GraphContext, model: DiffusionModel, run: ResolvedDiffusionOptions): Graph {
  const { denoiser, references } = model;
  const inputs = { ...latentSize(model, run), contextTokens: model.rowsPerChunk * run.promptChunks };
  if (denoiser.kind === 'unet') {
    return buildUnet(g, denoiser, { ...inputs, frames: run.videoFrames, conditions: 1 });
  }
  if (denoiser.kind === 'mmdit') return buildMmdit(g, denoiser, inputs);
  if (denoiser.kind === 'flux') return buildFlux(g, denoiser, { ...inputs, references });
  return buildWan(g, denoiser, { ...inputs, frames: latentFrames(run.videoFrames) });
}

/** The latent image of a size in pixels. */
export function latentSize({ pixelsPerLatent }: DiffusionModel, { width, height }: ResolvedDiffusionOptions): Size {
  return { width: width / pixelsPerLatent, height: height / pixelsPerLatent };
}

/** Latent frames of a video: one for the first frame, and one for every four after it. */
export function latentFrames(frames: number): number {
  return (frames - 1) / 4 + 1;
}
