/**
 * Llama and the models that are Llama but for a detail.
 */
import { decoder } from '../decoder/decoder.js';

/** Llama 1 to 3, Mixtral and the many models that are stored as one of them. */
export const llama = decoder({
  rope: { factors: 'by-scaling' },
  headRules: { isTurnedWhole: true },
  attention: { outputBias: 'optional', label: 'attn_out' },
  feedForward: { bias: 'optional', isScaled: true },
  experts: { isNormalised: true, isScaled: true, gate: 'optional' },
});
