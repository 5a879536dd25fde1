/**
 * Falcon: attention and network side by side.
 */
import { decoder } from '../decoder/decoder.js';

export const falcon = decoder({
  norm: { kind: 'layer', bias: 'required' },
  rope: { mode: 'neox' },
  headRules: { isTurnedWhole: true },
  attention: { matrices: 'fused', bias: 'none' },
  residual: { feedForwardReads: 'attention-input', sum: ['feed-forward', 'attention', 'residual'] },
  feedForward: { activation: 'gelu', gate: 'none' },
});
