/**
 * The models of the GPT line.
 */
import { decoder } from '../decoder/decoder.js';

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
