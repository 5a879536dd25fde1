/**
 * Llama 4: chunks of tokens that layers look back at, experts in every so many layers, and queries that cool with the
 * position where they do not turn.
 */
import type { Tensor } from '../../tensor/tensor.js';
import { attend } from '../blocks/attention.js';
import { hasExperts, type MixtureRecipe } from '../blocks/mixture.js';
import { norm } from '../blocks/norm.js';
import { preparedHeads } from '../decoder/attention.js';
import { decoder } from '../decoder/decoder.js';
import type { AttentionRecipe, Block, DecoderInputs, RopeRecipe } from '../decoder/recipe.js';
import { withAttention, type Hyperparameters } from '../hyperparameters.js';
import type { MetadataReader } from '../metadata-reader.js';
import type { Layer, ModelBuilder } from '../model-builder.js';
import { withWindow } from '../sliding-window.js';

interface Llama4Hyperparameters extends Hyperparameters {
  /** Of every so many layers, the last has experts; 0: none has. */
  readonly expertStep: number;
}

const CHUNK = 8192;

/** Of so many layers, the last does not turn; without chunks, the last of all. */
const TURN_PERIOD = 4;

/** Experts of Maverick, whose heads are not normalised. */
const MAVERICK_EXPERTS = 128;

const ROPE: RopeRecipe = { factors: 'plain', layers: isTurned };

const ATTENTION: AttentionRecipe = {
  headNorms: {
    norm: { weight: 'none' },
    isAfterTurn: true,
    isUsed: (s) => isTurned(s) && s.hp.experts!.count !== MAVERICK_EXPERTS,
  },
};

const EXPERTS: MixtureRecipe = {
  isRequired: true,
  layers: (hp, layer) => {
    const { expertStep } = hp as Llama4Hyperparameters;
    return expertStep > 0 && (layer + 1) % expertStep === 0;
  },
  length: 'own',
  gating: 'sigmoid',
  chosenBy: 'scores',
  shareOf: 'inputs',
  shared: { length: 'as-expert', label: 'ffn_moe_shexp', sumLabel: 'ffn_moe_out_merged' },
};

export const llama4 = decoder<Llama4Hyperparameters>({
  rope: ROPE,
  headRules: { isTurnedWhole: true },
  attention: coolingAttention,
  norms: { beforeFeedForward: networkNorm },
  experts: EXPERTS,
  adjust: readChunks,
});

/** Ahead of experts, llama.cpp gives the norm's name to the result of attention. @param x attention and residual */
function networkNorm(s: Layer, x: Tensor): Tensor {
  const result = norm(s, 'ffn_norm', x);
  s.named(hasExperts(s, EXPERTS) ? x.sources[0]! : result, 'ffn_norm');
  return result;
}

function isTurned({ hp, index }: Layer): boolean {
  const period = hp.attention.window === null ? hp.layerCount : TURN_PERIOD;
  return (index + 1) % period !== 0;
}

/** Only a file with a window of zero has none; otherwise its length is fixed. */
function readChunks(hp: Hyperparameters, reader: MetadataReader): Llama4Hyperparameters {
  const all = { ...hp, expertStep: reader.integer('interleave_moe_layer_step') };
  if (reader.integer('attention.sliding_window', CHUNK) === 0) return all;
  const chunked = withWindow(reader, all, { tokens: CHUNK, period: 4, freqBase: 'same' });
  return withAttention(chunked, { window: CHUNK });
}

function coolingAttention(_: ModelBuilder<Llama4Hyperparameters>, inputs: DecoderInputs): Block<Llama4Hyperparameters> {
  const { positions, attention } = inputs;
  return (s, x) => {
    const { q, k, v } = preparedHeads(s, x, positions, ATTENTION, ROPE);
    const cooled = isTurned(s) ? q : s.named(s.ctx.mul(q, inputs.temperature), 'Qcur');
    const scale = 1 / Math.sqrt(s.heads.keyLength);
    return s.named(attend(s, attention, { q: cooled, k, v }, { scale }), 'attn_out');
  };
}
