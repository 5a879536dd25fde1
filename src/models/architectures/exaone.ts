/**
 * The EXAONE family: normalised heads from the fourth generation on.
 */
import { decoder } from '../decoder/decoder.js';
import type { WindowRecipe } from '../sliding-window.js';
import { withWindow } from '../sliding-window.js';

/** Layers of EXAONE 4 32B, the only one of its generation with a window. */
const LAYERS_OF_32B = 64;

const WINDOW_OF_32B: WindowRecipe = { tokens: 4096, period: 4, freqBase: 'same' };

/** EXAONE 4: norms behind attention and network; in the 32B model heads turn only in layers with a window. */
export const exaone4 = decoder({
  rope: {
    mode: 'neox',
    factors: 'plain',
    layers: ({ heads, hp }) => heads.isWindowed || hp.attention.window === null,
  },
  headRules: { isTurnedWhole: true, isAsWideAsEmbedding: true },
  attention: { headNorms: {}, label: 'attn_out' },
  norms: {
    beforeAttention: null,
    afterAttention: { part: 'post_attention_norm', label: 'attn_post_norm' },
    beforeFeedForward: null,
    afterFeedForward: { part: 'post_ffw_norm', label: 'ffn_post_norm', isLabelledOutside: 'both' },
  },
  predicts: 'cached',
  adjust: (hp, reader) => (hp.layerCount === LAYERS_OF_32B ? withWindow(reader, hp, WINDOW_OF_32B) : hp),
});

/** K-EXAONE: a mixture of experts after the first layers; heads turn only in layers with a window. */
export const exaonemoe = decoder({
  rope: { mode: 'neox', factors: 'plain', layers: (s) => s.heads.isWindowed },
  window: { period: 4, countsPredictLayers: true },
  headRules: { isTurnedWhole: true },
  attention: { headNorms: {}, label: 'attn_out' },
  experts: {
    isRequired: true,
    layers: ({ experts, layerCount }, layer) => layer >= experts!.denseLayers && layer < layerCount,
    length: 'own',
    gating: { ifUnsaid: null },
    isNormalised: 'read',
    readsScale: true,
    selectionBias: 'optional',
    shared: { length: 'own-or-expert' },
  },
  predicts: 'cached',
  output: { weights: 'required' },
});

/** EXAONE 3: Llama whose heads turn by halves. */
export const exaone = decoder({
  rope: { mode: 'neox', factors: 'plain' },
  headRules: { isTurnedWhole: true },
});
