/**
 * The memory that a diffusion model needs, part by part, as stable-diffusion.cpp would need it.
 *
 * Invariant: nothing is estimated. Each compute buffer is planned for the graph that stable-diffusion.cpp builds, with
 * ggml's allocator unless the caller names another. Conforms to stable-diffusion.cpp of commit 97d2990 (2026-08-19) with
 * ggml 0.18, CPU backend.
 */
import type { Gguf } from '../../gguf/types.js';
import type { Graph } from '../../graph/graph.js';
import { resolveOptions as resolvePlanOptions, type PlanOptions } from '../../plan/options.js';
import { LLAMA_CPP_PLAN } from '../llama-cpp.js';
import { buildClip } from './families/clip.js';
import { buildClipVision } from './families/clip-vision.js';
import { buildKlDecoder, buildKlEncoder } from './families/kl-autoencoder.js';
import { buildT5 } from './families/t5.js';
import { buildWanDecoder, buildWanEncoder } from './families/wan-autoencoder.js';
import { buildDenoiser, latentFrames, latentSize } from './denoiser.js';
import { PLAIN, type Computation, type GraphContext } from './graph-context.js';
import type { DiffusionEncoder, DiffusionModel } from './model.js';
import { resolveDiffusionOptions, type DiffusionOptions, type ResolvedDiffusionOptions } from './options.js';
import { measurePart, type PartMeasurement, type PartRecipe } from './part.js';
import { tileOf, type Size } from './tiles.js';
import { convertedTypes, fileTypes } from './weight-types.js';

/** The commit of stable-diffusion.cpp whose graphs ours are equal to. */
export const STABLE_DIFFUSION_CPP_COMMIT = '97d2990';

/** What an autoencoder needs. */
export interface VaeMeasurement {
  /** Pixels from the whole latent image, or from the whole latent video. */
  readonly decode: PartMeasurement;
  /** The same tile by tile, as with `--vae-tiling`. */
  readonly decodeTiled: PartMeasurement;
  /** A latent image from the whole image that is given; of a model that continues one, from the whole video. */
  readonly encode: PartMeasurement;
  /** The same tile by tile. */
  readonly encodeTiled: PartMeasurement;
}

/** The memory that a diffusion model needs, part by part. */
export interface DiffusionMeasurement {
  /** The options as they were applied. */
  readonly run: ResolvedDiffusionOptions;
  /** Encoders of the prompt, and of an image where the model has one. */
  readonly encoders: readonly PartMeasurement[];
  /** The diffusion model; several of the same size where they take turns, as in Wan 2.2. */
  readonly diffusion: readonly [PartMeasurement, ...PartMeasurement[]];
  readonly vae: VaeMeasurement;
  /** The commit of stable-diffusion.cpp whose graphs these are. */
  readonly stableDiffusionCppCommit: string;
}

/**
 * Measures a diffusion model without running or loading it. Each part is measured when it is first asked for. O(nodes of
 * its graph): milliseconds, and about a second for a video of many frames.
 *
 * Images of a batch are made one after the other, so they need no more memory than one. The parts run one after the
 * other too: which weights are in memory at the same time depends on options such as `--offload-to-cpu`.
 *
 * @param planOptions how compute buffers are planned. Default: as ggml plans them
 * @throws PlannerError `BAD_ARGUMENT` naming the option; `BAD_MODEL`, when a part is asked for, naming a tensor that its
 * file does not have, or not in the size that the model needs; `BYTES_TOO_LARGE`
 *
 * @example
 * ```ts
 * import { measureDiffusion } from 'tensor-arena/models/diffusion';
 * const { vae } = measureDiffusion({ model: 'sdxl', width: 1024, height: 1024 });
 * console.log(vae.decode.total, vae.decodeTiled.total); // bytes without and with --vae-tiling
 * ```
 */
