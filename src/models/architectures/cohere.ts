/**
 * Cohere's models: attention and network side by side, layer normalisation without biases.
 */
import type { Tensor } from '../../tensor/tensor.js';
import { expertFeedForward } from '../blocks/expert-feed-forward.js';
import { feedForward } from '../blocks/feed-forward.js';
import { hasExperts, type MixtureRecipe } from '../blocks/mixture.js';
import { decoder } from '../decoder/decoder.js';
import type { DecoderRecipe } from '../decoder/recipe.js';
import type { Hyperparameters } from '../hyperparameters.js';
import type { MetadataReader } from '../metadata-reader.js';
import type { Layer } from '../model-builder.js';

/** Attention and network read the same normalised input. */
const COHERE = {
  norm: { kind: 'layer' },
  residual: { feedForwardReads: 'attention-input', sum: ['feed-forward', 'residual', 'attention'] },
  output: { weights: 'none' },
} satisfies DecoderRecipe;

/** Models of 64 layers and more normalise each head with weights of its own. */
const NORMED_LAYERS = 64;

export const commandR = decoder({
  ...COHERE,
  attention: {
    headNorms: {
      span: 'own',
      label: null,
      isUsed: ({ hp }) => hp.layerCount >= NORMED_LAYERS,
    },
  },
  scales: { logits: 0, skipsZeroLogits: true },
});

/** Command R7B: heads turn only in layers with a window. */
export const cohere2 = decoder({
  ...COHERE,
  rope: { layers: (s) => s.heads.isWindowed },
  window: { period: 4 },
  feedForward: { isScaled: true },
  scales: { logits: 'required', skipsZeroLogits: true },
});

const EXPERTS: MixtureRecipe = {
  isRequired: true,
  layers: 'after-leading',
  length: 'own-or-whole',
  gating: { ifUnsaid: 'sigmoid' },
  isNormalised: 'read',
  readsScale: true,
  fusedGate: 'optional',
  isScaled: true,
  shared: { length: 'own' },
};

/** Command A's mixture of experts: the mean of chosen and shared experts; the first layers are dense and turn. */
export const cohere2moe = decoder({
  norm: (reader) => ({ kind: reader.number('attention.layer_norm_rms_epsilon', 0) === 0 ? 'layer' : 'rms' }),
  rope: {
    factors: 'plain',
    layers: ({ hp, heads, index }) => heads.isWindowed || index < hp.experts!.denseLayers,
  },
  window: { period: 'listed', fullLayer: 'first' },
  headRules: { isTurnedWhole: true },
  residual: { feedForwardReads: 'attention-input', sum: ['feed-forward', 'residual', 'attention'] },
  labels: { feedForward: null },
  feedForward: denseOrExperts,
  experts: EXPERTS,
  scales: { logits: 'required', skipsZeroLogits: true },
  keepsWantedAfter: 'final-norm',
  predicts: 'cached',
  prediction: { layer: { rope: { factors: 'plain' } } },
  predictTensors: 'all-or-none',
  output: { product: 'adapted' },
  adjust: readSharedLength,
});

function readSharedLength(hp: Hyperparameters, reader: MetadataReader): Hyperparameters {
  reader.integer('expert_feed_forward_length');
  reader.integer('leading_dense_block_count');
  const count = reader.integer('expert_shared_count', 0);
  const { length, sharedLength } = hp.experts!;
  const shared = count === 0 ? 0 : sharedLength || length * count;
  return { ...hp, experts: { ...hp.experts!, sharedLength: shared } };
}

function denseOrExperts(s: Layer, x: Tensor): Tensor {
  if (!hasExperts(s, EXPERTS)) return s.named(feedForward(s, x, s.feedForwardLength, { isScaled: true }), 'ffn_out');
  const experts = s.hp.experts!;
  const routed = expertFeedForward(s, x, { ...EXPERTS, ...experts, experts });
  if (experts.sharedLength === 0) return routed;
  const network = { suffix: '_shexp', isScaled: true };
  const shared = s.named(feedForward(s, x, experts.sharedLength, network), 'ffn_shexp');
  return s.named(s.ctx.scale(s.ctx.add(routed, shared), 0.5), 'ffn_out');
}
