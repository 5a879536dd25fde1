/**
 * DeepSeek V2 and V3: latent attention, and a mixture of experts with experts that every token goes through.
 */
import type { Tensor } from '../../tensor/tensor.js';
import { attentionInputs } from '../blocks/attention.js';
import {
  attendCompressed,
  attendDecompressed,
  latentInputs,
  type LatentHyperparameters,
} from '../blocks/latent-attention.js';
import { decoder } from '../decoder/decoder.js';
import type { Hyperparameters, LayerHeads } from '../hyperparameters.js';
import type { MetadataReader } from '../metadata-reader.js';
import type { Layer, ModelBuilder } from '../model-builder.js';
import { attentionFactor, type RopeHyperparameters } from '../rope-scaling.js';
import type { MixtureRecipe } from '../blocks/mixture.js';

interface DeepSeek2Hyperparameters extends LatentHyperparameters {
  /** Whether attention cools with the position. */
  readonly hasTemperature: boolean;
}

const EXPERTS: MixtureRecipe = {
  isRequired: true,
  layers: 'after-leading',
  length: 'own',
  gating: { ifUnsaid: 'softmax' },
  isNormalised: 'read',
  readsScale: true,
  selectionBias: 'optional',
  fusedGate: 'optional',
  shared: { length: 'counted' },
};

export const deepseek2 = decoder<DeepSeek2Hyperparameters>({
  headRules: null,
  attention: latentAttention,
  experts: EXPERTS,
  output: { product: 'plain' },
  predicts: 'cached',
  predictTensors: 'all-or-none',
  adjust: readLatent,
});

function readLatent(plain: Hyperparameters, reader: MetadataReader): DeepSeek2Hyperparameters {
  const rope = withLogMultiplier(reader, plain.rope);
  const hp = withGatingOfLite(reader, { ...plain, rope });
  const [heads] = hp.attention.layers;
  const fullKeyLength = reader.integer('attention.key_length_mla', 0);
  const fullValueLength = reader.integer('attention.value_length_mla', 0);
  const isLatent = fullKeyLength !== 0;
  if (isLatent !== (fullValueLength !== 0)) {
    reader.refuse('attention.value_length_mla', 'zero if attention.key_length_mla is zero, and only then');
  }
  const all = { ...hp, fullKeyLength: isLatent ? fullKeyLength : heads.keyLength };
  if (all.fullKeyLength <= heads.ropeLength) {
    reader.refuse('rope.dimension_count', 'less than the length of a head’s key');
  }
  const kvRank = reader.positive('attention.kv_lora_rank');
  const stored = { heads: 1, length: kvRank + heads.ropeLength };
  checkCache(reader, heads, isLatent ? stored : { heads: heads.headCount, length: heads.keyLength });
  return {
    ...all,
    attention: { ...hp.attention, isLatent },
    fullValueLength: isLatent ? fullValueLength : heads.valueLength,
    queryRank: isLite(hp) ? 0 : reader.integer('attention.q_lora_rank'),
    kvRank,
    attentionScale: attentionScale(rope, all.fullKeyLength),
    hasTemperature: reader.number('attention.temperature_scale', 0) !== 0,
  };
}

/** The converter stores a tenth of YaRN's multiplier of the logarithm. */
function withLogMultiplier(reader: MetadataReader, rope: RopeHyperparameters): RopeHyperparameters {
  const logMultiplier = reader.number('rope.scaling.yarn_log_multiplier', 0) / 0.1;
  return { ...rope, logMultiplier, attentionMultiplier: logMultiplier };
}

/** Checks that the cache has the row per token that attention stores: one compressed row, or the keys of all heads. */
function checkCache(reader: MetadataReader, heads: LayerHeads, stored: { heads: number; length: number }): void {
  if (heads.kvHeadCount !== stored.heads) {
    reader.refuse('attention.head_count_kv', `${stored.heads} in this kind of file`);
  }
  if (heads.keyLength !== stored.length) {
    reader.refuse('attention.key_length', `${stored.length}, the length of a cached row`);
  }
}

function allLayers({ layerCount, predictLayerCount }: Hyperparameters): number {
  return layerCount + predictLayerCount;
}

/**
 * Whether the model does not compress queries, as DeepSeek-V2-Lite, GigaChat3-10B and Kanana-2-30B. Their files do not
 * say so, so the number of layers decides. Here and in {@link withGatingOfLite} llama.cpp counts layers that predict
 * further tokens as well.
 */
function isLite(hp: Hyperparameters): boolean {
  const layers = allLayers(hp);
  return layers === 27 || layers === 26 || (layers === 48 && hp.vocabularySize === 128256);
}

/** Files made before the key of the gating existed mean softmax, except those of one model. */
function withGatingOfLite(reader: MetadataReader, hp: Hyperparameters): Hyperparameters {
  const layers = allLayers(hp);
  const isGlm47Lite = (layers === 47 || layers === 48) && hp.vocabularySize === 154880;
  if (!isGlm47Lite || reader.integer('expert_gating_func', 0) !== 0) return hp;
  return { ...hp, experts: { ...hp.experts!, gating: 'sigmoid' } };
}

/**
 * The factor of the scores. With YaRN it contains the attention factors of queries and keys, hence the square.
 */
function attentionScale(rope: RopeHyperparameters, fullKeyLength: number): number {
  const stretch = Math.log(1 / rope.freqScale);
  const original = attentionFactor(rope) * (1 + 0.1 * stretch);
  const factor = original * (1 + 0.1 * rope.logMultiplier * stretch);
  return (factor * factor) / Math.sqrt(fullKeyLength);
}

type Block = (s: Layer<DeepSeek2Hyperparameters>, x: Tensor) => Tensor;

function latentAttention(m: ModelBuilder<DeepSeek2Hyperparameters>): Block {
  const inputs = latentInputs(m, m.hp.hasTemperature);
  if (m.hp.attention.isLatent) return (s, x) => attendCompressed(s, inputs, x);
  const cached = attentionInputs(m);
  return (s, x) => attendDecompressed(s, cached, inputs, x);
}
