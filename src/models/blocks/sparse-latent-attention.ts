/**
 * Latent attention whose queries see only the tokens that an indexer chooses.
 *
 * Invariant: the order of operations, names and graph entries is that of llama.cpp's graphs of `deepseek32`, `glm-dsa`
 * and `dots3note`.
 */
import { rowSize } from '../../tensor/layout.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { KvCache } from '../memory/kv-cache.js';
import type { Hyperparameters } from '../hyperparameters.js';
import type { Layer, ModelBuilder } from '../model-builder.js';
import { attentionMask, lookUp, type Heads } from './attention.js';
import { absorbedQueries, type LatentLabels } from './latent-attention.js';
import { plainProduct } from './linear.js';
import { norm } from './norm.js';
import { turn } from './rope.js';

/** The lengths of a layer's heads, and of the row that they are compressed to. */
export interface LatentLengths {
  /** Elements of a head's query and key before compression. */
  readonly fullKeyLength: number;
  /** Elements of a head's value before compression. */
  readonly fullValueLength: number;
  /** Elements of the compressed row of keys and values. */
  readonly kvRank: number;
  readonly attentionScale: number;
}

/** A model whose queries are compressed, too. */
export interface SparseLatentHyperparameters extends Hyperparameters, LatentLengths {
  /** Elements of the compressed query. */
  readonly queryRank: number;
}

/** A cache of compressed rows with the inputs that say where the batch goes and what it may see. */
export interface RowAccess {
  readonly cache: KvCache;
  readonly keyIds: Tensor;
  readonly mask: Tensor;
}

export function rowAccess(m: ModelBuilder, cache: KvCache): RowAccess {
  return { cache, keyIds: m.input('i64', [m.batch.tokens]), mask: attentionMask(m, cache) };
}

/** The compressed queries, normalised. */
export function compressedQueries(s: Layer<SparseLatentHyperparameters>, x: Tensor): Tensor {
  const compressed = s.named(plainProduct(s, 'attn_q_a', x, s.hp.queryRank), 'qr');
  return s.named(norm(s, 'attn_q_a_norm', compressed), 'qr');
}

/** What the heads of a layer are made from. */
export interface LatentInputs {
  readonly positions: Tensor;
  readonly x: Tensor;
  readonly queries: Tensor;
  /** Whether the part of the key that turns is normalised before. Default false. */
  readonly isKeyNormed?: boolean;
}

const LABELS = {
  plainQ: 'q_nope',
  turnedQ: 'q_pe',
  permutedQ: 'q_nope_perm',
  absorbed: 'q_nope_absorbed',
  absorbedPermuted: 'q_nope_absorbed_perm',
  query: 'Qcur',
} satisfies LatentLabels;

/** Queries against compressed rows, and the rows as key and as value of the one head. */
export function compressedHeads(s: Layer, lengths: LatentLengths, inputs: LatentInputs): Heads {
  const { positions, queries } = inputs;
  const all = s.named(plainProduct(s, 'attn_q_b', queries, s.heads.headCount * lengths.fullKeyLength), 'q');
  const turnPart = (part: Tensor): Tensor => s.named(turn(s, part, positions), LABELS.turnedQ);
  const q = absorbedQueries(s, all, lengths, turnPart, LABELS);
  return { q, ...compressedRow(s, lengths.kvRank, inputs) };
}

function compressedRow(
  s: Layer,
  kvRank: number,
  { positions, x, isKeyNormed = false }: LatentInputs,
): { readonly k: Tensor; readonly v: Tensor } {
  const { ctx } = s;
  const { ropeLength } = s.heads;
  const tokens = x.ne[1];
  const both = s.named(plainProduct(s, 'attn_kv_a_mqa', x, kvRank + ropeLength), 'kv_cmpr_pe');
  const row = rowSize(both.type, kvRank + ropeLength);
  const freshRow = s.named(ctx.view(both, [kvRank, tokens], [row]), 'kv_cmpr');
  const freshK = s.named(ctx.view(both, [ropeLength, 1, tokens], [row, row], rowSize(both.type, kvRank)), 'k_pe');
  const normedK = isKeyNormed ? s.named(norm(s, 'attn_k_norm', freshK), 'k_pe') : freshK;
  const turnedK = s.named(turn(s, normedK, positions), 'k_pe');
  const compressed = s.named(norm(s, 'attn_kv_a_norm', freshRow), 'kv_cmpr');
  const v = s.named(ctx.reshape(compressed, [kvRank, 1, tokens]), 'Vcur');
  return { k: s.named(ctx.concat(v, turnedK, 0), 'Kcur'), v };
}

/** Stores the compressed rows, and mixes the values of all heads out of the cached ones. @param maskOf made when rows are stored */
export function attendRows(
  s: Layer,
  { fullValueLength, kvRank, attentionScale: scale }: LatentLengths,
  { cache, keyIds }: RowAccess,
  { q, k, v }: Heads,
  maskOf: () => Tensor,
): Tensor {
  const { ctx } = s;
  for (const part of [q, v, k]) s.expand(part);
  s.expand(cache.storeKeys(ctx, k, keyIds, s.index));
  const mask = maskOf();
  const keys = cache.keys(ctx, s.index);
  const values = ctx.view(keys, [kvRank, ...keys.ne.slice(1)], keys.nb.slice(1));
  const decompress = s.weight('attn_v_b.weight', [kvRank, fullValueLength, s.heads.headCount]);
  return s.named(lookUp(s, { q, k: keys, v: values }, mask, { scale, decompress }), 'kqv_out');
}
