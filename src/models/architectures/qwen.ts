/**
 * The Qwen family: halves of a head turn together; biases in the first generations, normalised heads from the third on.
 */
import { decoder } from '../decoder/decoder.js';
import type { DecoderRecipe } from '../decoder/recipe.js';

/** Qwen 1.5 to 2.5. */
export const qwen2 = decoder({
  rope: { mode: 'neox' },
  headRules: { isTurnedWhole: true, isAsWideAsEmbedding: true },
  output: { bias: 'optional' },
});

const QWEN3 = {
  rope: { mode: 'neox' },
  headRules: { isTurnedWhole: true },
  attention: { headNorms: {} },
  feedForward: { isScaled: true },
} satisfies DecoderRecipe;

/** Rerankers have a head that scores whole texts. */
export const qwen3 = decoder({ ...QWEN3, classifier: { isShared: true } });

export const qwen3moe = decoder({
  ...QWEN3,
  experts: { isRequired: true, length: 'own-or-split', isNormalised: true, isScaled: true },
});

/** Qwen 1: half as wide a network as the file says. */
export const qwen = decoder({
  rope: { mode: 'neox' },
  attention: { matrices: 'fused', bias: 'required' },
  output: { weights: 'required' },
  adjust: (hp) => ({ ...hp, feedForwardLengths: hp.feedForwardLengths.map((length) => Math.floor(length / 2)) }),
});

export const qwen2moe = decoder({
  rope: { mode: 'neox' },
  headRules: { isTurnedWhole: true },
  experts: {
    isRequired: true,
    length: 'own-or-split',
    shared: { length: 'own-or-whole', gate: 'quotient' },
  },
  output: { weights: 'required' },
});
