/**
 * The Gemma family: embeddings scaled by their width, a network gated by gelu; norms on both sides from the second
 * generation on.
 */
import { decoder } from '../decoder/decoder.js';
import type { NormPlaces } from '../decoder/recipe.js';
import type { Layer } from '../model-builder.js';

const BEFORE_AND_AFTER: NormPlaces = {
  afterAttention: { part: 'post_attention_norm', label: 'attn_post_norm' },
  afterFeedForward: { part: 'post_ffw_norm', label: 'ffn_post_norm', isLabelledOutside: 'inner' },
};

/** The 27B models scale by the width per head, not by the head's length. */
function scaleUnless27B(layersOf27B: number): (s: Layer) => number {
  return ({ hp, heads: { headCount, keyLength } }) => {
    const is27B = hp.layerCount === layersOf27B;
    return 1 / Math.sqrt(is27B ? Math.floor(hp.embeddingLength / headCount) : keyLength);
  };
}

/** Gemma 2: a window in every other layer, and scores that approach a limit. */
export const gemma2 = decoder({
  embedding: { scaled: 'inp_scaled' },
  rope: { mode: 'neox' },
  window: { tokens: 4096, period: 2, freqBase: 'same' },
  attention: { scale: scaleUnless27B(46), scaledQuery: null },
  norms: {
    ...BEFORE_AND_AFTER,
    afterFeedForward: { part: 'post_ffw_norm', label: 'ffn_post_norm', isLabelledOutside: 'both' },
  },
  labels: { attentionSum: 'sa_out' },
  feedForward: { activation: 'gelu' },
  scales: { attentionSoftcap: 50, logitSoftcap: 30 },
  output: { weights: 'none' },
});

/** Gemma 3: normalised heads in place of Gemma 2's capped scores, a window in five of six layers. */
export const gemma3 = decoder({
  embedding: { scaled: 'inp_scaled' },
  rope: { mode: 'neox' },
  window: { tokens: 'none', period: 6, freqBase: 10000, isStretched: false },
  attention: { headNorms: {}, scale: scaleUnless27B(62), scaledQuery: null },
  norms: BEFORE_AND_AFTER,
  labels: { attentionSum: 'sa_out' },
  feedForward: { activation: 'gelu' },
  scales: { logitSoftcap: 0 },
});

export const gemma = decoder({
  embedding: { scaled: 'inp_scaled' },
  rope: { mode: 'neox' },
  attention: { scaledQuery: 'Qcur_scaled' },
  labels: { attentionSum: 'sa_out' },
  feedForward: { activation: 'gelu' },
  output: { weights: 'none' },
});
