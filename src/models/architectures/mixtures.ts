/**
 * Mixtures of experts of several makers.
 */
import { decoder } from '../decoder/decoder.js';

export const dbrx = decoder({
  norm: { kind: 'layer' },
  rope: { mode: 'neox' },
  attention: { matrices: 'fused', bias: 'none' },
  norms: { beforeFeedForward: { part: 'attn_output_norm', label: 'attn_out_norm' } },
  experts: { isRequired: true, isNormalised: true },
  scales: { clamp: 'required' },
  output: { weights: 'required' },
});

export const dots1 = decoder({
  rope: { mode: 'neox' },
  attention: { headNorms: {} },
  experts: {
    isRequired: true,
    layers: 'after-leading',
    length: 'own',
    gating: { ifUnsaid: null },
    isNormalised: 'read',
    readsScale: true,
    selectionBias: 'optional',
    shared: { length: 'counted' },
  },
  output: { weights: 'required' },
});

export const hunyuanMoe = decoder({
  rope: { mode: 'neox', factors: 'none' },
  attention: { headNorms: { isAfterTurn: true, label: 'norm' }, label: 'attn_out' },
  experts: {
    isRequired: true,
    isNormalised: true,
    shared: { length: 'own-or-whole', label: 'ffn_mlp' },
  },
});
