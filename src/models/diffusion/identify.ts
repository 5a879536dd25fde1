/**
 * Which model a file is of, by the names and sizes of its tensors.
 */
import { PlannerError } from '../../errors.js';
import type { Gguf } from '../../gguf/types.js';
import { checkGguf } from '../weights.js';
import { buildDenoiser } from './denoiser.js';
import { GraphContext, PLAIN } from './graph-context.js';
import { DIFFUSION_MODELS, type DiffusionModelName } from './models.js';
import { resolveDiffusionOptions } from './options.js';
import { fileTypes } from './weight-types.js';
import { PartWeights } from './weights.js';

/**
 * The known model whose diffusion model is in a file; null if none of them is. Of several that fit, the one that reads
 * the most tensors; of those that read the same ones, such as Flux dev and Kontext, the first in `DIFFUSION_MODELS`.
 * O(tensors) for each known model.
 *
 * @throws PlannerError `BAD_ARGUMENT` unless `gguf` is a header that was read
 *
 * @example
 * ```ts
 * import { identifyDiffusionModel } from 'tensor-arena/models/diffusion';
 * import { readGguf } from 'tensor-arena/gguf';
 * const gguf = await readGguf('examples/phi-3-mini-4k.gguf');
 * console.log(identifyDiffusionModel(gguf)); // null: a language model
 * ```
 */
export function identifyDiffusionModel(gguf: Gguf): DiffusionModelName | null {
  checkGguf(gguf);
  let best: DiffusionModelName | null = null;
  let most = 0;
  for (const name of Object.keys(DIFFUSION_MODELS) as DiffusionModelName[]) {
    const count = weightsFound(gguf, name);
    if (count > most) [best, most] = [name, count];
  }
  return best;
}

/** How many weights a model reads, if the file has all of them; else 0. */
function weightsFound(gguf: Gguf, name: DiffusionModelName): number {
  const videoFrames = 'motion' in DIFFUSION_MODELS[name].denoiser && DIFFUSION_MODELS[name].denoiser.motion ? 2 : 1;
  const { model, run } = resolveDiffusionOptions({ model: name, width: 1, height: 1, videoFrames });
  const weights = new PartWeights(fileTypes(gguf, model.denoiserNames[0]));
  try {
    buildDenoiser(new GraphContext(PLAIN, weights), model, run);
  } catch (error) {
    if (error instanceof PlannerError && error.code === 'BAD_MODEL') return 0;
    throw error;
  }
  return weights.count;
}
