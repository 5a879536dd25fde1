/**
 * Tencent's Hunyuan models: heads are normalised after they have turned.
 */
import { attend, projectHeads } from '../blocks/attention.js';
import { norm } from '../blocks/norm.js';
import { turn } from '../blocks/rope.js';
import { decoder } from '../decoder/decoder.js';
import type { Block, DecoderInputs, DecoderRecipe } from '../decoder/recipe.js';
import type { Hyperparameters } from '../hyperparameters.js';
import type { MetadataReader } from '../metadata-reader.js';
import type { ModelBuilder } from '../model-builder.js';
import { withCheckedSections } from '../rope-scaling.js';

const HUNYUAN = {
  headRules: { isTurnedWhole: true },
  attention: { headNorms: { isAfterTurn: true, label: 'norm' }, label: 'attn_out' },
  adjust: readHunyuan,
} satisfies DecoderRecipe;

/** A dense file may name one expert. The base of the frequencies grows with the stretch of the context. */
function readHunyuan(plain: Hyperparameters, reader: MetadataReader): Hyperparameters {
  const hp = plain.experts?.count === 1 ? { ...plain, experts: null } : plain;
  const alpha = reader.number('rope.scaling.alpha', 0);
  if (alpha <= 0) return hp;
  const [{ keyLength }] = hp.attention.layers;
  const freqBase = hp.rope.freqBase * alpha ** (keyLength / (keyLength - 2));
  return { ...hp, rope: { ...hp.rope, freqBase } };
}

export const hunyuanDense = decoder({
  ...HUNYUAN,
  rope: { mode: 'neox' },
  adjust: (hp, reader) => readHunyuan(withCheckedSections(hp, reader), reader),
});

/** Hunyuan VL: a token turns with four positions, if the file says how. */
export const hunyuanVl = decoder({
  ...HUNYUAN,
  rope: { mode: 'neox', sections: 'optional' },
});

/** Hunyuan V3: heads are normalised before they turn; a layer may hold a dense network, experts, or both. */
export const hunyuanV3 = decoder({
  rope: { mode: 'neox' },
  headRules: { isTurnedWhole: true },
  attention: unlabelledAttention,
  labels: { feedForward: 'ffn_dense_out' },
  feedForward: { presence: 'optional', isScaled: true },
  experts: {
    layers: 'with-router',
    length: 'own-or-split',
    gating: { ifUnsaid: 'sigmoid' },
    isNormalised: 'read',
    readsScale: true,
    isScaled: true,
    selectionBias: 'optional',
    selectionBiasName: 'exp_probs_b',
    fusedGate: 'optional',
    shared: { length: 'own-or-expert', network: { presence: 'optional', isScaled: true }, label: 'ffn_shared_out' },
  },
  predicts: 'uncached',
  prediction: { count: 'several' },
  predictTensors: 'all-or-none',
  keepsWantedAfter: 'final-norm',
  adjust: (hp, reader) => {
    // The key may be zero, but not missing.
    reader.integer('expert_feed_forward_length');
    return hp;
  },
  end: loadUnreadNetworks,
});

/** Attention whose normalised and turned heads have no names. */
function unlabelledAttention(_: ModelBuilder, { positions, attention }: DecoderInputs): Block<Hyperparameters> {
  return (s, x) => {
    const { q, k, v } = projectHeads(s, x);
    const [qNormed, kNormed] = [norm(s, 'attn_q_norm', q), norm(s, 'attn_k_norm', k)];
    const heads = { q: turn(s, qNormed, positions), k: turn(s, kNormed, positions), v };
    return s.named(attend(s, attention, heads, { scale: 1 / Math.sqrt(s.heads.keyLength) }), 'attn_out');
  };
}

/** A layer with experts may hold a dense network as well, which no operation reads. */
function loadUnreadNetworks(m: ModelBuilder): void {
  const { embeddingLength: width } = m.hp;
  for (const s of [...m.layers(), ...m.predictLayers()]) {
    for (const part of ['ffn_gate', 'ffn_up']) s.optionalWeight(`${part}.weight`, [width, s.feedForwardLength]);
    s.optionalWeight('ffn_down.weight', [s.feedForwardLength, width]);
  }
}
