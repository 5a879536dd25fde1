/**
 * The options that the user may give, and the values that stable-diffusion.cpp makes of them.
 *
 * Invariant: rounding is that of stable-diffusion.cpp's `GenerationRequest`.
 */
import { checkArgument, checkChoice, checkOptions, unknownField, wrongValue, type OptionNames } from '../../errors.js';
import type { Gguf } from '../../gguf/types.js';
import type { ElementTypeName } from '../../tensor/element-type.js';
import { alignUp } from '../../units.js';
import { checkGguf } from '../weights.js';
import { checkModel } from './check-model.js';
import type { DiffusionModel } from './model.js';
import { DIFFUSION_MODELS, type DiffusionModelName } from './models.js';
import { DEFAULT_TILE, SMALLEST_TILE, type Size } from './tiles.js';

/** Element types that weights may be converted to. */
export const DIFFUSION_TYPES = [
  'f32',
  'f16',
  'bf16',
  'q8_0',
  'q5_1',
  'q5_0',
  'q4_1',
  'q4_0',
  'q6_K',
  'q5_K',
  'q4_K',
  'q3_K',
  'q2_K',
] as const satisfies readonly ElementTypeName[];

/** The name of an element type for weights. @useDeclaredType */
export type DiffusionType = (typeof DIFFUSION_TYPES)[number];

/** Options of `measureDiffusion`, named as stable-diffusion.cpp names them. */
export interface DiffusionOptions {
  /** A model by its name, or the numbers of one. */
  readonly model: DiffusionModelName | DiffusionModel;
  /** Pixels; rounded up as stable-diffusion.cpp rounds them. At most 65536. */
  readonly width: number;
  /** Pixels, as `width`. */
  readonly height: number;
  /** Frames of a video; rounded down as stable-diffusion.cpp rounds them. Default 1. At most 1024. */
  readonly videoFrames?: number;
  /** Chunks that the prompt fills: of 77 tokens for CLIP, 256 for Flux, 512 for Wan. Default 1. At most 1024. */
  readonly promptChunks?: number;
  /** Type that weights are converted to where they may be (`--type`); others stay f16. Default `f16`. */
  readonly type?: DiffusionType;
  /** Headers of the files of some parts, by the part's name: their tensors decide types. Default: none. */
  readonly files?: Readonly<Record<string, Gguf>>;
  /** Whether attention is fused, in the diffusion model and the autoencoder (`--fa`). Default false. */
  readonly flashAttention?: boolean;
  /** Whether attention is fused in the diffusion model only (`--diffusion-fa`). Default false. */
  readonly diffusionFlashAttention?: boolean;
  /** Whether convolutions of a U-Net keep no patches (`--diffusion-conv-direct`). Default false. */
  readonly diffusionConvDirect?: boolean;
  /** Whether convolutions of the autoencoder keep no patches (`--vae-conv-direct`). Default false. */
  readonly vaeConvDirect?: boolean;
  /** Whether the autoencoder has a file of its own (`--vae`), which matters for SDXL. Default false. */
  readonly hasOwnVae?: boolean;
  /** Latent pixels along the sides of a tile (`--vae-tile-size`), at least 4. Default 32 × 32. */
  readonly vaeTileSize?: Size;
}

const DIFFUSION_OPTIONS: OptionNames<DiffusionOptions> = {
  model: true,
  width: true,
  height: true,
  videoFrames: true,
  promptChunks: true,
  type: true,
  files: true,
  flashAttention: true,
  diffusionFlashAttention: true,
  diffusionConvDirect: true,
  vaeConvDirect: true,
  hasOwnVae: true,
  vaeTileSize: true,
};

/** The options as stable-diffusion.cpp applies them to one model. */
export interface ResolvedDiffusionOptions {
  /** The name of the model; null for one of your own numbers. */
  readonly name: DiffusionModelName | null;
  /** Pixels, after rounding. */
  readonly width: number;
  readonly height: number;
  /** Frames, after rounding. */
  readonly videoFrames: number;
  readonly promptChunks: number;
  readonly type: DiffusionType;
  readonly flashAttention: boolean;
  readonly diffusionFlashAttention: boolean;
  readonly diffusionConvDirect: boolean;
  readonly vaeConvDirect: boolean;
  readonly hasOwnVae: boolean;
  /** Latent pixels. */
  readonly vaeTileSize: Size;
}

const MAX_PIXELS = 65536;
const MAX_FRAMES = 1024;
const MAX_CHUNKS = 1024;
/** Frames of one latent frame of Wan, after the first one. */
const FRAMES_PER_LATENT = 4;

