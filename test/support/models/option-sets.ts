/**
 * Sets of options that sizes of llama.cpp were recorded with, as a library, each with something odd about it.
 */
import type { ModelOptions } from '../../../src/models/options.js';

const SETS: Readonly<Record<string, ModelOptions>> = {
  plain: { ctxSize: 4096 },
  'no-flash-attention': { ctxSize: 4096, flashAttention: false },
  'three-sequences': { ctxSize: 10000, ubatchSize: 2048, parallel: 3, flashAttention: true },
  'shared-cache': { ctxSize: 8192, ubatchSize: 256, parallel: 4, kvUnified: true, flashAttention: false },
  quantised: { ctxSize: 16384, cacheTypeK: 'q8_0', cacheTypeV: 'q8_0', parallel: 2, outputs: 2 },
  'full-window': {
    ctxSize: 2000,
    batchSize: 300,
    ubatchSize: 0,
    swaFull: true,
    cacheTypeK: 'bf16',
    cacheTypeV: 'bf16',
  },
};

export const OPTION_SETS: Readonly<Record<string, ModelOptions>> = Object.fromEntries(
  Object.entries(SETS).map(([name, options]) => [name, { program: 'library', ...options }]),
);
