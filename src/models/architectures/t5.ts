/**
 * T5: an encoder, and a decoder that looks at the encoder's result as well as at its own text. Scores depend on the
 * distance of two tokens.
 *
 * llama.cpp reserves memory for the decoder's graph; the encoder's weights are loaded beside it.
 */
import { PlannerError } from '../../errors.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { Architecture } from '../architecture.js';
import {
  attended,
  attendedInBatch,
  attentionInputs,
  batchMask,
  projectHeads,
  reshaped,
  type AttentionInputs,
  type Heads,
} from '../blocks/attention.js';
import { feedForward } from '../blocks/feed-forward.js';
import { finalNorm, finish, tokenEmbedding, vocabularyScores, wantedTokens } from '../blocks/inputs.js';
import { product } from '../blocks/linear.js';
import { norm } from '../blocks/norm.js';
import { poolTexts } from '../blocks/pooling.js';
import { bucketTable, positionBias, positionBuckets } from '../blocks/position-bias.js';
import { requireHeads } from '../head-rules.js';
import { readHyperparameters, withAttention, type Hyperparameters } from '../hyperparameters.js';
import type { MetadataReader } from '../metadata-reader.js';
import { ModelBuilder, type Layer } from '../model-builder.js';
import type { Presence } from '../presence.js';

interface T5Hyperparameters extends Hyperparameters {
  /** Ranges of distances that have a number of their own. */
  readonly bucketCount: number;
  readonly decoderLayerCount: number;
}

export const t5: Architecture<T5Hyperparameters> = { read: readT5, build: buildDecoder };

/** The encoder alone, as embeddings of texts are made with; it has a cache, which is not read. */
export const t5encoder: Architecture<T5Hyperparameters> = {
  read: (reader) => withAttention(readEncoder(reader), { readsCache: false }),
  build: (m) => {
    const embedding = buildEncoder(m, 'required');
    m.top.optionalWeight('output.weight', [m.hp.embeddingLength, m.hp.vocabularySize]);
    poolTexts(m, embedding);
  },
};

function readEncoder(reader: MetadataReader): T5Hyperparameters {
  const hp = readHyperparameters(reader);
  requireHeads(reader, hp, {});
  return {
    ...hp,
    norm: { ...hp.norm, epsilon: reader.number('attention.layer_norm_rms_epsilon') },
    hasEncoder: true,
    bucketCount: reader.integer('attention.relative_buckets_count'),
    decoderLayerCount: 0,
  };
}

function readT5(reader: MetadataReader): T5Hyperparameters {
  const hp = readEncoder(reader);
  reader.integer('decoder_start_token_id', 0);
  const decoderLayerCount = reader.integer('decoder_block_count', hp.layerCount);
  if (decoderLayerCount > hp.layerCount) {
    reader.refuse('decoder_block_count', `at most ${hp.layerCount}, the layers that have a cache`);
  }
  return { ...hp, decoderLayerCount, givesEmbeddings: true };
}

/** The inputs of the decoder's layers. */
interface DecoderInputs {
  readonly self: AttentionInputs;
  /** The encoder's result, and what the decoder may see of it. */
  readonly encoded: Tensor;
  readonly encodedMask: Tensor;
  readonly buckets: Tensor;
  readonly first: Layer<T5Hyperparameters>;
}

function buildDecoder(m: ModelBuilder<T5Hyperparameters>): void {
  const { ctx, hp } = m;
  const { cells, streams } = m.memory.kv!.full;
  if (streams > 1) throw separateCaches(streams);
  let x = tokenEmbedding(m);
  const layers = m.layers('dec.blk', hp.decoderLayerCount);
  const inputs: DecoderInputs = {
    self: attentionInputs(m),
    encoded: m.input('f32', [hp.embeddingLength, hp.contextLength]),
    encodedMask: batchMask(m, hp.contextLength),
    buckets: positionBuckets(m, cells),
    first: layers[0],
  };
  const wanted = wantedTokens(m);
  for (const s of layers) {
    const own = ctx.add(ownAttention(s, x, inputs), x);
    let middle = s.named(own, 'cross_inp');
    let crossed = crossAttention(s, middle, inputs);
    if (s === layers.at(-1)) [crossed, middle] = [ctx.getRows(crossed, wanted), ctx.getRows(middle, wanted)];
    x = endOfLayer(s, crossed, middle);
    // These numbers are in some files, but are never used.
    s.optionalWeight('cross_attn_rel_b.weight', [s.heads.headCount, hp.bucketCount]);
  }
  const embedding = finalNorm(m, m.top.named(x, 'result_embd'), { part: 'dec.output_norm', label: 'result_norm' });
  finish(m, vocabularyScores(m, embedding));
  poolTexts(m, embedding);
  buildEncoder(new ModelBuilder(hp, m.run, m.batch, m.weights, m.memory), 'optional');
}

