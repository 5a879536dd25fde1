/**
 * Llama and the models that are Llama but for a detail.
 */
import type { Tensor } from '../../tensor/tensor.js';
import { feedForward } from '../blocks/feed-forward.js';
import { frequencyFactors } from '../blocks/rope.js';
import { decoder } from '../decoder/decoder.js';
import type { DecoderRecipe } from '../decoder/recipe.js';
import { withAttention } from '../hyperparameters.js';
import type { Layer } from '../model-builder.js';

const LLAMA = {
  rope: { factors: 'by-scaling' },
  headRules: { isTurnedWhole: true },
  attention: { outputBias: 'optional', label: 'attn_out' },
  feedForward: { bias: 'optional', isScaled: true },
  experts: { isNormalised: true, isScaled: true, gate: 'optional' },
} satisfies DecoderRecipe;

/** Llama 1 to 3, Mixtral and the many models that are stored as one of them. */
export const llama = decoder(LLAMA);

/** Llama as an encoder: it has a cache, but tokens look at those of their batch. */
export const llamaEmbed = decoder({ ...LLAMA, cache: 'unread', output: { isUnread: true } });

/** The layers of Baichuan 7B, whose heads turn, and of Baichuan 13B, whose scores fall with the distance. */
const BAICHUAN_LAYERS = { '7B': 32, '13B': 40 };

export const baichuan = decoder({
  rope: { layers: ({ hp }) => hp.layerCount === BAICHUAN_LAYERS['7B'] },
  headRules: { isTurnedWhole: true },
  output: { weights: 'required' },
  adjust: (hp) => withAttention(hp, { alibiBias: hp.layerCount === BAICHUAN_LAYERS['13B'] ? 8 : 0 }),
});

/**
 * Refact: Llama without turns; scores fall with the distance. Files may hold Llama's biases and divisors of
 * frequencies, which no operation reads.
 */
export const refact = decoder({
  rope: null,
  attention: { outputBias: 'unread' },
  feedForward: refactNetwork,
  adjust: (hp) => withAttention(hp, { alibiBias: 8 }),
});

export const internlm2 = decoder({ headRules: { isTurnedWhole: true }, output: { weights: 'required' } });

export const xverse = decoder({ headRules: { isTurnedWhole: true }, output: { weights: 'required' } });

/** Arcee: a network without gate, by the square of relu. */
export const arcee = decoder({
  rope: { factors: 'plain' },
  headRules: { isTurnedWhole: true },
  attention: { label: 'attn_out' },
  feedForward: { activation: 'relu-squared', gate: 'none' },
});

/** Orion: Llama with layer normalisation. */
export const orion = decoder({
  norm: { kind: 'layer', bias: 'required' },
  headRules: { isTurnedWhole: true },
  output: { weights: 'required' },
});

/** SmolLM3: in every fourth layer, heads do not turn. */
export const smollm3 = decoder({
  rope: { layers: ({ index }) => (index + 1) % 4 !== 0 },
  headRules: { isTurnedWhole: true },
  attention: { label: 'attn_out' },
});

/** Seed-OSS: Qwen 2's layers, whose norm ahead of the network has another name. */
export const seedOss = decoder({
  rope: { mode: 'neox' },
  headRules: { isTurnedWhole: true },
  attention: { label: 'attn_out' },
  norms: { beforeFeedForward: { part: 'post_attention_norm', label: 'attn_post_norm' } },
});

/** Pangu Embedded: divisors of the frequencies are loaded, but no operation reads them. */
export const panguEmbedded = decoder({
  rope: { mode: 'neox' },
  headRules: { isTurnedWhole: true },
  attention: { outputBias: 'required' },
  labels: { feedForward: null },
  end: (m) => {
    for (const s of m.layers()) frequencyFactors(s, 'by-scaling');
  },
});

/** A dense network; in a mixture no matrix is read, so that only its non-linearity remains. */
function refactNetwork(s: Layer, x: Tensor): Tensor {
  const { hp, feedForwardLength: length } = s;
  frequencyFactors(s, 'by-scaling');
  if (hp.experts === null) return feedForward(s, x, length, { bias: 'unread' });
  const { count } = hp.experts;
  s.weight('ffn_gate_inp.weight', [x.ne[0], count]);
  s.optionalWeight('ffn_gate_exps.weight', [x.ne[0], length, count]);
  s.weight('ffn_down_exps.weight', [length, x.ne[0], count]);
  s.weight('ffn_up_exps.weight', [x.ne[0], length, count]);
  return feedForward(s, x, length, { presence: 'none' });
}

/** MiniCPM: Llama with factors of the embeddings, of what layers add, and of the scores. */
export const minicpm = decoder({
  rope: { factors: 'by-scaling' },
  headRules: { isTurnedWhole: true },
  attention: { outputBias: 'optional', label: 'attn_out' },
  feedForward: { bias: 'optional' },
  experts: { isNormalised: true, gate: 'optional' },
  scales: {
    embedding: 12,
    residual: ({ layerCount }) => 1.4 / Math.sqrt(layerCount),
    logits: ({ embeddingLength }) => 256 / embeddingLength,
    dividesLogits: true,
  },
});

/** Maincoder: heads are normalised after they have turned. */
export const maincoder = decoder({
  rope: { labels: { q: null, k: null } },
  headRules: { isTurnedWhole: true },
  attention: { headNorms: { isAfterTurn: true, label: null } },
});