/** @throws PlannerError `BAD_ARGUMENT` */
export function resolveDiffusionOptions(options: DiffusionOptions): {
  readonly model: DiffusionModel;
  readonly run: ResolvedDiffusionOptions;
  readonly files: Readonly<Record<string, Gguf>>;
} {
  checkOptions(options, DIFFUSION_OPTIONS);
  const { model, name } = modelOf(options.model);
  const pixels = (what: 'width' | 'height'): number =>
    alignUp(integer(what, options[what], 1, MAX_PIXELS), model.sizeMultiple);
  const { type = 'f16', files = {} } = options;
  checkChoice('type', type, DIFFUSION_TYPES);
  const run: ResolvedDiffusionOptions = {
    name,
    width: pixels('width'),
    height: pixels('height'),
    videoFrames: framesOf(model, options.videoFrames ?? 1),
    promptChunks: integer('promptChunks', options.promptChunks ?? 1, 1, MAX_CHUNKS),
    type,
    flashAttention: flag('flashAttention', options.flashAttention),
    diffusionFlashAttention: flag('diffusionFlashAttention', options.diffusionFlashAttention),
    diffusionConvDirect: flag('diffusionConvDirect', options.diffusionConvDirect),
    vaeConvDirect: flag('vaeConvDirect', options.vaeConvDirect),
    hasOwnVae: flag('hasOwnVae', options.hasOwnVae),
    vaeTileSize: tileSize(options.vaeTileSize),
  };
  checkPositions(model, run);
  checkFiles(files, model);
  return { model, run, files };
}

/** The names of the parts of a model, by which `files` are given. */
export function partNames({ encoders, denoiserNames }: DiffusionModel): string[] {
  return [...encoders.map(({ name }) => name), ...denoiserNames, 'vae'];
}

function modelOf(wanted: DiffusionModelName | DiffusionModel): {
  readonly model: DiffusionModel;
  readonly name: DiffusionModelName | null;
} {
  if (typeof wanted === 'string') {
    checkChoice('model', wanted, Object.keys(DIFFUSION_MODELS));
    return { model: DIFFUSION_MODELS[wanted], name: wanted };
  }
  checkModel(wanted);
  return { model: wanted, name: null };
}

/** Frames of a video: as many as whole latent frames hold, and no more than motion modules have positions for. */
function framesOf({ denoiser }: DiffusionModel, wanted: number): number {
  const frames = integer('videoFrames', wanted, 1, MAX_FRAMES);
  if (denoiser.kind === 'wan') return frames - ((frames - 1) % FRAMES_PER_LATENT);
  const motion = denoiser.kind === 'unet' ? denoiser.motion : null;
  if (motion !== null) return Math.min(frames, motion.maxFrames);
  const remedy = 'Leave it out, or name a model that makes videos.';
  checkArgument(frames === 1, 'videoFrames', frames, '1 for a model that makes images', remedy);
  return frames;
}

/** A transformer with a table of positions takes images up to the size of the table. */
function checkPositions({ denoiser, pixelsPerLatent }: DiffusionModel, run: ResolvedDiffusionOptions): void {
  if (denoiser.kind !== 'mmdit') return;
  const most = denoiser.positionSize * denoiser.patch * pixelsPerLatent;
  for (const what of ['width', 'height'] as const) {
    const limit = `at most ${most}, the pixels that the model has positions for`;
    checkArgument(run[what] <= most, what, run[what], limit, 'Choose a smaller image.');
  }
}

function checkFiles(files: Readonly<Record<string, Gguf>>, model: DiffusionModel): void {
  const isObject = typeof files === 'object' && (files as unknown) !== null && !Array.isArray(files);
  const names = partNames(model);
  checkArgument(isObject, 'files', files, 'an object', `Give a header for some of ${names.join(', ')}.`);
  for (const [name, gguf] of Object.entries(files)) {
    if (!names.includes(name)) throw unknownField('BAD_ARGUMENT', { owner: 'files', field: name, names });
    checkGguf(gguf);
  }
}

function tileSize(wanted: Size | undefined): Size {
  if (wanted === undefined) return { width: DEFAULT_TILE, height: DEFAULT_TILE };
  checkOptions(wanted, { width: true, height: true }, 'vaeTileSize');
  const length = (what: 'width' | 'height'): number =>
    integer(`vaeTileSize.${what}`, wanted[what], SMALLEST_TILE, MAX_PIXELS);
  return { width: length('width'), height: length('height') };
}

function integer(culprit: string, value: number, min: number, max: number): number {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return value;
  const limit = `an integer from ${min} to ${max}`;
  throw wrongValue('BAD_ARGUMENT', { culprit, value, limit, remedy: 'Choose another value.' });
}

function flag(culprit: string, value = false): boolean {
  checkArgument(typeof value === 'boolean', culprit, value, 'true or false', 'Leave it out for false.');
  return value;
}
