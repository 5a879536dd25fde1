/**
 * DeepSeek V2 and V3 and their kin: latent attention, a few dense layers, then mixtures of experts beside experts that
 * every token shares.
 */
import type { Tensor } from '../../tensor/tensor.js';
import type { Architecture } from '../architecture.js';
import { attentionInputs } from '../blocks/attention.js';
import { expertFeedForward, type Gating } from '../blocks/expert-feed-forward.js';
import { gatedSilu } from '../blocks/feed-forward.js';
import { finalNorm, finish, keepWanted, tokenEmbedding, vocabularyScores, wantedTokens } from '../blocks/inputs.js';
import {
  attendCompressed,
  attendDecompressed,
  latentInputs,
  type LatentHyperparameters,
} from '../blocks/latent-attention.js';
import { rmsNorm } from '../blocks/norm.js';
import { requireExperts, type ExpertHyperparameters } from '../experts.js';
import { readRmsHyperparameters, type Hyperparameters } from '../hyperparameters.js';
import type { MetadataReader } from '../metadata-reader.js';
import { ModelBuilder, type Scope } from '../model-builder.js';
import { yarnLogMultiplier } from '../rope-scaling.js';

interface DeepSeek2Hyperparameters extends LatentHyperparameters {
  readonly experts: ExpertHyperparameters;
  /** Experts that every token goes through. */
  readonly sharedExperts: number;
  readonly expertLength: number;
  readonly isNormalised: boolean;
  readonly gating: Gating;
  /** Layers without experts. */
  readonly denseLayers: number;
  /** Whether attention cools with the position. */
  readonly hasTemperature: boolean;
}

export const deepseek2: Architecture<DeepSeek2Hyperparameters> = { read, build };

function read(reader: MetadataReader): DeepSeek2Hyperparameters {
  const hp = readRmsHyperparameters(reader, 'normal');
  const fullKeyLength = reader.integer('attention.key_length_mla', 0);
  const fullValueLength = reader.integer('attention.value_length_mla', 0);
  const isLatent = fullKeyLength !== 0;
  if (isLatent !== (fullValueLength !== 0)) {
    reader.refuse('attention.value_length_mla', 'zero if attention.key_length_mla is zero, and only then');
  }
  const all = { ...hp, fullKeyLength: isLatent ? fullKeyLength : hp.keyLength };
  if (all.fullKeyLength <= hp.ropeLength) reader.refuse('rope.dimension_count', 'less than the length of a head’s key');
  const kvRank = reader.positive('attention.kv_lora_rank');
  checkCache(
    reader,
    hp,
    isLatent ? { heads: 1, length: kvRank + hp.ropeLength } : { heads: hp.headCount, length: hp.keyLength },
  );
  const predictLayerCount = reader.integer('nextn_predict_layers', 0);
  if (predictLayerCount >= hp.layerCount) {
    reader.refuse('nextn_predict_layers', `less than ${hp.layerCount}, the number of all layers`);
  }
  return {
    ...all,
    layerCount: hp.layerCount - predictLayerCount,
    predictLayerCount,
    isLatent,
    fullValueLength: isLatent ? fullValueLength : hp.valueLength,
    queryRank: isLite(hp) ? 0 : reader.integer('attention.q_lora_rank'),
    kvRank,
    attentionScale: attentionScale(reader, all),
    experts: { ...requireExperts(reader, hp.experts), scale: reader.number('expert_weights_scale', 0) },
    sharedExperts: reader.integer('expert_shared_count'),
    expertLength: reader.positive('expert_feed_forward_length'),
    isNormalised: reader.flag('expert_weights_norm', false),
    gating: readGating(reader, hp),
    denseLayers: reader.integer('leading_dense_block_count', 0),
    hasTemperature: reader.number('attention.temperature_scale', 0) !== 0,
  };
}

/** Checks that the cache has the row per token that attention stores: one compressed row, or the keys of all heads. */
function checkCache(reader: MetadataReader, hp: Hyperparameters, stored: { heads: number; length: number }): void {
  if (hp.kvHeadCount !== stored.heads) reader.refuse('attention.head_count_kv', `${stored.heads} in this kind of file`);
  if (hp.keyLength !== stored.length)
    reader.refuse('attention.key_length', `${stored.length}, the length of a cached row`);
}

/**
 * Whether the model does not compress queries, as DeepSeek-V2-Lite, GigaChat3-10B and Kanana-2-30B. Their files do not
 * say so, so the number of layers decides. Here and in {@link readGating} llama.cpp counts layers that predict further
 * tokens as well.
 */
function isLite({ layerCount, vocabularySize }: Hyperparameters): boolean {
  return layerCount === 27 || layerCount === 26 || (layerCount === 48 && vocabularySize === 128256);
}

