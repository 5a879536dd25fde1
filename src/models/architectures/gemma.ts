/**
 * The Gemma family: embeddings scaled by their width, a network gated by gelu; norms on both sides from the second
 * generation on.
 */
import { decoder } from '../decoder/decoder.js';
import type { DecoderRecipe, NormPlaces } from '../decoder/recipe.js';
import type { Hyperparameters, Projection } from '../hyperparameters.js';
import type { MetadataReader } from '../metadata-reader.js';
import type { Layer } from '../model-builder.js';

const BEFORE_AND_AFTER: NormPlaces = {
  afterAttention: { part: 'post_attention_norm', label: 'attn_post_norm' },
  afterFeedForward: { part: 'post_ffw_norm', label: 'ffn_post_norm', isLabelledOutside: 'inner' },
};

const BEFORE_AND_AFTER_OUTSIDE: NormPlaces = {
  ...BEFORE_AND_AFTER,
  afterFeedForward: { part: 'post_ffw_norm', label: 'ffn_post_norm', isLabelledOutside: 'both' },
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
  norms: BEFORE_AND_AFTER_OUTSIDE,
  labels: { attentionSum: 'sa_out' },
  feedForward: { activation: 'gelu' },
  scales: { attentionSoftcap: 50, logitSoftcap: 30 },
  output: { weights: 'none' },
});

const GEMMA3 = {
  embedding: { scaled: 'inp_scaled' },
  rope: { mode: 'neox' },
  labels: { attentionSum: 'sa_out' },
  feedForward: { activation: 'gelu' },
} satisfies DecoderRecipe;

/** Gemma 3: normalised heads in place of Gemma 2's capped scores, a window in five of six layers. */
export const gemma3 = decoder({
  ...GEMMA3,
  window: { tokens: 'none', period: 6, freqBase: 10000, isStretched: false },
  attention: { headNorms: {}, scale: scaleUnless27B(62), scaledQuery: null },
  norms: BEFORE_AND_AFTER,
  scales: { logitSoftcap: 0 },
});

/** EmbeddingGemma: an encoder, whose embeddings may go through two more matrices. */
export const gemmaEmbedding = decoder({
  ...GEMMA3,
  cache: 'none',
  isCausal: false,
  window: { period: 6, freqBase: 10000, isStretched: false },
  attention: { headNorms: {}, scaledQuery: null },
  norms: BEFORE_AND_AFTER_OUTSIDE,
  output: { isUnread: true },
  adjust: withProjections,
});

/** @throws PlannerError `BAD_MODEL` */
function withProjections(hp: Hyperparameters, reader: MetadataReader): Hyperparameters {
  const { embeddingLength } = hp;
  const length = (key: string): number => reader.integer(key, 0);
  for (const key of ['dense_2_feat_in', 'dense_3_feat_out']) {
    if (![0, embeddingLength].includes(length(key)))
      reader.refuse(key, `${embeddingLength}, the length of an embedding`);
  }
  const projections: readonly Projection[] = [
    { part: 'dense_2', ne: [embeddingLength, length('dense_2_feat_out')] },
    { part: 'dense_3', ne: [length('dense_3_feat_in'), embeddingLength] },
  ];
  return { ...hp, projections };
}

export const gemma = decoder({
  embedding: { scaled: 'inp_scaled' },
  rope: { mode: 'neox' },
  attention: { scaledQuery: 'Qcur_scaled' },
  labels: { attentionSum: 'sa_out' },
  feedForward: { activation: 'gelu' },
  output: { weights: 'none' },
});
