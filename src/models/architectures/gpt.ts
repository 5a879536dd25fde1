/**
 * The models of the GPT line.
 */
import { decoder } from '../decoder/decoder.js';
import { withAttention, type Hyperparameters } from '../hyperparameters.js';

interface NeoxHyperparameters extends Hyperparameters {
  /** Whether attention and network read the residual side by side. */
  readonly isParallel: boolean;
}

/** GPT-2: learned positions, layer normalisation and biases everywhere. */
export const gpt2 = decoder({
  norm: { kind: 'layer', bias: 'required' },
  embedding: { positions: 'required' },
  rope: null,
  headRules: { isAsWideAsEmbedding: true },
  attention: { matrices: 'fused', bias: 'required', outputBias: 'required' },
  feedForward: { activation: 'gelu', gate: 'none', bias: 'required' },
});

/** gpt-oss: a mixture of experts with biases everywhere, attention sinks, and a window in every other layer. */
export const gptOss = decoder({
  rope: { mode: 'neox' },
  window: { period: 2, freqBase: 'same' },
  headRules: { isTurnedWhole: true },
  attention: {
    scale: (s) => 1 / Math.sqrt(s.heads.ropeLength),
    sinks: 'required',
    outputBias: 'required',
    label: 'attn_out',
  },
  norms: { beforeFeedForward: { part: 'post_attention_norm', label: 'attn_post_norm' } },
  experts: {
    isRequired: true,
    length: 'own',
    gating: 'softmax-of-chosen',
    bias: 'required',
    activation: 'swiglu-oai',
  },
  output: { weights: 'required' },
  keepsWantedAfter: 'layers',
});

/** StarCoder: GPT-2 with few key heads. */
export const starcoder = decoder({
  norm: { kind: 'layer', bias: 'required' },
  embedding: { positions: 'required' },
  rope: null,
  attention: { matrices: 'fused', bias: 'required', outputBias: 'required' },
  feedForward: { activation: 'gelu', gate: 'none', bias: 'required' },
});

/** StarCoder 2: its heads turn. */
export const starcoder2 = decoder({
  norm: { kind: 'layer', bias: 'required' },
  rope: { mode: 'neox' },
  headRules: { isTurnedWhole: true },
  attention: { outputBias: 'required' },
  feedForward: { activation: 'gelu', gate: 'none', bias: 'required' },
});

/** CodeShell: StarCoder 2 whose output's matrix may serve as the embedding, too. */
export const codeshell = decoder({
  norm: { kind: 'layer', bias: 'required' },
  embedding: { weights: 'optional' },
  rope: { mode: 'neox' },
  headRules: { isTurnedWhole: true, isAsWideAsEmbedding: true },
  attention: { outputBias: 'required' },
  feedForward: { activation: 'gelu', gate: 'none', bias: 'required' },
  output: { weights: 'required' },
});

/** GPT-NeoX: if the file says so, attention and network side by side, each with a norm of its own. */
export const gptneox = decoder<NeoxHyperparameters>({
  norm: { kind: 'layer', bias: 'required' },
  rope: { mode: 'neox' },
  attention: { matrices: 'fused', bias: 'required', outputBias: 'required' },
  residual: (hp) =>
    hp.isParallel
      ? { feedForwardReads: 'own-norm', sum: ['feed-forward', 'residual', 'attention'], label: 'ffn_out' }
      : null,
  feedForward: { activation: 'gelu', gate: 'none', bias: 'required' },
  output: { weights: 'required' },
  adjust: (hp, reader) => ({ ...hp, isParallel: reader.flag('use_parallel_residual') }),
});

/** BLOOM: normalised embeddings, and scores that fall with the distance. */
export const bloom = decoder({
  norm: { kind: 'layer', bias: 'required' },
  embedding: { isNormalised: true },
  rope: null,
  attention: { matrices: 'fused', bias: 'required', outputBias: 'required' },
  feedForward: { activation: 'gelu', gate: 'none', bias: 'required' },
  adjust: (hp) => withAttention(hp, { alibiBias: 8 }),
});

/** Jais: the scores of attention are divided by the head's length. */
export const jais = decoder({
  norm: { kind: 'layer', bias: 'required' },
  rope: null,
  attention: {
    matrices: 'fused',
    bias: 'required',
    outputBias: 'required',
    scale: (s) => 1 / s.heads.valueLength,
  },
  feedForward: { bias: 'required' },
  scales: { alibiBias: 0 },
  output: { weights: 'required' },
});

/** Nemotron: a network without gate, by the square of relu. */
export const nemotron = decoder({
  norm: { kind: 'layer', bias: 'required' },
  rope: { mode: 'neox' },
  attention: { outputBias: 'optional' },
  labels: { feedForward: null },
  feedForward: { activation: 'relu-squared', gate: 'none', bias: 'optional' },
  output: { weights: 'required' },
});

/** Jais 2: heads turn, and the network has no gate. */
export const jais2 = decoder({
  norm: { kind: 'layer', bias: 'required' },
  rope: { mode: 'neox', labels: { q: 'Qcur_rope', k: 'Kcur_rope' } },
  headRules: { isTurnedWhole: true, isAsWideAsEmbedding: true },
  attention: { matrices: 'separate', bias: 'required', outputBias: 'required' },
  feedForward: { activation: 'relu-squared', gate: 'none', bias: 'required' },
  adjust: (hp, reader) => {
    const [{ headCount, kvHeadCount }] = hp.attention.layers;
    if (kvHeadCount !== headCount) reader.refuse('attention.head_count_kv', `${headCount}, the number of all heads`);
    return hp;
  },
});