/** Files made before the key existed mean softmax, except those of one model. */
function readGating(reader: MetadataReader, { layerCount, vocabularySize }: Hyperparameters): Gating {
  const isGlm47Lite = (layerCount === 47 || layerCount === 48) && vocabularySize === 154880;
  const code = reader.integer('expert_gating_func', 0) || (isGlm47Lite ? 2 : 1);
  const gating = ([undefined, 'softmax', 'sigmoid', 'softmax-of-chosen'] as const)[code];
  return gating ?? reader.refuse('expert_gating_func', 'an integer from 1 to 3');
}

/**
 * The factor of the scores. With YaRN it contains the attention factors of queries and keys, hence the square.
 */
function attentionScale(reader: MetadataReader, hp: Hyperparameters & { fullKeyLength: number }): number {
  const stretch = Math.log(1 / hp.rope.freqScale!);
  const original = hp.rope.attnFactor! * (1 + 0.1 * stretch);
  const factor = original * (1 + 0.1 * yarnLogMultiplier(reader) * stretch);
  return (factor * factor) / Math.sqrt(hp.fullKeyLength);
}

function build(m: ModelBuilder<DeepSeek2Hyperparameters>): void {
  const { ctx } = m;
  let x = tokenEmbedding(m);
  const attention = attentionBlock(m);
  const wanted = wantedTokens(m);
  for (const s of m.layers()) {
    const normed = s.named(rmsNorm(s, 'attn_norm', x), 'attn_norm');
    const [kept, residual] = keepWanted(s, wanted, attention(s, normed), x);
    const middle = s.named(ctx.add(kept, residual), 'ffn_inp');
    const ready = s.named(rmsNorm(s, 'ffn_norm', middle), 'ffn_norm');
    x = s.named(ctx.add(s.named(feedForward(s, ready), 'ffn_out'), middle), 'l_out');
  }
  finish(m, vocabularyScores(m, finalNorm(m, x), { isScaled: false }));
  requirePredictLayers(m);
}

/**
 * Checks that the file holds the layers that predict further tokens. They are not run, so they are built in a graph
 * that is thrown away. If another file holds these layers, their remaining tensors are skipped.
 */
function requirePredictLayers(m: ModelBuilder<DeepSeek2Hyperparameters>): void {
  const { embeddingLength, vocabularySize } = m.hp;
  const joined = [2 * embeddingLength, embeddingLength];
  const layers = m.predictLayers();
  if (layers.length === 0 || layers[0].optionalWeight('nextn.eh_proj.weight', joined) === null) {
    for (const { layer } of layers) m.weights.skipLayer(layer!);
    return;
  }
  const spare = new ModelBuilder(m.hp, m.run, m.batch, m.weights, m.memory);
  const attention = attentionBlock(spare);
  const x = spare.input('f32', [embeddingLength, m.batch.tokens]);
  for (const s of spare.predictLayers()) {
    feedForward(s, rmsNorm(s, 'ffn_norm', attention(s, rmsNorm(s, 'attn_norm', x))));
    s.weight('nextn.eh_proj.weight', joined);
    for (const name of ['enorm', 'hnorm']) s.weight(`nextn.${name}.weight`, [embeddingLength]);
    s.optionalWeight('nextn.shared_head_norm.weight', [embeddingLength]);
    for (const name of ['embed_tokens', 'shared_head_head']) {
      s.optionalWeight(`nextn.${name}.weight`, [embeddingLength, vocabularySize]);
    }
  }
}

type Block = (s: Scope<DeepSeek2Hyperparameters>, x: Tensor) => Tensor;

function attentionBlock(m: ModelBuilder<DeepSeek2Hyperparameters>): Block {
  const inputs = latentInputs(m, m.hp.hasTemperature);
  if (m.hp.isLatent) return (s, x) => attendCompressed(s, inputs, x);
  const cached = attentionInputs(m);
  return (s, x) => attendDecompressed(s, cached, inputs, x);
}

function feedForward(s: Scope<DeepSeek2Hyperparameters>, x: Tensor): Tensor {
  const { experts, expertLength, sharedExperts, gating, isNormalised, denseLayers, feedForwardLength } = s.hp;
  if (s.layer! < denseLayers) return gatedSilu(s, x, feedForwardLength);
  const routed = expertFeedForward(s, x, {
    experts,
    length: expertLength,
    gating,
    isNormalised,
    selectionBias: 'optional',
    fusedGate: 'optional',
  });
  const shared = s.named(gatedSilu(s, x, expertLength * sharedExperts, { suffix: '_shexp' }), 'ffn_shexp');
  return s.ctx.add(routed, shared);
}
