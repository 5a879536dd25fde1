/**
 * Gemma 4's draft: layers with queries alone, which look at the keys and values that the last layers of its target have
 * cached, and guess the next token from the target's embedding of the last one.
 */
import type { Tensor } from '../../tensor/tensor.js';
import type { Architecture } from '../architecture.js';
import { accessTo, attendedCached, reshaped, type CacheAccess } from '../blocks/attention.js';
import { feedForward } from '../blocks/feed-forward.js';
import { finish, keepWanted, vocabularyScores, wantedTokens } from '../blocks/inputs.js';
import { plainProduct, product } from '../blocks/linear.js';
import { norm } from '../blocks/norm.js';
import { turn } from '../blocks/rope.js';
import { refuseEmbeddings, requireTarget, unfitTarget } from '../blocks/target.js';
import { readDecoder } from '../decoder/read.js';
import { withCachesIn, type Hyperparameters, type LayerHeads } from '../hyperparameters.js';
import type { MetadataReader } from '../metadata-reader.js';
import type { Layer, ModelBuilder } from '../model-builder.js';

export const gemma4Assistant: Architecture = {
  read: (reader) =>
    readDecoder(reader, {
      rope: { mode: 'neox' },
      window: { period: 'flagged', freqBase: 10000, isStretched: false },
      headRules: { isVaried: true },
      adjust: readAssistant,
    }),
  build,
  isPredictor: true,
};

function readAssistant(hp: Hyperparameters, reader: MetadataReader): Hyperparameters {
  for (const part of ['key', 'value']) reader.integer(`attention.${part}_length_swa`);
  const predicting = 'nextn_predict_layers';
  if (reader.integer(predicting, 0) !== hp.layerCount) {
    reader.refuse(predicting, `${hp.layerCount}, the number of all layers, in this architecture`);
  }
  if (hp.outputLength === hp.embeddingLength) {
    reader.refuse(
      'embedding_length_out',
      `the length of the target’s embeddings, not ${hp.embeddingLength}, the draft’s own`,
    );
  }
  return withCachesIn(hp, () => false);
}

/** What every layer reads besides the tokens. */
interface Inputs {
  readonly positions: Tensor;
  readonly wanted: Tensor;
  /** The cache of the target, by whether a layer has a window, and the target’s layer that is read there. */
  readonly cached: (heads: LayerHeads) => { readonly access: CacheAccess; readonly layer: number };
}

function build(m: ModelBuilder): void {
  const { ctx, top, hp, batch, graph } = m;
  const { embeddingLength, outputLength: targetLength } = hp;
  refuseEmbeddings(m);
  leaveMaskedScores(m);
  const tokens = m.input('i32', [batch.tokens], 'inp_tokens');
  const given = m.input('f32', [targetLength, batch.tokens], 'inp_h');
  const embedded = ctx.scale(ctx.getRows(targetTable(m), tokens), Math.sqrt(targetLength));
  const both = top.named(ctx.concat(top.named(embedded, 'inp_embd_target'), given, 0), 'inp_xh');
  let x = top.named(plainProduct(top, 'nextn.pre_projection', both, embeddingLength), 'pre_proj');
  const cached = targetCaches(m);
  const inputs = { cached, positions: m.input('i32', [batch.tokens]), wanted: wantedTokens(m) };
  for (const s of m.layers()) x = layer(s, x, inputs);
  const embedding = top.named(norm(top, 'output_norm', x), 'result_norm');
  finish(m, vocabularyScores(m, embedding, { presence: 'none', product: 'adapted' }));
  const next = top.named(plainProduct(top, 'nextn.post_projection', embedding, targetLength), 'h_nextn');
  graph.expand(ctx.setOutput(next));
}

/** What could keep scores to some tokens is in the file, but not loaded. */
function leaveMaskedScores({ top }: ModelBuilder): void {
  for (const name of ['masked_embd_centroids.weight', 'masked_embd_ordering']) {
    top.optionalWeight(name, top.listedShape(name) ?? []);
  }
}

