/**
 * The OLMo family.
 */
import { decoder } from '../decoder/decoder.js';

/** OLMo: norms without weights. */
export const olmo = decoder({
  norm: { kind: 'layer', weight: 'none' },
  headRules: { isTurnedWhole: true },
  scales: { clamp: 0 },
});

/** OLMoE: all heads of queries, and of keys, normalised as one row. */
export const olmoe = decoder({
  rope: { mode: 'neox' },
  headRules: { isTurnedWhole: true, isAsWideAsEmbedding: true },
  attention: { matrices: 'separate', bias: 'unread', headNorms: { span: 'all' } },
  experts: { isRequired: true },
  output: { weights: 'required' },
});

/** OLMo 2 and 3: norms behind attention and network instead of ahead; a window in three of four layers of OLMo 3. */
export const olmo2 = decoder({
  rope: { mode: 'neox' },
  window: { tokens: 'none', period: 4, isStretched: false, hasYarn: false },
  headRules: { isTurnedWhole: true, isAsWideAsEmbedding: true },
  attention: { matrices: 'separate', bias: 'unread', headNorms: { span: 'all' } },
  norms: {
    beforeAttention: null,
    afterAttention: { part: 'post_attention_norm', label: 'attn_post_norm' },
    beforeFeedForward: null,
    afterFeedForward: { part: 'post_ffw_norm', label: 'ffn_post_norm', isLabelledOutside: 'both' },
  },
  output: { weights: 'required' },
});
