/**
 * Gemma 3n: four streams of which a layer runs one and corrects all (AltUp), a low-rank path beside attention (LAuReL),
 * embeddings for every layer, and caches that later layers share.
 */
import type { Tensor } from '../../tensor/tensor.js';
import type { Architecture } from '../architecture.js';
import { attend, attendCached, attentionInputs, projectHeads, reshaped } from '../blocks/attention.js';
import { finalNorm, finish, softCapped, tokenEmbedding, vocabularyScores, wantedTokens } from '../blocks/inputs.js';
import { layerEmbeddings, plane } from '../blocks/layer-embeddings.js';
import { plainProduct, product } from '../blocks/linear.js';
import { norm } from '../blocks/norm.js';
import { turn } from '../blocks/rope.js';
import { withSharedCaches } from '../blocks/shared-cache.js';
import { readDecoder } from '../decoder/read.js';
import type { DecoderInputs } from '../decoder/recipe.js';
import type { Layer, ModelBuilder } from '../model-builder.js';

const STREAMS = 4;
const LAUREL_RANK = 64;
const LAYER_EMBEDDING_LENGTH = 256;

/** Layers with a cache of their own. */
const CACHED_LAYERS = 20;

/** Layers at the beginning that keep about the largest twentieth of their gate, and its distance from the mean. */
const SPARSE_LAYERS = 10;
const SPARSITY_DEVIATIONS = 1.6448533535003662;

const SOFTCAP = 30;

export const gemma3n: Architecture = {
  read: (reader) =>
    readDecoder(reader, {
      rope: { mode: 'neox' },
      window: { period: 5, freqBase: 10000, isStretched: false },
      adjust: (hp) => withSharedCaches(reader, hp, CACHED_LAYERS, 'attention.sliding_window_pattern'),
    }),
  build,
};

type Inputs = Pick<DecoderInputs, 'positions' | 'attention'> & { readonly perLayer: Tensor };

function build(m: ModelBuilder): void {
  const { ctx, top, hp } = m;
  const embedded = top.named(ctx.scale(tokenEmbedding(m), Math.sqrt(hp.embeddingLength)), 'inp_scaled');
  const positions = m.input('i32', [m.batch.tokens]);
  const attention = attentionInputs(m);
  const perLayer = layerEmbeddings(m, embedded, LAYER_EMBEDDING_LENGTH);
  let x = stacked(m, embedded);
  for (const s of m.layers()) x = layer(s, x, { positions, attention, perLayer });
  const wanted = ctx.getRows(merged(m, x), wantedTokens(m));
  finish(m, softCapped(m, vocabularyScores(m, finalNorm(m, wanted)), SOFTCAP));
}

function magnitude({ ctx }: ModelBuilder, x: Tensor): Tensor {
  return ctx.sqrt(ctx.sumRows(ctx.sqr(x)));
}

/** The first stream as `first`, and the others made of it by matrices, as long as it is. */
function stacked(m: ModelBuilder, first: Tensor): Tensor {
  const { ctx, top } = m;
  const [width, tokens] = first.ne;
  const target = magnitude(m, first);
  const matrices = top.weight('altup_proj.weight', [width, width, STREAMS - 1]);
  const others = ctx.mulMat(matrices, ctx.repeat(first, [width, tokens, STREAMS - 1]));
  const even = ctx.div(ctx.mul(others, target), magnitude(m, others));
  return top.named(ctx.concat(first, even, 2), 'inp_stacked');
}

/** The mean of all streams. */
function merged(m: ModelBuilder, x: Tensor): Tensor {
  const { ctx, top } = m;
  const width = x.ne[0];
  const target = magnitude(m, plane(m, x, 0));
  const matrices = top.weight('altup_unembd_proj.weight', [width, width, STREAMS - 1]);
  const others = ctx.mulMat(matrices, otherStreams(m, x));
  const even = top.named(ctx.div(ctx.mul(others, target), magnitude(m, others)), 'altup_unembd');
  let sum = plane(m, x, 0);
  for (let stream = 0; stream < STREAMS - 1; stream++) sum = ctx.add(sum, plane(m, even, stream));
  return top.named(ctx.scale(sum, 1 / STREAMS), 'unembd_merged');
}

function otherStreams({ ctx }: ModelBuilder, x: Tensor): Tensor {
  const [width, tokens] = x.ne;
  return ctx.view(x, [width, tokens, STREAMS - 1], [x.nb[1], x.nb[2]], x.nb[2]);
}

function layer(s: Layer, x: Tensor, inputs: Inputs): Tensor {
  const { ctx, model: m } = s;
  const predictions = predicted(s, x);
  const active = s.named(plane(m, predictions, 0), 'active_prediction');
  const normed = s.named(norm(s, 'attn_norm', active), 'attn_norm');
  const laurel = lowRankPath(s, normed);
  const attended = s.named(norm(s, 'post_attention_norm', attention(s, normed, inputs)), 'attn_post_norm');
  const gated = s.named(ctx.add(attended, active), 'attn_gated');
  const both = s.named(ctx.scale(ctx.add(gated, laurel), 1 / Math.SQRT2), 'attn_laurel');
  const fed = network(s, s.named(norm(s, 'ffn_norm', both), 'ffn_norm'));
  const evened = s.named(norm(s, 'post_ffw_norm', fed, {}, m.top), 'ffn_post_norm');
  const activated = s.named(ctx.add(evened, both), 'attn_ffw_laurel_gated');
  const corrected = correctedStreams(s, predictions, activated);
  const addition = gatedEmbedding(s, corrected, inputs.perLayer);
  const first = plane(m, corrected, 0);
  return s.named(ctx.concat(first, ctx.add(otherStreams(m, corrected), addition), 2), 'l_out');
}

