/**
 * Granite Switch: Granite with LoRA adapters in its own file, of which control tokens choose one for the tokens after
 * them. A router, which is a layer of one head without weights, looks up the latest control token.
 */
import type { Tensor } from '../../tensor/tensor.js';
import type { Architecture } from '../architecture.js';
import { attended, attentionInputs, reshaped, type AttentionInputs } from '../blocks/attention.js';
import { finalNorm, finish, keepWanted, vocabularyScores, wantedTokens } from '../blocks/inputs.js';
import { plainProduct } from '../blocks/linear.js';
import { norm } from '../blocks/norm.js';
import { turn } from '../blocks/rope.js';
import { readDecoder } from '../decoder/read.js';
import { requireHeads } from '../head-rules.js';
import { withAttention, type Hyperparameters } from '../hyperparameters.js';
import type { MetadataReader } from '../metadata-reader.js';
import type { Layer, ModelBuilder } from '../model-builder.js';

interface SwitchHyperparameters extends Hyperparameters {
  readonly isTurned: boolean;
  readonly adapterCount: number;
  readonly rank: number;
}

const MAX_ADAPTERS = 4096;
const MAX_RANK = 4096;

export const graniteSwitch: Architecture<SwitchHyperparameters> = {
  read: (reader) =>
    readDecoder<SwitchHyperparameters>(reader, {
      headRules: null,
      scales: { embedding: 0, residual: 0, attention: 0, logits: 'required', dividesLogits: true },
      adjust: readSwitch,
    }),
  build,
};

function readSwitch(hp: Hyperparameters, reader: MetadataReader): SwitchHyperparameters {
  requireHeads(reader, hp, { isTurnedWhole: true });
  const adapterCount = atMost(reader, 'adapters.count', MAX_ADAPTERS);
  const rank = atMost(reader, 'adapters.lora_rank', MAX_RANK);
  reader.number('adapters.router_gain', 1);
  for (const kind of ['activate', 'substitute']) {
    const key = `adapters.token_ids_${kind}`;
    const ids = reader.integers(key);
    if (ids?.length !== adapterCount) return reader.refuse(key, `a list of ${adapterCount} tokens`);
    const isKnown = (id: number): boolean => id >= 0 && id < hp.vocabularySize;
    if (kind === 'substitute' && !ids.every(isKnown)) reader.refuse(key, `tokens below ${hp.vocabularySize}`);
  }
  const isTurned = reader.flag('rope.scaling.finetuned', true);
  return { ...withRouter(hp), isTurned, adapterCount, rank };
}

function atMost(reader: MetadataReader, key: string, limit: number): number {
  const value = reader.integer(key);
  return value <= limit ? value : reader.refuse(key, `at most ${limit}`);
}

/** The router caches as a layer after the last. */
function withRouter(hp: Hyperparameters): Hyperparameters {
  const { layers } = hp.attention;
  const router = { ...layers[0], headCount: 1, kvHeadCount: 1, cacheLayer: hp.layerCount };
  return {
    ...withAttention(hp, { layers: [...layers, router] }),
    predictLayerCount: 1,
    feedForwardLengths: [...hp.feedForwardLengths, 0],
  };
}

function build(m: ModelBuilder<SwitchHyperparameters>): void {
  const { ctx, top, hp, batch } = m;
  const ids = m.input('i32', [batch.tokens]);
  const signals = [0, 1, 2].map(() => m.input('f32', [batch.tokens]));
  const table = top.weight('token_embd.weight', [hp.embeddingLength, hp.vocabularySize]);
  const rows = ctx.getRows(table, ids);
  let x = top.named(hp.embeddingScale === 0 ? rows : ctx.scale(rows, hp.embeddingScale), 'inp_embd');
  const positions = hp.isTurned ? m.input('i32', [batch.tokens]) : null;
  const attention = attentionInputs(m);
  const adapters = chosenAdapters(m, attention, signals);
  const wanted = wantedTokens(m);
  for (const s of m.layers()) x = layer(s, x, { positions, attention, adapters, wanted });
  finish(m, ctx.scale(vocabularyScores(m, finalNorm(m, x)), hp.logitScale!));
}

