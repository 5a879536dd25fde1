/**
 * The numbers of the diffusion models proper.
 */
import type { FluxDescription } from '../families/flux.js';
import type { MmditDescription } from '../families/mmdit.js';
import type { MotionDescription, UnetDescription } from '../families/unet.js';
import type { WanDescription } from '../families/wan.js';

export const UNET_15: UnetDescription = {
  kind: 'unet',
  latentChannels: 4,
  conditionChannels: 0,
  channels: 320,
  multipliers: [1, 2, 4, 4],
  depthsDown: [
    [1, 1],
    [1, 1],
    [1, 1],
    [0, 0],
  ],
  depthMiddle: 1,
  depthsUp: [
    [1, 1, 1],
    [1, 1, 1],
    [1, 1, 1],
    [0, 0, 0],
  ],
  heads: { count: 8 },
  contextLength: 768,
  vectorLength: 0,
  hasLinearProjection: false,
  motion: null,
};
export const UNET_21: UnetDescription = {
  ...UNET_15,
  heads: { length: 64 },
  contextLength: 1024,
  hasLinearProjection: true,
};
export const UNET_XL: UnetDescription = {
  ...UNET_21,
  multipliers: [1, 2, 4],
  depthsDown: [
    [0, 0],
    [2, 2],
    [10, 10],
  ],
  depthMiddle: 10,
  depthsUp: [
    [0, 0, 0],
    [2, 2, 2],
    [10, 10, 10],
  ],
  contextLength: 2048,
  vectorLength: 2816,
};
export const UNET_SSD: UnetDescription = {
  ...UNET_XL,
  depthsDown: [
    [0, 0],
    [2, 2],
    [4, 4],
  ],
  depthMiddle: 0,
  depthsUp: [
    [0, 0, 0],
    [2, 1, 1],
    [4, 4, 10],
  ],
};
export const UNET_VEGA: UnetDescription = {
  ...UNET_XL,
  depthsDown: [
    [0, 0],
    [1, 1],
    [2, 2],
  ],
  depthMiddle: 0,
  depthsUp: [
    [0, 0, 0],
    [1, 1, 1],
    [2, 2, 2],
  ],
};
export const MOTION: MotionDescription = { heads: 8, maxFrames: 32, hasMiddle: false };

export const MMDIT: MmditDescription = {
  kind: 'mmdit',
  latentChannels: 16,
  patch: 2,
  length: 1536,
  layers: 24,
  contextLength: 4096,
  vectorLength: 2048,
  positionSize: 192,
  dualLayers: 0,
  hasHeadNorm: false,
};

export const FLUX_DEV: FluxDescription = {
  kind: 'flux',
  latentChannels: 16,
  conditions: [],
  patch: 2,
  length: 3072,
  heads: 24,
  doubleLayers: 19,
  singleLayers: 38,
  contextLength: 4096,
  vectorLength: 768,
  hasGuidance: true,
};

export const WAN_14B: WanDescription = {
  kind: 'wan',
  latentChannels: 16,
  conditionChannels: 0,
  patch: [2, 2, 1],
  length: 5120,
  feedForwardLength: 13824,
  heads: 40,
  layers: 40,
  contextLength: 4096,
  hasFrameTimes: false,
  imageContext: null,
};
/** Mask and latent image of the first frame. */
export const FIRST_FRAME = 20;
