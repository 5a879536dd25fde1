/**
 * Multi-head latent attention (DeepSeek-V2): keys and values of all heads are one short compressed row per token, plus
 * one part of the key that turns with the position. Only that row is cached.
 *
 *     x ─► q:  per head  [ plain | turned ]      plain × absorb ─► compressed query
 *     x ─► kv: compressed row | turned key       cached as one key of one head; its first part is the value, too
 *
 * Invariant: the order of operations, names and graph entries is that of llama.cpp's graph of `deepseek2`.
 */
import { rowSize } from '../../tensor/layout.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { Hyperparameters } from '../hyperparameters.js';
import type { KvCache } from '../memory/kv-cache.js';
import type { Layer, ModelBuilder } from '../model-builder.js';
import { attend, attentionMask, lookUp, projectOutput, type AttentionInputs } from './attention.js';
import { plainProduct } from './linear.js';
import { norm } from './norm.js';
import { turn } from './rope.js';

export interface LatentHyperparameters extends Hyperparameters {
  /** Elements of a head's query and key before compression. */
  readonly fullKeyLength: number;
  /** Elements of a head's value before compression. */
  readonly fullValueLength: number;
  /** Elements of the compressed query; 0: queries are not compressed. */
  readonly queryRank: number;
  /** Elements of the compressed row of keys and values. */
  readonly kvRank: number;
  readonly attentionScale: number;
}

/** The inputs of all attention layers of a graph. */
export interface LatentInputs {
  readonly positions: Tensor;
  readonly cache: KvCache;
  readonly keyIds: Tensor;
  readonly mask: Tensor;
  /** Factor per token that cools attention in long contexts; null if the model has none. */
  readonly temperature: Tensor | null;
}

export function latentInputs(m: ModelBuilder<LatentHyperparameters>, hasTemperature: boolean): LatentInputs {
  const { tokens } = m.batch;
  const cache = m.memory.kv!.full;
  return {
    positions: m.input('i32', [tokens]),
    cache,
    keyIds: m.input('i64', [tokens]),
    mask: attentionMask(m, cache),
    temperature: hasTemperature ? m.input('f32', [1, 1, tokens], 'attn_scale') : null,
  };
}

/** The tensors that both forms of attention start from. */
interface LatentParts {
  /** Queries before they turn, as `[plain | turned, heads, tokens]`. */
  readonly q: Tensor;
  readonly compressed: Tensor;
  /** The turned part of the key, which all heads share. */
  readonly turnedK: Tensor;
}

function latentParts(s: Layer<LatentHyperparameters>, x: Tensor, positions: Tensor): LatentParts {
  const { ctx, hp } = s;
  const { ropeLength, kvRank, fullKeyLength, headCount: heads } = { ...hp, ...s.heads };
  const tokens = x.ne[1];
  const q = s.named(ctx.reshape(queries(s, x, heads * fullKeyLength), [fullKeyLength, heads, tokens]), 'q');
  const both = s.named(plainProduct(s, 'attn_kv_a_mqa', x, kvRank + ropeLength), 'kv_cmpr_pe');
  const row = rowSize(both.type, kvRank + ropeLength);
  const freshRow = s.named(ctx.view(both, [kvRank, tokens], [row]), 'kv_cmpr');
  const freshK = s.named(ctx.view(both, [ropeLength, 1, tokens], [row, row], rowSize(both.type, kvRank)), 'k_pe');
  return {
    q,
    turnedK: s.named(turn(s, freshK, positions), 'k_pe'),
    compressed: s.named(norm(s, 'attn_kv_a_norm', freshRow), 'kv_cmpr'),
  };
}

/** Queries of all heads, by way of a compressed row or directly. */
function queries(s: Layer<LatentHyperparameters>, x: Tensor, length: number): Tensor {
  const { queryRank } = s.hp;
  if (queryRank === 0) return s.named(plainProduct(s, 'attn_q', x, length), 'q');
  const compressed = s.named(plainProduct(s, 'attn_q_a', x, queryRank), 'q');
  const normed = s.named(norm(s, 'attn_q_a_norm', compressed), 'q');
  return s.named(plainProduct(s, 'attn_q_b', normed, length), 'q');
}

