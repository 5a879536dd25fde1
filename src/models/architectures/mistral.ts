/**
 * The Mistral family since it has architectures of its own. Mistral 4 is in the file of DeepSeek.
 */
import { decoder } from '../decoder/decoder.js';

/** Llama, whose attention may cool with the position. */
export const mistral3 = decoder({
  rope: { factors: 'by-scaling', yarnBetaFast: 32 },
  headRules: { isTurnedWhole: true },
  attention: { outputBias: 'optional', label: 'attn_out' },
  feedForward: { bias: 'optional', isScaled: true },
  experts: { isNormalised: true, isScaled: true, gate: 'optional' },
  scales: { temperature: 0 },
  adjust: (hp, reader) => {
    if (hp.attention.temperature !== 0 && hp.rope.originalContext === 0) {
      reader.refuse('rope.scaling.original_context_length', 'at least 1 where attention cools with the position');
    }
    return { ...hp, rope: { ...hp.rope, logMultiplier: reader.number('rope.scaling.yarn_log_multiplier', 0) } };
  },
});