/** The embeddings of tokens as the target has them. */
function targetTable(m: ModelBuilder): Tensor {
  const { outputLength } = m.hp;
  const weights = requireTarget(m).weights.inLayer(null);
  const [length, count] = weights.shapeOf('token_embd.weight') ?? [outputLength, m.hp.vocabularySize];
  if (length === outputLength) return weights.get('token_embd.weight', [length, count]);
  const message = `The embeddings of the target have ${length} elements, but this draft model was made for a target with ${outputLength}.`;
  throw unfitTarget(message, `embeddings of ${length} elements`, `embeddings of ${outputLength} elements`);
}

/** The target’s last layer with a window, and its last one without. */
function targetCaches(m: ModelBuilder): Inputs['cached'] {
  const { hp: target, memory } = requireTarget(m).running();
  const { kv, state } = memory;
  if (!kv?.window || state !== null) {
    const message = 'The target has no cache for layers with a sliding window, which this draft model reads.';
    throw unfitTarget(message, 'without that cache', 'a model with a sliding window in some layers');
  }
  const [full, window] = [kv.full, kv.window].map((cache) => accessTo(m, cache));
  return (heads) => {
    const layer = target.layerCount - (heads.isWindowed ? 2 : 1);
    requireSameHeads(heads, target.attention.layers[layer], layer);
    return { access: heads.isWindowed ? window : full, layer };
  };
}

function requireSameHeads(heads: LayerHeads, cached: LayerHeads | undefined, layer: number): void {
  const parts = ['isWindowed', 'kvHeadCount', 'keyLength', 'valueLength'] as const;
  if (cached !== undefined && parts.every((part) => cached[part] === heads[part])) return;
  const described = ({ isWindowed, kvHeadCount, keyLength }: LayerHeads): string =>
    `${kvHeadCount} heads of ${keyLength} elements ${isWindowed ? 'with' : 'without'} a sliding window`;
  const found = cached === undefined ? 'no such layer' : described(cached);
  const message = `This draft model reads what layer ${layer} of its target caches, which has ${found}, not ${described(heads)}.`;
  throw unfitTarget(message, found, described(heads));
}

function layer(s: Layer, x: Tensor, inputs: Inputs): Tensor {
  const { ctx, model: m } = s;
  const attended = attention(s, s.named(norm(s, 'attn_norm', x), 'attn_norm'), inputs);
  const [kept, residual] = keepWanted(s, inputs.wanted, attended, x);
  const evened = s.named(norm(s, 'post_attention_norm', kept), 'attn_post_norm');
  const middle = s.named(ctx.add(evened, residual), 'attn_out');
  const ready = s.named(norm(s, 'ffn_norm', middle), 'ffn_norm');
  const fed = s.named(feedForward(s, ready, s.feedForwardLength, { activation: 'gelu' }), 'ffn_out');
  const last = s.named(norm(s, 'post_ffw_norm', fed, {}, m.top), 'ffn_post_norm');
  return s.named(ctx.mul(ctx.add(last, middle), s.weight('layer_output_scale.weight', [1])), 'out_scaled');
}

function attention(s: Layer, x: Tensor, { positions, cached }: Inputs): Tensor {
  const { keyLength, headCount, isWindowed } = s.heads;
  const freqFactors = isWindowed ? null : s.model.top.weight('rope_freqs.weight', [keyLength / 2], s.source);
  const heads = reshaped(s, product(s, 'attn_q', x, keyLength * headCount), keyLength);
  const normed = s.named(norm(s, 'attn_q_norm', heads), 'Qcur_normed');
  const q = s.named(turn(s, normed, positions, { freqFactors }), 'Qcur_pos');
  const { access, layer: read } = cached(s.heads);
  return product(s, 'attn_output', attendedCached(s, access, q, { scale: 1, layer: read }), s.hp.embeddingLength);
}
