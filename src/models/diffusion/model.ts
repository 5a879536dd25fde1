/**
 * A diffusion model as data: its encoders, its diffusion model and its autoencoder, each with its numbers.
 */
import type { ClipDescription, ClipRun } from './families/clip.js';
import type { ClipVisionDescription } from './families/clip-vision.js';
import type { FluxDescription } from './families/flux.js';
import type { KlAutoencoderDescription } from './families/kl-autoencoder.js';
import type { MmditDescription } from './families/mmdit.js';
import type { T5Description } from './families/t5.js';
import type { UnetDescription } from './families/unet.js';
import type { WanAutoencoderDescription } from './families/wan-autoencoder.js';
import type { WanDescription } from './families/wan.js';

/** An encoder of the prompt, or of an image, with the runs that it makes. */
export type DiffusionEncoder =
  | { readonly name: string; readonly description: ClipDescription; readonly runs: readonly ClipRun[] }
  | { readonly name: string; readonly description: T5Description; readonly tokens: number }
  | { readonly name: string; readonly description: ClipVisionDescription };

/** What removes the noise, step by step. */
export type DenoiserDescription = UnetDescription | MmditDescription | FluxDescription | WanDescription;

/** What turns latent images into pixels and back. */
export type AutoencoderDescription = KlAutoencoderDescription | WanAutoencoderDescription;

/** A model that makes images or videos. */
export interface DiffusionModel {
  readonly encoders: readonly DiffusionEncoder[];
  readonly denoiser: DenoiserDescription;
  /** The names of the diffusion models: one, or several of the same size that take turns. */
  readonly denoiserNames: readonly [string, ...string[]];
  readonly autoencoder: AutoencoderDescription;
  /** Factor of what enters a convolution of the autoencoder that the model's own file brings; 1: none. */
  readonly convolutionScale: number;
  /** Pixels along one side of a latent pixel. */
  readonly pixelsPerLatent: number;
  /** Width and height are multiples of this many pixels. */
  readonly sizeMultiple: number;
  /** Rows that the diffusion model gets for each chunk of the prompt. */
  readonly rowsPerChunk: number;
  /** Images of the same size that the result is to look like. */
  readonly references: number;
}