function separateCaches(streams: number): PlannerError {
  return new PlannerError('BAD_ARGUMENT', {
    message: `Without \`kvUnified\` the ${streams} sequences have a cache each, but this architecture adds one table of distances to all scores.`,
    culprit: 'kvUnified',
    value: false,
    limit: 'true for several sequences in this architecture',
    remedy: 'Let the sequences share one cache, or run one sequence.',
  });
}

function ownAttention(s: Layer<T5Hyperparameters>, x: Tensor, { self, buckets, first }: DecoderInputs): Tensor {
  const normed = s.named(norm(s, 'attn_norm', x), 'attn_norm');
  const heads = projectHeads(s, normed, { matrices: 'separate', bias: 'none' });
  const scoreBias = positionBias(s, bucketTable(s, first, s.hp.bucketCount, 'required')!, buckets);
  return projected(s, 'attn_o', attended(s, self, heads, { scale: 1, scoreBias }));
}

function crossAttention(s: Layer<T5Hyperparameters>, x: Tensor, { encoded, encodedMask }: DecoderInputs): Tensor {
  const normed = s.named(norm(s, 'cross_attn_norm', x), 'attn_norm_cross');
  const heads = plainHeads(s, 'cross_attn', normed, encoded);
  return projected(s, 'cross_attn_o', attendedInBatch(s, heads, encodedMask, { scale: 1 }));
}

/** Queries of `x`, keys and values of `seen`; only their rows are named. */
function plainHeads(s: Layer, part: string, x: Tensor, seen: Tensor): Heads {
  const { headCount, kvHeadCount, keyLength, valueLength } = s.heads;
  const heads = (letter: 'q' | 'k' | 'v', from: Tensor, length: number, count: number): Tensor => {
    const rows = s.named(product(s, `${part}_${letter}`, from, length * count), `${letter.toUpperCase()}cur`);
    return reshaped(s, rows, length);
  };
  return {
    q: heads('q', x, keyLength, headCount),
    k: heads('k', seen, keyLength, kvHeadCount),
    v: heads('v', seen, valueLength, kvHeadCount),
  };
}

function projected(s: Layer, part: string, mixed: Tensor): Tensor {
  return s.named(product(s, part, mixed, s.hp.embeddingLength), 'kqv_out');
}

/** What attention found joins the residual; so does what the network, which may have a gate, makes of that. */
function endOfLayer(s: Layer, attention: Tensor, residual: Tensor): Tensor {
  const { ctx, feedForwardLength: length } = s;
  const middle = s.named(ctx.add(attention, residual), 'ffn_inp');
  const ready = s.named(norm(s, 'ffn_norm', middle), 'ffn_norm');
  const isGated = s.optionalWeight('ffn_gate.weight', [s.hp.embeddingLength, length]) !== null;
  const network = isGated ? ({ activation: 'gelu' } as const) : ({ activation: 'relu', gate: 'none' } as const);
  const fed = s.named(feedForward(s, ready, length, network), 'ffn_out');
  return s.named(ctx.add(fed, middle), 'l_out');
}

/**
 * The encoder's graph.
 *
 * @param distances whether the file must hold the numbers of distances; the loader does not check that
 * @returns the embeddings of the wanted tokens
 */
function buildEncoder(m: ModelBuilder<T5Hyperparameters>, distances: Presence): Tensor {
  const { ctx, hp } = m;
  let x = tokenEmbedding(m);
  const buckets = positionBuckets(m, m.batch.tokens);
  const mask = batchMask(m, m.batch.tokens);
  const wanted = wantedTokens(m);
  const layers = m.layers('enc.blk');
  for (const s of layers) {
    const normed = s.named(norm(s, 'attn_norm', x), 'attn_norm');
    const heads = plainHeads(s, 'attn', normed, normed);
    const table = bucketTable(s, layers[0], hp.bucketCount, distances);
    const scoreBias = table === null ? null : positionBias(s, table, buckets);
    let attention = projected(s, 'attn_o', attendedInBatch(s, heads, mask, { scale: 1, scoreBias }));
    if (s.isLast) [attention, x] = [ctx.getRows(attention, wanted), ctx.getRows(x, wanted)];
    x = endOfLayer(s, attention, x);
  }
  const embedding = finalNorm(m, m.top.named(x, 'result_embd'), { part: 'enc.output_norm', label: 'result_norm' });
  m.graph.expand(embedding);
  return embedding;
}
