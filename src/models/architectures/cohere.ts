/**
 * Cohere's models: attention and network side by side, layer normalisation without biases.
 */
import { decoder } from '../decoder/decoder.js';
import type { DecoderRecipe } from '../decoder/recipe.js';

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
  scales: { logits: 0 },
});

/** Command R7B: heads turn only in layers with a window. */
export const cohere2 = decoder({
  ...COHERE,
  rope: { layers: (s) => s.heads.isWindowed },
  window: { period: 4 },
  feedForward: { isScaled: true },
  scales: { logits: 'required' },
});