/** The adapter of each token, counted from 1; 0: none. @param signals keys, values and queries of the router */
function chosenAdapters(
  m: ModelBuilder<SwitchHyperparameters>,
  inputs: AttentionInputs,
  signals: readonly Tensor[],
): Tensor {
  const { ctx, top, hp, batch } = m;
  const [router] = m.predictLayers();
  const [k, v, q] = signals.map((signal) =>
    ctx.pad(ctx.reshape(signal, [1, 1, batch.tokens]), [router.heads.keyLength - 1, 0, 0, 0]),
  );
  const found = router.named(attended(router, inputs, { q, k, v }, { scale: 1 }), 'router_out');
  const first = ctx.cont(ctx.view(found, [1, batch.tokens], [found.nb[1]]));
  const numbers = ctx.clamp(ctx.reshape(first, [batch.tokens]), 0, hp.adapterCount);
  return top.named(ctx.cast(ctx.round(numbers), 'i32'), 'adapter_ids');
}

interface LayerInputs {
  readonly positions: Tensor | null;
  readonly attention: AttentionInputs;
  readonly adapters: Tensor;
  readonly wanted: Tensor;
}

function layer(s: Layer<SwitchHyperparameters>, x: Tensor, inputs: LayerInputs): Tensor {
  const { ctx } = s;
  const normed = s.named(norm(s, 'attn_norm', x), 'attn_norm');
  const [attention, residual] = keepWanted(s, inputs.wanted, attend(s, normed, inputs), x);
  const adapters = s.isLast ? wantedAdapters(s, inputs) : inputs.adapters;
  const middle = s.named(ctx.add(scaled(s, attention), residual), 'ffn_inp');
  const ready = s.named(norm(s, 'ffn_norm', middle), 'ffn_norm');
  const gate = switched(s, 'ffn_gate', ready, s.feedForwardLength, adapters);
  const up = switched(s, 'ffn_up', ready, s.feedForwardLength, adapters);
  const fed = s.named(switched(s, 'ffn_down', ctx.mul(ctx.silu(gate), up), x.ne[0], adapters), 'ffn_out');
  return s.named(ctx.add(scaled(s, fed), middle), 'l_out');
}

function scaled({ ctx, hp }: Layer, x: Tensor): Tensor {
  return hp.residualScale === 0 ? x : ctx.scale(x, hp.residualScale);
}

function wantedAdapters({ ctx }: Layer, { adapters, wanted }: LayerInputs): Tensor {
  const kept = ctx.getRows(ctx.reshape(adapters, [1, adapters.ne[0]]), wanted);
  return ctx.reshape(kept, [wanted.ne[0]]);
}

function attend(s: Layer<SwitchHyperparameters>, x: Tensor, { positions, attention, adapters }: LayerInputs): Tensor {
  const { ctx, hp } = s;
  const { keyLength, headCount, kvHeadCount } = s.heads;
  const [queries, keys] = [keyLength * headCount, keyLength * kvHeadCount];
  const all = s.named(plainProduct(s, 'attn_qkv', x, queries + 2 * keys), 'wqkv');
  const part = (name: string, length: number, first: number): Tensor => {
    const rows = ctx.cont(ctx.view(all, [length, x.ne[1]], [all.nb[1]], first * all.nb[0]));
    return reshaped(s, ctx.add(rows, adapted(s, name, x, length, adapters)), keyLength);
  };
  const turned = (heads: Tensor): Tensor => (positions === null ? heads : turn(s, heads, positions));
  const q = part('attn_q', queries, 0);
  const k = part('attn_k', keys, queries);
  const v = s.named(part('attn_v', keys, queries + keys), 'Vcur');
  const heads = { q: s.named(turned(q), 'Qcur'), k: s.named(turned(k), 'Kcur'), v };
  const scale = hp.attention.scale || 1 / Math.sqrt(keyLength);
  const mixed = s.named(attended(s, attention, heads, { scale }), 'attn_pre_o');
  return s.named(switched(s, 'attn_output', mixed, x.ne[0], adapters), 'attn_out');
}

/** A matrix's product and what each token's adapter adds to it. */
function switched(s: Layer<SwitchHyperparameters>, part: string, x: Tensor, length: number, adapters: Tensor): Tensor {
  return s.ctx.add(plainProduct(s, part, x, length), adapted(s, part, x, length, adapters));
}

/** What each token's adapter adds; the first of all adapters adds nothing. */
function adapted(s: Layer<SwitchHyperparameters>, part: string, x: Tensor, length: number, adapters: Tensor): Tensor {
  const { ctx, hp } = s;
  const slots = hp.adapterCount + 1;
  const [width, tokens] = x.ne;
  const a = s.weight(`${part}.lora_a`, [width, hp.rank, slots]);
  const b = s.weight(`${part}.lora_b`, [hp.rank, length, slots]);
  const ids = ctx.reshape(adapters, [1, tokens]);
  const inner = ctx.mulMatId(a, ctx.reshape(x, [width, 1, tokens]), ids);
  return ctx.reshape(ctx.mulMatId(b, inner, ids), [length, tokens]);
}
