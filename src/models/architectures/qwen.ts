/**
 * The Qwen family: halves of a head turn together; biases in the first generations, normalised heads from the third on.
 */
import { deepstackRows } from '../blocks/inputs.js';
import { decoder, decoderLayer } from '../decoder/decoder.js';
import type { BlockMaker, DecoderRecipe } from '../decoder/recipe.js';
import type { Hyperparameters } from '../hyperparameters.js';
import type { MetadataReader } from '../metadata-reader.js';

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

/** Qwen 2 VL: a token turns with four positions. */
export const qwen2vl = decoder({
  rope: { mode: 'mrope', sections: 'required' },
  headRules: { isTurnedWhole: true, isAsWideAsEmbedding: true },
  // A bias of the output is loaded, but no operation reads it.
  end: (m) => {
    m.top.optionalWeight('output.bias', [m.hp.vocabularySize]);
  },
});

const QWEN3VL = {
  rope: { mode: 'imrope', sections: 'required' },
  headRules: { isTurnedWhole: true },
  attention: { headNorms: {} },
} satisfies DecoderRecipe;

/** The first layers add further embeddings of an image to their results. */
function withDeepstack(recipe: DecoderRecipe): BlockMaker<Hyperparameters> {
  return (m, inputs) => {
    const layer = decoderLayer(recipe)(m, inputs);
    return (s, x) => {
      const result = layer(s, x);
      if (s.index >= m.hp.deepstackCount) return result;
      return s.named(m.ctx.add(result, deepstackRows(s, inputs.rows, s.index + 1)), 'deepstack_out');
    };
  };
}

function readDeepstack(hp: Hyperparameters, reader: MetadataReader): Hyperparameters {
  return { ...hp, deepstackCount: reader.integer('n_deepstack_layers', 0) };
}

export const qwen3vl = decoder({
  ...QWEN3VL,
  classifier: { isShared: true },
  layer: withDeepstack(QWEN3VL),
  adjust: readDeepstack,
});

/** Qwen 3 that writes speech: the language model of Qwen 3 VL, which scores codes of sound instead of tokens. */
export const qwen3tts = decoder({
  ...QWEN3VL,
  classifier: {},
  output: { length: 3072 },
  layer: withDeepstack(QWEN3VL),
  adjust: readDeepstack,
});

const QWEN3VLMOE = {
  ...QWEN3VL,
  experts: { isRequired: true, length: 'own-or-split', isNormalised: true },
} satisfies DecoderRecipe;

export const qwen3vlmoe = decoder({ ...QWEN3VLMOE, layer: withDeepstack(QWEN3VLMOE), adjust: readDeepstack });
