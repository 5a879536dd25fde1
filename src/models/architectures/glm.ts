/**
 * The GLM family: few key heads, half of each head turns; layers that predict further tokens from GLM-4 on.
 */
import { decoder } from '../decoder/decoder.js';

/** ChatGLM 3 and GLM-4 (first release): Llama with gate and up in one matrix. */
export const chatglm = decoder({
  attention: { outputBias: 'none' },
  feedForward: { gate: 'halves' },
});

/** GLM-4-0414 and GLM-4.1V: norms on both sides. */
export const glm4 = decoder({
  rope: { sections: 'optional' },
  norms: {
    afterAttention: { part: 'post_attention_norm', label: 'post_attn_norm' },
    afterFeedForward: { part: 'post_ffw_norm', label: 'post_mlp_norm' },
  },
  feedForward: { gate: 'halves' },
  predicts: 'cached',
});

/** GLM-4.5 to 4.7: a mixture of experts. */
export const glm4moe = decoder({
  rope: { mode: 'neox', sections: 'optional' },
  attention: { headNorms: { norm: { weight: 'optional' } } },
  norms: { beforeFeedForward: { part: 'post_attention_norm', label: 'post_attn_norm' } },
  experts: {
    isRequired: true,
    layers: 'after-leading',
    length: 'own-or-split',
    gating: { ifUnsaid: 'sigmoid' },
    isNormalised: 'read',
    readsScale: true,
    selectionBias: 'required',
    shared: { length: 'counted', label: 'ffn_shexp_out' },
  },
  predicts: 'cached',
  // The key may be zero, but not missing.
  adjust: (hp, reader) => {
    reader.integer('expert_feed_forward_length');
    return hp;
  },
});