function modalities(s: Layer, x: Tensor): Tensor {
  const { ctx } = s;
  const even = ctx.scale(norm(s, 'altup_router_norm', x), 1 / s.hp.embeddingLength);
  return s.named(ctx.tanh(plainProduct(s, 'altup_router', even, STREAMS)), 'modalities');
}

/** What each stream will be after the layer, by the first one. */
function predicted(s: Layer, x: Tensor): Tensor {
  const { ctx } = s;
  const shares = modalities(s, plane(s.model, x, 0));
  const flat = s.named(product(s, 'altup_predict_coef', shares, STREAMS * STREAMS), 'all_coefs');
  const coefficients = ctx.reshape(flat, [STREAMS, STREAMS, x.ne[1]]);
  const mixed = ctx.mulMat(ctx.cont(ctx.permute(x, [1, 2, 0, 3])), coefficients);
  return s.named(ctx.add(ctx.cont(ctx.permute(mixed, [0, 2, 1, 3])), x), 'predictions');
}

/** The predictions, each corrected by a part of what they missed. */
function correctedStreams(s: Layer, predictions: Tensor, activated: Tensor): Tensor {
  const { ctx } = s;
  const [width, tokens] = activated.ne;
  const shares = modalities(s, activated);
  const missed = s.named(ctx.sub(activated, plane(s.model, predictions, 0)), 'innovation');
  const plain = product(s, 'altup_correct_coef', shares, STREAMS);
  const coefficients = s.named(ctx.scale(plain, 1, { bias: 1 }), 'all_coefs');
  const perStream = ctx.cont(ctx.transpose(coefficients), [1, tokens, STREAMS]);
  const corrections = ctx.mul(ctx.repeat(missed, [width, tokens, STREAMS]), perStream);
  return s.named(ctx.add(corrections, predictions), 'corrected');
}

function lowRankPath(s: Layer, x: Tensor): Tensor {
  const wide = product(s, 'laurel_r', product(s, 'laurel_l', x, LAUREL_RANK), x.ne[0]);
  return s.named(s.ctx.add(norm(s, 'laurel_post_norm', wide), x), 'laurel_out');
}

function attention(s: Layer, x: Tensor, { positions, attention: inputs }: Inputs): Tensor {
  const { ctx, hp } = s;
  const normed = (part: 'q' | 'k', heads: Tensor): Tensor =>
    s.named(norm(s, `attn_${part}_norm`, heads), `${part.toUpperCase()}cur_normed`);
  const turned = (part: 'q' | 'k', heads: Tensor): Tensor =>
    s.named(turn(s, normed(part, heads), positions), `${part.toUpperCase()}cur_pos`);
  if (s.heads.cacheLayer !== s.index) {
    loadUnreadHeads(s, x);
    const { keyLength, headCount } = s.heads;
    const rows = s.named(product(s, 'attn_q', x, keyLength * headCount), 'Qcur');
    return attendCached(s, inputs, turned('q', reshaped(s, rows, keyLength)), { scale: 1 });
  }
  const { q, k, v } = projectHeads(s, x);
  const values = s.named(ctx.rmsNorm(v, hp.norm.epsilon), 'Vcur_normed');
  return attend(s, inputs, { q: turned('q', q), k: turned('k', k), v: values }, { scale: 1 });
}

/** A layer without a cache of its own holds the tensors of one, too. */
function loadUnreadHeads(s: Layer, x: Tensor): void {
  const { keyLength, valueLength, headCount, kvHeadCount } = s.heads;
  const lengths = { q: keyLength * headCount, k: keyLength * kvHeadCount, v: valueLength * kvHeadCount };
  for (const [part, length] of Object.entries(lengths)) {
    s.weight(`attn_${part}.weight`, [x.ne[0], length]);
    s.optionalWeight(`attn_${part}.bias`, [length]);
  }
  s.weight('attn_k_norm.weight', [keyLength]);
}

function network(s: Layer, x: Tensor): Tensor {
  const { ctx } = s;
  const up = product(s, 'ffn_up', x, s.feedForwardLength);
  const gate = product(s, 'ffn_gate', x, s.feedForwardLength);
  const inner = ctx.mul(up, ctx.gelu(s.index < SPARSE_LAYERS ? largest(s, gate) : gate));
  return s.named(product(s, 'ffn_down', inner, x.ne[0]), 'ffn_out');
}

/** Elements less what lies that many deviations above the mean; zero for smaller ones. */
function largest({ ctx }: Layer, x: Tensor): Tensor {
  const mean = ctx.mean(x);
  const variance = ctx.scale(ctx.sumRows(ctx.sqr(ctx.sub(x, mean))), 1 / (x.ne[0] - 1));
  const cutoff = ctx.add(mean, ctx.scale(ctx.sqrt(variance), SPARSITY_DEVIATIONS));
  return ctx.relu(ctx.sub(x, cutoff));
}

/** What a gate made of the first stream lets through of the layer's embedding. */
function gatedEmbedding(s: Layer, corrected: Tensor, perLayer: Tensor): Tensor {
  const { ctx, model: m } = s;
  const width = corrected.ne[0];
  const scaled = ctx.mul(plane(m, corrected, 0), s.weight('altup_correct_scale.weight', [width]));
  const gate = ctx.gelu(product(s, 'inp_gate', scaled, LAYER_EMBEDDING_LENGTH));
  const own = plane(m, perLayer, s.index);
  const mixed = s.named(ctx.mul(s.named(gate, 'first_prediction_gated'), own), 'first_prediction_scaled');
  return s.named(norm(s, 'post_norm', product(s, 'proj', mixed, width)), 'first_prediction_out');
}
