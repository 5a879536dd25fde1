/**
 * The MiniMax family.
 */
import { decoder } from '../decoder/decoder.js';

/** MiniMax-M2: all heads of queries, and of keys, normalised as one row; experts as wide as a dense network. */
export const minimaxM2 = decoder({
  rope: { mode: 'neox' },
  attention: { matrices: 'bare', headNorms: { span: 'all' } },
  experts: {
    isRequired: true,
    gating: { ifUnsaid: null },
    isNormalised: true,
    selectionBias: 'required',
  },
  output: { weights: 'required' },
  adjust: (hp, reader) => {
    reader.integer('expert_feed_forward_length');
    return hp;
  },
});
