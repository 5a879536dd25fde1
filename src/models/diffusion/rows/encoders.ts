/**
 * The numbers of the encoders of prompts and images, and the runs that models make of them.
 */
import type { ClipDescription, ClipRun } from '../families/clip.js';
import type { ClipVisionDescription } from '../families/clip-vision.js';
import type { T5Description } from '../families/t5.js';
import type { DiffusionEncoder } from '../model.js';

export const CLIP_L: ClipDescription = {
  kind: 'clip',
  tokens: 77,
  vocabulary: 49408,
  length: 768,
  feedForwardLength: 3072,
  heads: 12,
  layers: 12,
  projectionLength: null,
  isQuick: true,
};
export const CLIP_G: ClipDescription = {
  ...CLIP_L,
  length: 1280,
  feedForwardLength: 5120,
  heads: 20,
  layers: 32,
  projectionLength: 1280,
  isQuick: false,
};
export const CLIP_H: ClipDescription = {
  ...CLIP_L,
  length: 1024,
  feedForwardLength: 4096,
  heads: 16,
  layers: 24,
  isQuick: false,
};
export const CLIP_VISION_H: ClipVisionDescription = {
  kind: 'clip-vision',
  size: 224,
  patch: 14,
  length: 1280,
  feedForwardLength: 5120,
  heads: 16,
  layers: 32,
  isQuick: false,
};
export const T5_XXL: T5Description = {
  kind: 't5',
  vocabulary: 32128,
  length: 4096,
  feedForwardLength: 10240,
  heads: 64,
  layers: 24,
  hasOwnDistances: false,
  isMasked: false,
};
export const UMT5_XXL: T5Description = { ...T5_XXL, vocabulary: 256384, hasOwnDistances: true, isMasked: true };

/** Rows of all tokens, out of the last layer. */
export const ALL_ROWS: ClipRun = { skippedLayers: 0, hasFinalNorm: true, isPooled: false };
/** Rows of all tokens, out of the last layer but one. */
export const EARLIER_ROWS: ClipRun = { skippedLayers: 1, hasFinalNorm: false, isPooled: false };
/** The summary of the prompt. */
export const SUMMARY: ClipRun = { skippedLayers: 0, hasFinalNorm: true, isPooled: true };

export const clip = (name: string, description: ClipDescription, ...runs: ClipRun[]): DiffusionEncoder => ({
  name,
  description,
  runs,
});
export const t5 = (name: string, description: T5Description, tokens: number): DiffusionEncoder => ({
  name,
  description,
  tokens,
});
