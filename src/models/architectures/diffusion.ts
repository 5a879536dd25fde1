/**
 * Text diffusion: models that write all tokens of a text at once, each of which sees all others. Nothing is cached.
 */
import { decoder } from '../decoder/decoder.js';
import type { DecoderRecipe } from '../decoder/recipe.js';

const DIFFUSION = {
  cache: 'none',
  isCausal: false,
  headRules: { isTurnedWhole: true },
} satisfies DecoderRecipe;

/** Dream: Qwen 2 without a cache; a bias of the scores is loaded, but not read. */
export const dream = decoder({
  ...DIFFUSION,
  headRules: { isTurnedWhole: true, isAsWideAsEmbedding: true },
  rope: { mode: 'neox' },
  end: (m) => {
    m.top.optionalWeight('output.bias', [m.hp.vocabularySize]);
  },
});

/** LLaDA: Llama without a cache; biases and divisors of the frequencies are loaded, but not read. */
export const llada = decoder({
  ...DIFFUSION,
  attention: { matrices: 'separate', bias: 'none' },
  end: (m) => {
    for (const s of m.layers()) {
      for (const part of ['attn_output', 'ffn_down']) s.optionalWeight(`${part}.bias`, [m.hp.embeddingLength]);
      for (const part of ['ffn_gate', 'ffn_up']) s.optionalWeight(`${part}.bias`, [s.feedForwardLength]);
      m.top.optionalWeight('rope_freqs.weight', [Math.floor(s.heads.ropeLength / 2)], s.index);
    }
  },
});

/** LLaDA MoE: normalised heads, and a mixture of experts. */
export const lladaMoe = decoder({
  ...DIFFUSION,
  headRules: { isTurnedWhole: true, isAsWideAsEmbedding: true },
  rope: { mode: 'neox' },
  attention: { headNorms: {} },
  experts: { isRequired: true, length: 'own-or-split' },
  output: { weights: 'required' },
});

/** RND1: Qwen 3 MoE without a cache. */
export const rnd1 = decoder({
  ...DIFFUSION,
  rope: { mode: 'neox' },
  attention: { headNorms: {} },
  experts: { isRequired: true, length: 'own-or-split', isNormalised: true },
});
