/**
 * Models whose attention ends in a gate, most with a mixture of experts.
 */
import type { GateRecipe } from '../blocks/attention-gate.js';
import { eitherNetwork } from '../blocks/either-network.js';
import type { MixtureRecipe } from '../blocks/mixture.js';
import { frequencyFactors } from '../blocks/rope.js';
import { decoder, decoderLayer } from '../decoder/decoder.js';
import type { Block, DecoderRecipe } from '../decoder/recipe.js';
import { withGateLimits } from '../gate-limits.js';
import { withHeads, withListedHeadCounts, type Hyperparameters } from '../hyperparameters.js';
import type { MetadataReader } from '../metadata-reader.js';

const TURNED = { q: 'Qcur_rope', k: 'Kcur_rope' };
const SIGMOID: GateRecipe = {
  activation: 'sigmoid',
  span: 'element',
  labels: { gate: 'attn_gate_proj', activated: 'attn_gate_sig' },
};

const MIXTURE = {
  isRequired: true,
  layers: 'after-leading',
  length: 'own',
  gating: { ifUnsaid: 'sigmoid' },
  isNormalised: 'read',
  readsScale: true,
  selectionBias: 'required',
} satisfies MixtureRecipe;

/** Arcee's Trinity: norms on both sides; in every fourth layer heads do not turn. */
export const afmoe = decoder({
  embedding: { scaled: 'inp_embd_scaled' },
  rope: { mode: 'neox', layers: ({ index }) => (index + 1) % 4 !== 0, labels: TURNED },
  window: { tokens: 'none', period: 4, freqBase: 'same' },
  attention: { headNorms: {}, gate: SIGMOID, label: 'attn_o_proj' },
  norms: {
    afterAttention: { part: 'post_attention_norm', label: 'attn_post_norm' },
    afterFeedForward: { part: 'post_ffw_norm', label: 'ffn_post_norm' },
  },
  experts: { ...MIXTURE, shared: { length: 'counted' } },
  keepsWantedAfter: 'attention-norm',
  adjust: requireWindow,
});

/** llama.cpp builds the graph of a model with a window, whatever the file says. */
function requireWindow(hp: Hyperparameters, reader: MetadataReader): Hyperparameters {
  return hp.attention.window === null ? reader.refuse('attention.sliding_window', 'at least 1') : hp;
}

/** Muse Glimmer: norms on both sides, the latter more exact than the others; heads turn in layers with a window. */
export const museGlimmer = decoder({
  rope: { layers: (s) => s.heads.isWindowed, labels: TURNED },
  window: { period: 'listed', freqBase: 'same', isStretched: false },
  attention: { headNorms: {}, gate: SIGMOID, label: 'attn_o_proj' },
  norms: {
    afterAttention: exactNorm('post_attention_norm', 'attn_post_norm'),
    afterFeedForward: exactNorm('post_ffw_norm', 'ffn_post_norm'),
  },
  scales: { logits: 'required', logitSoftcap: 30 },
  keepsWantedAfter: 'attention-norm',
  output: { weights: 'required' },
  begin: ({ ctx, top, hp }, x) => top.named(ctx.rmsNorm(x, hp.norm.epsilon), 'embd_norm'),
});

const EXACT_EPSILON = 1e-8;

function exactNorm(part: string, label: string): Block {
  return (s, x) => {
    const weight = s.weight(`${part}.weight`, [x.ne[0]]);
    return s.named(s.ctx.mul(s.ctx.rmsNorm(x, EXACT_EPSILON), weight), label);
  };
}

/** Laguna: a gate by softplus, and layers with heads of other numbers. */
export const laguna = decoder({
  rope: { mode: 'neox', labels: TURNED },
  window: { tokens: 'none', period: 4, fullLayer: 'first', freqBase: 'same', isStretched: false, hasYarn: false },
  headRules: { isVaried: true },
  attention: {
    headNorms: {},
    gate: {
      activation: 'softplus',
      span: (s) => (s.listedShape('attn_gate.weight')?.[1] === s.heads.headCount ? 'head' : 'element'),
      labels: { gate: 'attn_gate_proj' },
    },
    label: 'attn_o_proj',
  },
  experts: { ...MIXTURE, shared: { length: 'own' } },
  output: { product: 'adapted' },
  adjust: (hp, reader) => {
    reader.integer('leading_dense_block_count');
    const { length, sharedLength } = hp.experts!;
    const counted = length * reader.integer('expert_shared_count', 1);
    return { ...hp, experts: { ...hp.experts!, sharedLength: sharedLength || counted } };
  },
});

const STEP_GATE: GateRecipe = {
  activation: 'sigmoid',
  span: 'head',
  presence: 'optional',
  labels: { headGate: 'attn_gate_3d', gatedHeads: 'attn_gated_3d' },
};

const STEP_EXPERTS: MixtureRecipe = {
  ...MIXTURE,
  isRequired: false,
  layers: 'with-router',
  selectionBias: 'optional',
  shared: { length: 'own', label: 'ffn_shared_out' },
};

const STEP: DecoderRecipe = {
  rope: {
    mode: 'neox',
    factors: (s) => (s.heads.isWindowed ? 'none' : 'by-scaling'),
    labels: { q: 'Qcur_pos', k: 'Kcur_pos', v: null },
  },
  window: { period: 'flagged', freqBase: 10000, isStretched: false, countsPredictLayers: true },
  headRules: null,
  attention: {
    matrices: 'separate',
    bias: 'unread',
    areHeadsNamed: false,
    headNorms: { norm: { weight: 'optional' } },
    gate: STEP_GATE,
    label: 'attn_proj',
  },
  labels: { feedForward: null },
  feedForward: (s, x) => eitherNetwork(s, x, STEP_EXPERTS),
  experts: STEP_EXPERTS,
  predicts: 'uncached',
  prediction: { count: 'several', keepsWantedAfter: 'layer' },
  predictTensors: 'all-or-none',
  keepsWantedAfter: 'layers',
  output: { weights: 'required' },
  // Half of a head turns in layers without a window.
  adjust: (hp, reader) =>
    withGateLimits(
      reader,
      withHeads(withListedHeadCounts(reader, hp), ({ isWindowed, ropeLength }) => ({
        ropeLength: isWindowed ? ropeLength : Math.floor(ropeLength / 2),
      })),
      'activated',
    ),
  // They are loaded even if all layers have a window.
  end: (m) => frequencyFactors(m.layers()[0], 'by-scaling'),
};

/** Step 3.5: a gate per head, networks that are dense where the file holds no router. */
export const step35 = decoder({
  ...STEP,
  layer: (m, inputs) => {
    const layer = decoderLayer(STEP)(m, inputs);
    return (s, x) => {
      const result = layer(s, s.named(x, 'attn_norm_in'));
      return s.isLast ? m.top.named(result, 'h_nextn') : result;
    };
  },
});