export function measureDiffusion(
  options: DiffusionOptions,
  planOptions: PlanOptions = LLAMA_CPP_PLAN,
): DiffusionMeasurement {
  const { model, run, files } = resolveDiffusionOptions(options);
  resolvePlanOptions(planOptions);
  const typesOf = (name: string): PartRecipe['typeOf'] => {
    const file: Gguf | undefined = Object.hasOwn(files, name) ? files[name] : undefined;
    return file === undefined ? convertedTypes(run.type) : fileTypes(file, name);
  };
  const measured = (
    name: string,
    computation: Computation,
    ...builds: ((g: GraphContext) => Graph)[]
  ): PartMeasurement => measurePart({ name, computation, typeOf: typesOf(name), builds }, planOptions);
  const denoiser = (name: string): PartMeasurement =>
    measured(name, ofDenoiser(run), (g) => buildDenoiser(g, model, run));
  const [firstName, ...otherNames] = model.denoiserNames;
  return {
    run,
    encoders: model.encoders.map((encoder) => measured(encoder.name, PLAIN, ...encoderBuilds(encoder))),
    diffusion: [denoiser(firstName), ...otherNames.map(denoiser)],
    vae: measureVae(model, run, (build) => measured('vae', ofAutoencoder(model, run), build)),
    stableDiffusionCppCommit: STABLE_DIFFUSION_CPP_COMMIT,
  };
}

function ofDenoiser(run: ResolvedDiffusionOptions): Computation {
  const flashAttention = run.flashAttention || run.diffusionFlashAttention;
  return { flashAttention, directConvolution: run.diffusionConvDirect, convolutionScale: 1 };
}

function ofAutoencoder(model: DiffusionModel, run: ResolvedDiffusionOptions): Computation {
  const convolutionScale = run.hasOwnVae ? 1 : model.convolutionScale;
  return { flashAttention: run.flashAttention, directConvolution: run.vaeConvDirect, convolutionScale };
}

function encoderBuilds(encoder: DiffusionEncoder): ((g: GraphContext) => Graph)[] {
  if ('runs' in encoder) return encoder.runs.map((run) => (g) => buildClip(g, encoder.description, run));
  if ('tokens' in encoder) return [(g) => buildT5(g, encoder.description, encoder.tokens)];
  return [(g) => buildClipVision(g, encoder.description)];
}

/** How much larger tiles are when pixels become a latent image: of images, and of videos. */
const ENCODE_TILE_FACTORS = { kl: 2, 'wan-vae': 1.30539 } as const;

function measureVae(
  model: DiffusionModel,
  run: ResolvedDiffusionOptions,
  measured: (build: (g: GraphContext) => Graph) => PartMeasurement,
): VaeMeasurement {
  const { autoencoder, denoiser, pixelsPerLatent } = model;
  const latent = latentSize(model, run);
  const isContinuing = denoiser.kind === 'wan' && denoiser.conditionChannels > 0;
  const decode = ({ width, height }: Size): PartMeasurement =>
    measured((g) =>
      autoencoder.kind === 'kl'
        ? buildKlDecoder(g, autoencoder, width, height)
        : buildWanDecoder(g, autoencoder, { width, height, frames: latentFrames(run.videoFrames) }),
    );
  const encode = (size: Size): PartMeasurement => {
    const [width, height] = [size.width * pixelsPerLatent, size.height * pixelsPerLatent];
    return measured((g) =>
      autoencoder.kind === 'kl'
        ? buildKlEncoder(g, autoencoder, width, height)
        : buildWanEncoder(g, autoencoder, { width, height, frames: isContinuing ? run.videoFrames : 1 }),
    );
  };
  return {
    decode: decode(latent),
    decodeTiled: decode(tileOf(latent, run.vaeTileSize, 1)),
    encode: encode(latent),
    encodeTiled: encode(tileOf(latent, run.vaeTileSize, ENCODE_TILE_FACTORS[autoencoder.kind])),
  };
}