/** Attention on the compressed rows: the query of every head is compressed, too. */
export function attendCompressed(s: Layer<LatentHyperparameters>, inputs: LatentInputs, x: Tensor): Tensor {
  const { ctx, hp } = s;
  const { kvRank, fullKeyLength, fullValueLength, ropeLength, headCount: heads } = { ...hp, ...s.heads };
  const { q: fresh, compressed, turnedK } = latentParts(s, x, inputs.positions);
  const partOfQ = (length: number, first: number): Tensor =>
    ctx.view(fresh, [length, heads, x.ne[1]], [fresh.nb[1], fresh.nb[2]], rowSize(fresh.type, first));
  const plainLength = fullKeyLength - ropeLength;
  const plainQ = s.named(partOfQ(plainLength, 0), 'q_nope');
  const turnedQ = s.named(turn(s, s.named(partOfQ(ropeLength, plainLength), 'q_pe'), inputs.positions), 'q_pe');
  const absorb = s.weight('attn_k_b.weight', [plainLength, kvRank, heads]);
  const asked = ctx.mulMat(absorb, s.named(ctx.permute(plainQ, [0, 2, 1, 3]), 'q_nope_perm'));
  s.named(asked, 'q_nope_absorbed');
  const absorbed = s.named(ctx.permute(asked, [0, 2, 1, 3]), 'q_nope_absorbed_perm');
  const plain = s.named(ctx.concat(absorbed, turnedQ, 0), 'Qcur');
  const v = s.named(ctx.reshape(compressed, [kvRank, 1, x.ne[1]]), 'Vcur');
  const k = s.named(ctx.concat(v, turnedK, 0), 'Kcur');
  const q = cooled(s, plain, inputs.temperature);
  for (const part of [q, v, k]) s.expand(part);
  s.expand(inputs.cache.storeKeys(ctx, k, inputs.keyIds, s.index));
  const keys = inputs.cache.keys(ctx, s.index);
  const values = ctx.view(keys, [kvRank, keys.ne[1], keys.ne[2], keys.ne[3]], [keys.nb[1], keys.nb[2], keys.nb[3]]);
  const decompress = s.weight('attn_v_b.weight', [kvRank, fullValueLength, heads]);
  const options = { scale: hp.attentionScale, decompress };
  return projectOutput(s, s.named(lookUp(s, { q, k: keys, v: values }, inputs.mask, options), 'kqv_out'), options);
}

/** Older files: keys and values are decompressed, and cached as in other models. */
export function attendDecompressed(
  s: Layer<LatentHyperparameters>,
  inputs: AttentionInputs,
  { positions, temperature }: Pick<LatentInputs, 'positions' | 'temperature'>,
  x: Tensor,
): Tensor {
  const { ctx, hp } = s;
  const { fullKeyLength, fullValueLength, ropeLength, headCount: heads } = { ...hp, ...s.heads };
  const { q: fresh, compressed, turnedK } = latentParts(s, x, positions);
  const plainLength = fullKeyLength - ropeLength;
  const kv = s.named(plainProduct(s, 'attn_kv_b', compressed, heads * (plainLength + fullValueLength)), 'kv');
  const perHead = rowSize(kv.type, plainLength + fullValueLength);
  const partOfKv = (length: number, first: number): Tensor =>
    ctx.view(kv, [length, heads, x.ne[1]], [perHead, perHead * heads], rowSize(kv.type, first));
  const plainK = s.named(partOfKv(plainLength, 0), 'k_nope_view');
  const v = s.named(ctx.cont(s.named(partOfKv(fullValueLength, plainLength), 'Vcur_view')), 'Vcur_cont');
  const q = s.named(turn(s, fresh, positions, { offset: plainLength }), 'Qcur');
  const k = s.named(ctx.concat(plainK, ctx.repeat(turnedK, [ropeLength, heads, x.ne[1]]), 0), 'Kcur');
  return attend(s, inputs, { q: cooled(s, q, temperature), k, v }, { scale: hp.attentionScale });
}

function cooled(s: Layer, q: Tensor, temperature: Tensor | null): Tensor {
  return temperature === null ? q : s.named(s.ctx.mul(q, temperature), 'Qcur_attn_temp_scaled');
}
