/**
 * Gemma 4: heads of other lengths in layers with a window, normalised values, keys that may serve as values, experts
 * beside a dense network, embeddings for every layer, and caches that later layers share.
 */
import type { Tensor } from '../../tensor/tensor.js';
import type { Architecture } from '../architecture.js';
import { attend, attendCached, attentionInputs, reshaped } from '../blocks/attention.js';
import { feedForward, type FeedForwardRecipe } from '../blocks/feed-forward.js';
import { finalNorm, finish, softCapped, tokenEmbedding, vocabularyScores, wantedTokens } from '../blocks/inputs.js';
import { layerEmbeddings, plane } from '../blocks/layer-embeddings.js';
import { linear, product } from '../blocks/linear.js';
import { hasExperts, mixture, type MixtureRecipe } from '../blocks/mixture.js';
import { norm } from '../blocks/norm.js';
import { turn } from '../blocks/rope.js';
import { withSharedCaches } from '../blocks/shared-cache.js';
import { readDecoder } from '../decoder/read.js';
import type { DecoderInputs } from '../decoder/recipe.js';
import type { Hyperparameters } from '../hyperparameters.js';
import type { MetadataReader } from '../metadata-reader.js';
import type { Layer, ModelBuilder } from '../model-builder.js';

interface Gemma4Hyperparameters extends Hyperparameters {
  /** Elements of an embedding of one layer; 0: there are none. */
  readonly layerEmbeddingLength: number;
}

const EXPERTS: MixtureRecipe = {
  layers: 'with-router',
  length: 'own-or-whole',
  isNormalised: true,
  isScaled: true,
  fusedGate: 'optional',
  activation: 'gelu',
};

const NETWORK: FeedForwardRecipe = { activation: 'gelu', isScaled: true };

export const gemma4: Architecture<Gemma4Hyperparameters> = {
  read: (reader) =>
    readDecoder<Gemma4Hyperparameters>(reader, {
      rope: { mode: 'neox' },
      window: { period: 'flagged', freqBase: 10000, isStretched: false },
      headRules: { isVaried: true },
      experts: EXPERTS,
      scales: { logitSoftcap: 30 },
      adjust: readGemma4,
    }),
  build,
};

function readGemma4(hp: Hyperparameters, reader: MetadataReader): Gemma4Hyperparameters {
  for (const part of ['key', 'value']) reader.integer(`attention.${part}_length_swa`);
  const key = 'attention.shared_kv_layers';
  const shared = reader.integer(key, 0);
  if (hp.layerCount - shared < 2) reader.refuse(key, `at most ${hp.layerCount - 2}, all layers but two`);
  return {
    ...withSharedCaches(reader, hp, hp.layerCount - shared, key),
    layerEmbeddingLength: reader.integer('embedding_length_per_layer_input'),
  };
}

type Inputs = Pick<DecoderInputs, 'positions' | 'attention'> & { readonly perLayer: Tensor | null };

function build(m: ModelBuilder<Gemma4Hyperparameters>): void {
  const { ctx, top, hp } = m;
  const { embeddingLength, layerEmbeddingLength, logitSoftcap } = hp;
  const embedded = top.named(ctx.scale(tokenEmbedding(m), Math.sqrt(embeddingLength)), 'inp_scaled');
  const positions = m.input('i32', [m.batch.tokens]);
  const attention = attentionInputs(m);
  const wanted = wantedTokens(m);
  const perLayer = layerEmbeddingLength === 0 ? null : layerEmbeddings(m, embedded, layerEmbeddingLength);
  let x = embedded;
  for (const s of m.layers()) x = layer(s, x, { positions, attention, perLayer });
  const all = top.named(finalNorm(m, x), 'h_nextn');
  const kept = ctx.setOutput(top.named(ctx.getRows(all, wanted), 'result_norm'));
  const scores = vocabularyScores(m, kept);
  finish(m, logitSoftcap === 0 ? scores : softCapped(m, scores, logitSoftcap));
}

