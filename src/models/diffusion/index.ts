/**
 * The public names of `tensor-arena/models/diffusion`: the memory that a diffusion model needs, part by part. Exports
 * only.
 *
 * @module tensor-arena/models/diffusion
 */
export type { MotionSettings } from './blocks/motion-module.js';
export type { ClipDescription, ClipLayerSettings, ClipRun } from './families/clip.js';
export type { ClipVisionDescription } from './families/clip-vision.js';
export type { FluxDescription } from './families/flux.js';
export type { KlAutoencoderDescription } from './families/kl-autoencoder.js';
export type { MmditDescription } from './families/mmdit.js';
export type { T5Description } from './families/t5.js';
export type { MotionDescription, UnetDescription } from './families/unet.js';
export type { WanAutoencoderDescription } from './families/wan-autoencoder.js';
export type { WanDescription } from './families/wan.js';
export { identifyDiffusionModel } from './identify.js';
export {
  measureDiffusion,
  STABLE_DIFFUSION_CPP_COMMIT,
  type DiffusionMeasurement,
  type VaeMeasurement,
} from './measure-diffusion.js';
export type { AutoencoderDescription, DenoiserDescription, DiffusionEncoder, DiffusionModel } from './model.js';
export { DIFFUSION_MODELS, type DiffusionModelName } from './models.js';
export {
  DIFFUSION_TYPES,
  type DiffusionOptions,
  type DiffusionType,
  type ResolvedDiffusionOptions,
} from './options.js';
export type { PartMeasurement } from './part.js';
export type { Size } from './tiles.js';
