/**
 * The Phi family: queries are scaled ahead of attention.
 */
import { decoder } from '../decoder/decoder.js';

/** Phi-3: gate and up in one matrix, LongRope for long contexts. */
export const phi3 = decoder({
  rope: { mode: 'neox', factors: 'long' },
  headRules: { isAsWideAsEmbedding: true },
  attention: { scaledQuery: 'Qcur' },
  labels: { attentionSum: null, isResidualFirst: true },
  feedForward: { gate: 'halves' },
  // The sliding window that some files name must be a number, but is otherwise ignored.
  adjust: (hp, reader) => {
    reader.integer('attention.sliding_window', 0);
    return hp;
  },
});
