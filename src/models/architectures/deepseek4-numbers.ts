/**
 * The numbers of DeepSeek-V4.
 */
import type { HyperConnectionHyperparameters } from '../blocks/hyper-connections.js';
import { OVERLAPPING_RATIO, WHOLE_RATIO } from '../compression.js';
import { withGateLimits } from '../gate-limits.js';
import { withAttention, withHeads, type Hyperparameters } from '../hyperparameters.js';
import { readIndexer } from '../indexers.js';
import type { MetadataReader } from '../metadata-reader.js';

export interface DeepSeek4Hyperparameters extends HyperConnectionHyperparameters {
  readonly queryRank: number;
  /** Groups of heads that are projected by matrices of their own. */
  readonly outputGroups: number;
  readonly outputRank: number;
  /** Base of the frequencies in layers that compress. */
  readonly compressedFreqBase: number;
  /** Layers at the beginning whose experts follow from the token. */
  readonly hashLayers: number;
}

/** The only number of lanes that there are kernels for. */
const LANES = 4;
const SQRT_SOFTPLUS = 4;

export function readDeepSeek4(plain: Hyperparameters, reader: MetadataReader): DeepSeek4Hyperparameters {
  const present = withAttention(withPresentLayers(plain, reader), { isLatent: true });
  const hp = withGateLimits(reader, present, 'gate');
  reader.numberPerLayer('swiglu_clamp_exp', hp.attention.layers.length);
  const { others, experts: limits } = hp.gateLimits!;
  const [heads] = hp.attention.layers;
  const { keyLength, valueLength, kvHeadCount, ropeLength, headCount } = heads;
  if (kvHeadCount !== 1) reader.refuse('attention.head_count_kv', '1 in this architecture');
  if (keyLength !== valueLength) reader.refuse('attention.value_length', `${keyLength}, the length of a key`);
  if (keyLength < ropeLength) reader.refuse('rope.dimension_count', `at most ${keyLength}, the length of a key`);
  if (reader.integer('expert_gating_func') !== SQRT_SOFTPLUS) {
    reader.refuse('expert_gating_func', `${SQRT_SOFTPLUS}, the root of softplus`);
  }
  reader.number('expert_weights_scale');
  reader.flag('expert_weights_norm');
  const lanes = reader.integer('hyper_connection.count');
  if (lanes !== LANES) reader.refuse('hyper_connection.count', `${LANES}`);
  const outputGroups = reader.positive('attention.output_group_count');
  if (headCount % outputGroups !== 0) reader.refuse('attention.output_group_count', `a divisor of ${headCount}`);
  return {
    ...hp,
    gateLimits: { ...hp.gateLimits!, others: reader.has('swiglu_clamp_shexp') ? others : limits },
    compression: { ratios: readRatios(reader, hp) },
    indexer: readIndexer(
      reader,
      ropeLength,
      hp.attention.layers.map(() => false),
    ),
    // A token leaves all lanes to the layer that predicts the next one.
    outputLength: lanes * hp.embeddingLength,
    queryRank: reader.positive('attention.q_lora_rank'),
    outputGroups,
    outputRank: reader.positive('attention.output_lora_rank'),
    compressedFreqBase: reader.number('attention.compress_rope_freq_base'),
    hashLayers: reader.integer('hash_layer_count'),
    lanes,
    laneEpsilon: reader.number('hyper_connection.epsilon'),
    laneIterations: reader.positive('hyper_connection.sinkhorn_iterations'),
  };
}

/** Where the file lacks the layers that predict further tokens, it does not count them. */
function withPresentLayers(hp: Hyperparameters, reader: MetadataReader): Hyperparameters {
  const [first] = hp.attention.layers;
  const { layerCount, predictLayerCount } = hp;
  const alike = withHeads(hp, (_, cacheLayer) => ({ ...first, cacheLayer }));
  if (reader.hasTensor(`blk.${layerCount}.nextn.eh_proj.weight`)) return alike;
  return { ...alike, layerCount: layerCount + predictLayerCount, predictLayerCount: 0 };
}

function readRatios(reader: MetadataReader, { attention: { layers } }: Hyperparameters): readonly number[] {
  const key = 'attention.compress_ratios';
  const ratios = (reader.integers(key) ?? []).slice(0, layers.length);
  const isKnown = ratios.every((ratio) => [0, OVERLAPPING_RATIO, WHOLE_RATIO].includes(ratio));
  if (ratios.length === layers.length && isKnown) return ratios;
  return reader.refuse(key, `0, ${OVERLAPPING_RATIO} or ${WHOLE_RATIO} for each of ${layers.length} layers`);
}
