/**
 * The OLMo family.
 */
import { decoder } from '../decoder/decoder.js';

/** OLMo: norms without weights. */
export const olmo = decoder({
  norm: { kind: 'layer', weight: 'none' },
  scales: { clamp: 0 },
});

/** OLMoE: all heads of queries, and of keys, normalised as one row. */
export const olmoe = decoder({
  rope: { mode: 'neox' },
  headRules: { isTurnedWhole: true, isAsWideAsEmbedding: true },
  attention: { matrices: 'bare', headNorms: { span: 'all' } },
  experts: { isRequired: true },
  output: { weights: 'required' },
});
