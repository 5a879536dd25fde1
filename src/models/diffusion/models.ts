/**
 * The models that are known by name: the numbers of each as a row.
 *
 * The numbers are those of stable-diffusion.cpp's `UNetConfig`, `MMDiTConfig`, `FluxConfig`, `WanConfig`, of its text
 * encoders and autoencoders, for the public files of each model.
 */
import type { DiffusionModel } from './model.js';
import { KL_16, KL_4, WAN_VAE, WAN_VAE_22 } from './rows/autoencoders.js';
import {
  FIRST_FRAME,
  FLUX_DEV,
  MMDIT,
  MOTION,
  UNET_15,
  UNET_21,
  UNET_SSD,
  UNET_VEGA,
  UNET_XL,
  WAN_14B,
} from './rows/denoisers.js';
import {
  ALL_ROWS,
  clip,
  CLIP_G,
  CLIP_H,
  CLIP_L,
  CLIP_VISION_H,
  EARLIER_ROWS,
  SUMMARY,
  t5,
  T5_XXL,
  UMT5_XXL,
} from './rows/encoders.js';

const SD_15: DiffusionModel = {
  encoders: [clip('clip-l', CLIP_L, ALL_ROWS)],
  denoiser: UNET_15,
  denoiserNames: ['unet'],
  autoencoder: KL_4,
  convolutionScale: 1,
  pixelsPerLatent: 8,
  sizeMultiple: 64,
  rowsPerChunk: 77,
  references: 0,
};
const SDXL: DiffusionModel = {
  ...SD_15,
  encoders: [clip('clip-l', CLIP_L, EARLIER_ROWS), clip('clip-g', CLIP_G, EARLIER_ROWS, SUMMARY)],
  denoiser: UNET_XL,
  convolutionScale: 1 / 32,
};
const SD_3: DiffusionModel = {
  ...SD_15,
  encoders: [
    clip('clip-l', CLIP_L, EARLIER_ROWS, SUMMARY),
    clip('clip-g', CLIP_G, EARLIER_ROWS, SUMMARY),
    t5('t5xxl', T5_XXL, 77),
  ],
  denoiser: MMDIT,
  denoiserNames: ['mmdit'],
  autoencoder: KL_16,
  sizeMultiple: 8,
  rowsPerChunk: 154,
};
const FLUX: DiffusionModel = {
  ...SD_3,
  encoders: [clip('clip-l', CLIP_L, SUMMARY), t5('t5xxl', T5_XXL, 256)],
  denoiser: FLUX_DEV,
  denoiserNames: ['flux'],
  rowsPerChunk: 256,
};
const WAN: DiffusionModel = {
  ...SD_3,
  encoders: [t5('umt5xxl', UMT5_XXL, 512)],
  denoiser: WAN_14B,
  denoiserNames: ['wan'],
  autoencoder: WAN_VAE,
  sizeMultiple: 16,
  rowsPerChunk: 512,
};
const TWO_EXPERTS = ['wan-high-noise', 'wan-low-noise'] as const;
const motion = (hasMiddle: boolean): DiffusionModel => ({
  ...SD_15,
  denoiser: { ...UNET_15, motion: { ...MOTION, hasMiddle } },
});

/** The models that are known by name. */
export const DIFFUSION_MODELS = {
  'sd1.5': SD_15,
  'sd1.5-inpaint': { ...SD_15, denoiser: { ...UNET_15, conditionChannels: 5 } },
  'sd1.5-animatediff-v2': motion(true),
  'sd1.5-animatediff-v3': motion(false),
  'sd2.1': {
    ...SD_15,
    encoders: [clip('clip-h', CLIP_H, { ...EARLIER_ROWS, hasFinalNorm: true })],
    denoiser: UNET_21,
  },
  sdxl: SDXL,
  'ssd-1b': { ...SDXL, denoiser: UNET_SSD },
  'segmind-vega': { ...SDXL, denoiser: UNET_VEGA },
  'sd3-medium': SD_3,
  'sd3.5-medium': { ...SD_3, denoiser: { ...MMDIT, dualLayers: 13, hasHeadNorm: true, positionSize: 384 } },
  'sd3.5-large': { ...SD_3, denoiser: { ...MMDIT, length: 2432, layers: 38, hasHeadNorm: true } },
  'flux1-dev': FLUX,
  'flux1-schnell': { ...FLUX, denoiser: { ...FLUX_DEV, hasGuidance: false } },
  'flux1-fill': { ...FLUX, denoiser: { ...FLUX_DEV, conditions: [16, 64] } },
  'flux1-control': { ...FLUX, denoiser: { ...FLUX_DEV, conditions: [16] } },
  'flux1-kontext': { ...FLUX, references: 1 },
  'wan2.1-t2v-1.3b': {
    ...WAN,
    denoiser: { ...WAN_14B, length: 1536, feedForwardLength: 8960, heads: 12, layers: 30 },
  },
  'wan2.1-t2v-14b': WAN,
  'wan2.1-i2v-14b': {
    ...WAN,
    encoders: [...WAN.encoders, { name: 'clip-vision-h', description: CLIP_VISION_H }],
    denoiser: { ...WAN_14B, conditionChannels: FIRST_FRAME, imageContext: { tokens: 257, length: 1280 } },
  },
  'wan2.2-t2v-14b': { ...WAN, denoiserNames: TWO_EXPERTS },
  'wan2.2-i2v-14b': {
    ...WAN,
    denoiser: { ...WAN_14B, conditionChannels: FIRST_FRAME },
    denoiserNames: TWO_EXPERTS,
  },
  'wan2.2-ti2v-5b': {
    ...WAN,
    denoiser: {
      ...WAN_14B,
      latentChannels: 48,
      length: 3072,
      feedForwardLength: 14336,
      heads: 24,
      layers: 30,
      hasFrameTimes: true,
    },
    autoencoder: WAN_VAE_22,
    pixelsPerLatent: 16,
    sizeMultiple: 32,
  },
} as const satisfies Readonly<Record<string, DiffusionModel>>;

/** The name of a model that is known. @useDeclaredType */
export type DiffusionModelName = keyof typeof DIFFUSION_MODELS;
