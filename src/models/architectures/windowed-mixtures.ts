/**
 * Mixtures of experts with a sliding window in most layers.
 */
import { eitherNetwork } from '../blocks/either-network.js';
import { keepWanted } from '../blocks/inputs.js';
import { product } from '../blocks/linear.js';
import { mixture, type MixtureRecipe } from '../blocks/mixture.js';
import { norm } from '../blocks/norm.js';
import { headAttention } from '../decoder/attention.js';
import { decoder } from '../decoder/decoder.js';
import type { AttentionRecipe, BlockMaker, RopeRecipe } from '../decoder/recipe.js';
import { withAttention, withListedHeadCounts, type Hyperparameters } from '../hyperparameters.js';

/** Mellum: normalised heads, and plain turns in layers with a window. */
export const mellum = decoder({
  rope: { mode: 'neox' },
  window: { tokens: 'none', period: 'listed', isStretched: false, hasYarn: false },
  headRules: { isTurnedWhole: true },
  attention: { headNorms: {} },
  experts: { isRequired: true, length: 'own-or-split', isNormalised: true, isScaled: true },
  output: { weights: 'required' },
});

interface MimoHyperparameters extends Hyperparameters {
  /** Factor of what attention says; 0: none. */
  readonly valueScale: number;
}

const MIMO_ROPE: RopeRecipe<MimoHyperparameters> = { mode: 'neox' };
const MIMO_ATTENTION: AttentionRecipe = { bias: 'unread', areHeadsNamed: false, sinks: 'optional', label: 'attn_out' };

const MIMO_EXPERTS: MixtureRecipe = {
  layers: 'with-router',
  length: 'own',
  gating: 'sigmoid',
  isNormalised: true,
  selectionBias: 'optional',
};

/** MiMo V2: keys and values of other lengths, and networks that are dense where the file holds no router. */
export const mimo2 = decoder<MimoHyperparameters>({
  rope: MIMO_ROPE,
  window: { period: 'flagged', freqBase: 10000, isStretched: false, countsPredictLayers: true },
  headRules: null,
  attention: mimoAttention(MIMO_ATTENTION),
  labels: { feedForward: null },
  feedForward: (s, x) => eitherNetwork(s, x, MIMO_EXPERTS),
  experts: MIMO_EXPERTS,
  predicts: 'uncached',
  prediction: {
    count: 'several',
    layer: { attention: mimoAttention({ ...MIMO_ATTENTION, matrices: 'fused' }) },
    keepsWantedAfter: 'layer',
    norms: ['nextn.shared_head_norm', 'layer_output_norm'],
  },
  predictTensors: 'unchecked',
  output: { weights: 'required' },
  adjust: (hp, reader) => {
    const factor = reader.number('attention.value_scale', 0);
    return { ...withListedHeadCounts(reader, hp), valueScale: factor === 1 ? 0 : factor };
  },
});

function mimoAttention(recipe: AttentionRecipe): BlockMaker<MimoHyperparameters> {
  return (m, inputs) => {
    const attend = headAttention(recipe, MIMO_ROPE)(m, inputs);
    const { valueScale } = m.hp;
    if (valueScale === 0) return attend;
    return (s, x) => s.named(s.ctx.scale(attend(s, x), valueScale), 'attn_out_scaled');
  };
}

const SMALL_WINDOW = 4096;
/** Of so many layers, heads of the first do not turn, unless the model has no more layers. */
const SMALL_PERIOD = 4;
const SMALL_ROPE: RopeRecipe = {
  mode: 'neox',
  layers: ({ hp, index }) =>
    hp.attention.window === null || hp.layerCount === SMALL_PERIOD || index % SMALL_PERIOD !== 0,
};
const SMALL_EXPERTS: MixtureRecipe = {
  isRequired: true,
  length: 'own',
  gating: { ifUnsaid: null },
  isNormalised: true,
  activation: 'relu',
};

/** SmallThinker: the router reads the layer's input; in every fourth layer heads do not turn. */
export const smallthinker = decoder({
  rope: SMALL_ROPE,
  window: { tokens: 'none', period: 4, fullLayer: 'first', freqBase: 'same' },
  headRules: { isTurnedWhole: true },
  experts: SMALL_EXPERTS,
  layer: smallLayer,
  // Whatever the file says, if it says any.
  adjust: (hp) => (hp.attention.window === null ? hp : withAttention(hp, { window: SMALL_WINDOW })),
});

function smallLayer(...[m, inputs]: Parameters<BlockMaker>): ReturnType<BlockMaker> {
  const attend = headAttention({}, SMALL_ROPE)(m, inputs);
  return (s, x) => {
    const { ctx } = s;
    const scores = s.named(product(s, 'ffn_gate_inp', x, s.hp.experts!.count), 'ffn_moe_logits');
    const attended = attend(s, s.named(norm(s, 'attn_norm', x), 'attn_norm'));
    const [kept, residual, wantedScores] = keepWanted(s, inputs.wanted, attended, x, scores);
    const middle = s.named(ctx.add(kept, residual), 'ffn_inp');
    const ready = s.named(norm(s, 'ffn_norm', middle), 'ffn_norm');
    const fed = s.named(mixture(s, ready, SMALL_EXPERTS, wantedScores), 'ffn_out');
    return s.named(ctx.add(fed, middle), 'l_out');
  };
}
