/**
 * The Qwen family: halves of a head turn together; biases in the first generations, normalised heads from the third on.
 */
import { decoder } from '../decoder/decoder.js';
import type { DecoderRecipe } from '../decoder/recipe.js';
import type { Hyperparameters } from '../hyperparameters.js';

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

interface Qwen3Hyperparameters extends Hyperparameters {
  /** Scores that a re-ranking head gives. */
  readonly classCount: number;
}

export const qwen3 = decoder<Qwen3Hyperparameters>({
  ...QWEN3,
  adjust: (hp, reader) => ({ ...hp, classCount: reader.listLength('classifier.output_labels') || 1 }),
  // A head that scores whole texts, as in rerankers, is loaded, but no operation reads it.
  end: (m) => {
    m.top.optionalWeight('cls.output.weight', [m.hp.embeddingLength, m.hp.classCount]);
  },
});

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
