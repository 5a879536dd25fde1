/**
 * The Phi family: queries are scaled ahead of attention.
 */
import { decoder } from '../decoder/decoder.js';

/** Phi-3: gate and up in one matrix, LongRope for long contexts. */
export const phi3 = decoder({
  rope: { mode: 'neox', factors: 'long' },
  headRules: { isAsWideAsEmbedding: true },
  attention: { scaledQuery: 'Qcur' },
  labels: { attentionSum: null, residualFirst: 'layer' },
  feedForward: { gate: 'halves' },
  // The sliding window that some files name must be a number, but is otherwise ignored.
  adjust: (hp, reader) => {
    reader.integer('attention.sliding_window', 0);
    return hp;
  },
});

/** Phi-2: attention and network side by side, with layer normalisation and biases. */
export const phi2 = decoder({
  norm: { kind: 'layer', bias: 'required' },
  rope: { mode: 'neox' },
  attention: { scaledQuery: null, outputBias: 'required' },
  residual: { feedForwardReads: 'attention-input', sum: ['attention', 'feed-forward', 'residual'] },
  feedForward: { activation: 'gelu', gate: 'none', bias: 'required' },
  output: { weights: 'required', bias: 'required', unbiasedLabel: 'result_output_no_bias' },
});

/** Phi-3.5 MoE: Phi-3's layers with layer biases and a mixture of experts. */
export const phimoe = decoder({
  norm: { kind: 'rms', bias: 'required' },
  rope: { mode: 'neox', factors: 'long' },
  attention: { scaledQuery: 'Qcur', outputBias: 'required' },
  labels: { attentionSum: null, residualFirst: 'layer' },
  experts: { isRequired: true, isNormalised: true },
  output: { weights: 'required', bias: 'required', unbiasedLabel: 'result_output_no_bias' },
});
