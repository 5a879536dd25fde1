/**
 * Mixtures of experts of several makers.
 */
import { decoder } from '../decoder/decoder.js';
import { STATED_EXPERTS } from './deepseek.js';

/** DBRX: layer normalisation, and projections that are cut to a limit. */
export const dbrx = decoder({
  norm: { kind: 'layer' },
  rope: { mode: 'neox' },
  headRules: { isTurnedWhole: true },
  attention: { matrices: 'fused', bias: 'none' },
  norms: { beforeFeedForward: { part: 'attn_output_norm', label: 'attn_out_norm' } },
  experts: { isRequired: true, isNormalised: true },
  scales: { clamp: 'required' },
  output: { weights: 'required' },
});

/** dots.llm1: dense layers first, then a mixture with shared experts. */
export const dots1 = decoder({
  rope: { mode: 'neox' },
  headRules: { isTurnedWhole: true },
  attention: { headNorms: {} },
  experts: STATED_EXPERTS,
  output: { weights: 'required' },
});

/** Hunyuan-A13B: heads are normalised after they have turned. */
export const hunyuanMoe = decoder({
  rope: { mode: 'neox', labels: { k: null } },
  headRules: { isTurnedWhole: true },
  attention: { headNorms: { isAfterTurn: true, label: 'norm' }, label: 'attn_out' },
  experts: {
    isRequired: true,
    isNormalised: true,
    shared: { length: 'own-or-whole', label: 'ffn_mlp' },
  },
  // The file must say how long experts are, but they are as long as a dense network would be.
  adjust: (hp, reader) => {
    reader.integer('expert_feed_forward_length');
    return hp;
  },
});
