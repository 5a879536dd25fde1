/**
 * Ant's Bailing models (Ling and Ring): mixtures with experts that every token goes through.
 */
import { decoder } from '../decoder/decoder.js';
import { STATED_EXPERTS } from './deepseek.js';

/** Bailing: Ling-lite and Ling-plus. */
export const bailingmoe = decoder({
  headRules: { isTurnedWhole: true },
  experts: {
    isRequired: true,
    length: 'own',
    isNormalised: 'read',
    readsScale: true,
    shared: { length: 'counted' },
  },
  output: { weights: 'required' },
  // Dense layers at the beginning may be counted, but there are none.
  adjust: (hp, reader) => {
    reader.integer('leading_dense_block_count', 0);
    reader.positive('expert_shared_count');
    return hp;
  },
});

/** Bailing 2: heads are normalised, and the first layers are dense. */
export const bailingmoe2 = decoder({
  rope: { mode: 'neox' },
  headRules: { isAsWideAsEmbedding: true },
  attention: { matrices: 'fused', bias: 'none', headNorms: {} },
  labels: { attentionSum: 'sa_out' },
  experts: { ...STATED_EXPERTS, shared: { length: 'own' } },
  output: { weights: 'required' },
  predicts: 'cached',
  // The file counts experts that every token goes through, and may say how long each is.
  adjust: (hp, reader) => {
    const experts = hp.experts!;
    const sharedLength = reader.positive('expert_shared_count') * (experts.sharedLength || experts.length);
    return { ...hp, experts: { ...experts, sharedLength } };
  },
  end: (m) => {
    for (const s of m.predictLayers()) s.weight('layer_output_norm.weight', [m.hp.embeddingLength]);
  },
});