function layer(s: Layer<Gemma4Hyperparameters>, x: Tensor, inputs: Inputs): Tensor {
  const { ctx, model: m } = s;
  const attended = attention(s, s.named(norm(s, 'attn_norm', x), 'attn_norm'), inputs);
  const evened = s.named(norm(s, 'post_attention_norm', attended), 'attn_post_norm');
  const middle = s.named(ctx.add(evened, x), 'attn_out');
  const fed = hasExperts(s, EXPERTS) ? denseAndExperts(s, middle) : dense(s, middle);
  const last = s.named(norm(s, 'post_ffw_norm', fed, {}, m.top), 'ffn_post_norm');
  const sum = withLayerEmbedding(s, ctx.add(last, middle), inputs.perLayer);
  const factor = s.optionalWeight('layer_output_scale.weight', [1]);
  return s.named(factor === null ? sum : s.named(ctx.mul(sum, factor), 'out_scaled'), 'l_out');
}

function attention(s: Layer, x: Tensor, { positions, attention: inputs }: Inputs): Tensor {
  const { ctx, hp } = s;
  const { keyLength, valueLength, headCount, kvHeadCount } = s.heads;
  const freqFactors = s.heads.isWindowed ? null : s.model.top.weight('rope_freqs.weight', [keyLength / 2], s.source);
  const turned = (part: 'q' | 'k', rows: Tensor): Tensor => {
    const label = `${part.toUpperCase()}cur`;
    const normed = s.named(norm(s, `attn_${part}_norm`, reshaped(s, rows, keyLength)), `${label}_normed`);
    return s.named(turn(s, normed, positions, { freqFactors }), `${label}_pos`);
  };
  const q = turned('q', s.named(linear(s, 'attn_q', x, keyLength * headCount), 'Qcur'));
  const [keys, values] = [keyLength * kvHeadCount, valueLength * kvHeadCount];
  const hasValues = s.optionalWeight('attn_v.weight', [x.ne[0], values]) !== null;
  if (s.heads.cacheLayer !== s.index) {
    s.optionalWeight('attn_k.weight', [x.ne[0], keys]);
    s.optionalWeight('attn_k_norm.weight', [keyLength]);
    return attendCached(s, inputs, q, { scale: 1 });
  }
  const keyRows = s.named(linear(s, 'attn_k', x, keys), 'Kcur');
  const valueRows = s.named(hasValues ? linear(s, 'attn_v', x, values) : keyRows, 'Vcur');
  const v = s.named(ctx.rmsNorm(reshaped(s, valueRows, valueLength), hp.norm.epsilon), 'Vcur_normed');
  return attend(s, inputs, { q, k: turned('k', keyRows), v }, { scale: 1 });
}

function dense(s: Layer, x: Tensor): Tensor {
  const ready = s.named(norm(s, 'ffn_norm', x), 'ffn_norm');
  return s.named(feedForward(s, ready, s.feedForwardLength, NETWORK), 'ffn_out');
}

/** The router reads neither norm of the networks, but a plain one. */
function denseAndExperts(s: Layer, x: Tensor): Tensor {
  const { ctx, hp } = s;
  const width = hp.embeddingLength;
  const ready = s.named(norm(s, 'ffn_norm', x), 'ffn_norm_1');
  const plain = feedForward(s, ready, s.feedForwardLength, NETWORK);
  const own = s.named(norm(s, 'post_ffw_norm_1', plain), 'ffn_mlp');
  const read = s.named(norm(s, 'pre_ffw_norm_2', x), 'ffn_norm_2');
  const even = ctx.scale(ctx.rmsNorm(x, hp.norm.epsilon), 1 / Math.sqrt(width));
  const routed = ctx.mul(even, s.weight('ffn_gate_inp.scale', [width]));
  const scores = s.named(product(s, 'ffn_gate_inp', routed, hp.experts!.count), 'ffn_moe_logits');
  const said = s.named(norm(s, 'post_ffw_norm_2', mixture(s, read, EXPERTS, scores)), 'ffn_moe');
  return s.named(ctx.add(own, said), 'ffn_moe_combined');
}

function withLayerEmbedding(s: Layer<Gemma4Hyperparameters>, x: Tensor, perLayer: Tensor | null): Tensor {
  if (perLayer === null) return x;
  const { ctx } = s;
  const gate = ctx.gelu(product(s, 'inp_gate', s.named(x, 'pe_in'), s.hp.layerEmbeddingLength));
  const mixed = ctx.mul(gate, plane(s.model, perLayer, s.index));
  const addition = s.named(norm(s, 'post_norm', product(s, 'proj', mixed, x.ne[0])), 'per_layer_embd_out');
  return ctx.add(x, addition);
}
