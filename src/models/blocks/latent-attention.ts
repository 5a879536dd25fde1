/**
 * Multi-head latent attention (DeepSeek-V2): keys and values of all heads are one short compressed row per token, plus
 * one part of the key that turns with the position. Only that row is cached.
 *
 *     x ─► q:  per head  [ plain | turned ]      plain × absorb ─► compressed query
 *     x ─► kv: compressed row | turned key       cached as one key of one head; its first part is the value, too
 *
 * Invariant: the order of operations, names and graph entries is that of llama.cpp's graph of `deepseek2`.
 */
import { elementCount, rowSize } from '../../tensor/layout.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { Hyperparameters } from '../hyperparameters.js';
import type { KvCache } from '../memory/kv-cache.js';
import type { Layer, ModelBuilder } from '../model-builder.js';
import { attend, attentionMask, cooled, lookUp, projectOutput, type AttentionInputs } from './attention.js';
import { plainProduct } from './linear.js';
import { norm } from './norm.js';
import { frequencyFactors, turn, type FrequencyFactors } from './rope.js';

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

/** The inputs that tell tokens apart. */
export interface TokenInputs {
  readonly positions: Tensor;
  /** Factor per token that cools attention in long contexts. */
  readonly temperature: Tensor;
}

/** A cache of compressed rows with the inputs that say where the batch goes and what it may see. */
export interface LatentAccess {
  readonly cache: KvCache;
  readonly keyIds: Tensor;
  readonly mask: Tensor;
}

export function latentAccess(m: ModelBuilder<LatentHyperparameters>): LatentAccess {
  const cache = m.memory.kv!.full;
  return { cache, keyIds: m.input('i64', [m.batch.tokens]), mask: attentionMask(m, cache) };
}

/** Names of results; what has none keeps the name that ggml gives it. */
export interface LatentLabels {
  /** The compressed query, and after its norm. */
  readonly lowQ?: string;
  readonly lowQNormed?: string;
  /** Queries of all heads, from the compressed query, and directly. */
  readonly q?: string;
  readonly directQ?: string;
  /** The compressed row of keys and values with the turned key beside it. */
  readonly both?: string;
  readonly compressed?: string;
  readonly turnedK?: string;
  /** The parts of a query. */
  readonly plainQ?: string;
  readonly turnedQ?: string;
  readonly permutedQ?: string;
  readonly absorbed?: string;
  readonly absorbedPermuted?: string;
  /** Keys and values out of the compressed row. */
  readonly plainK?: string;
  readonly valueView?: string;
  readonly valueCopy?: string;
  /** What is looked up and stored. */
  readonly query?: string;
  readonly key?: string;
  readonly value?: string;
}

export interface LatentOptions {
  /** Default: none. */
  readonly labels?: LatentLabels;
  /** Whether parts of queries and keys turn with the position. Default true. */
  readonly isTurned?: boolean;
  /** Divisors of the frequencies that the file may have. Default: none. */
  readonly factors?: FrequencyFactors;
  /** Whether the queries of all heads are split into heads before they are split into parts. Default false. */
  readonly hasSplitHeads?: boolean;
  /** Whether a file may have no compressed query even if it gives the length of one. Default false. */
  readonly mayLackLowQ?: boolean;
  /** Whether decompressed values are stored as one row of all heads. Default false. */
  readonly hasFlatValues?: boolean;
}

/** The tensors that both forms of attention start from. */
export interface LatentParts {
  /** Queries before they turn, as `[plain | turned, heads, tokens]` or one row of all heads. */
  readonly q: Tensor;
  /** Compressed keys and values. */
  readonly compressed: Tensor;
  /** The turned part of the key, which all heads share. */
  readonly turnedK: Tensor;
}

type LatentLayer = Layer<LatentHyperparameters>;

function labelled(s: Layer, x: Tensor, label: string | undefined): Tensor {
  return label === undefined ? x : s.named(x, label);
}

export function latentParts(s: LatentLayer, x: Tensor, inputs: TokenInputs, options: LatentOptions): LatentParts {
  const { ctx, hp } = s;
  const { labels = {}, hasSplitHeads = false } = options;
  const { ropeLength, kvRank, fullKeyLength, headCount: heads } = { ...hp, ...s.heads };
  const tokens = x.ne[1];
  const rows = queries(s, x, heads * fullKeyLength, options);
  const q = hasSplitHeads ? labelled(s, ctx.reshape(rows, [fullKeyLength, heads, tokens]), labels.q) : rows;
  const both = labelled(s, plainProduct(s, 'attn_kv_a_mqa', x, kvRank + ropeLength), labels.both);
  const row = rowSize(both.type, kvRank + ropeLength);
  const freshRow = labelled(s, ctx.view(both, [kvRank, tokens], [row]), labels.compressed);
  const freshK = ctx.view(both, [ropeLength, 1, tokens], [row, row], rowSize(both.type, kvRank));
  return {
    q,
    turnedK: turned(s, labelled(s, freshK, labels.turnedK), inputs, options, labels.turnedK),
    compressed: labelled(s, norm(s, 'attn_kv_a_norm', freshRow), labels.compressed),
  };
}

function turned(
  s: LatentLayer,
  x: Tensor,
  inputs: TokenInputs,
  { isTurned = true, factors = 'none' }: LatentOptions,
  label: string | undefined,
  offset = 0,
): Tensor {
  if (!isTurned) return x;
  return labelled(s, turn(s, x, inputs.positions, { offset, freqFactors: frequencyFactors(s, factors) }), label);
}

/** Queries of all heads, by way of a compressed row or directly. */
function queries(s: LatentLayer, x: Tensor, length: number, { labels = {}, mayLackLowQ }: LatentOptions): Tensor {
  const { queryRank: rank } = s.hp;
  const isDirect = rank === 0 || (mayLackLowQ && s.optionalWeight('attn_q_a_norm.weight', [rank]) === null);
  if (isDirect) return labelled(s, plainProduct(s, 'attn_q', x, length), labels.directQ);
  const low = labelled(s, plainProduct(s, 'attn_q_a', x, rank), labels.lowQ);
  const normed = labelled(s, norm(s, 'attn_q_a_norm', low), labels.lowQNormed);
  return labelled(s, plainProduct(s, 'attn_q_b', normed, length), labels.q);
}

/**
 * Queries that can be compared with compressed rows: the plain part of each is compressed as the rows are.
 *
 * @param all queries of all heads @param turnPart turns the other part
 */
export function absorbedQueries(
  s: Layer,
  all: Tensor,
  { fullKeyLength, kvRank }: Pick<LatentHyperparameters, 'fullKeyLength' | 'kvRank'>,
  turnPart: (part: Tensor) => Tensor,
  labels: LatentLabels,
): Tensor {
  const { ctx } = s;
  const { ropeLength, headCount } = s.heads;
  const row = rowSize(all.type, fullKeyLength);
  const tokens = elementCount(all) / (fullKeyLength * headCount);
  const partOfQ = (length: number, first: number): Tensor =>
    ctx.view(all, [length, headCount, tokens], [row, row * headCount], rowSize(all.type, first));
  const plainLength = fullKeyLength - ropeLength;
  const plainQ = labelled(s, partOfQ(plainLength, 0), labels.plainQ);
  const turnedQ = turnPart(labelled(s, partOfQ(ropeLength, plainLength), labels.turnedQ));
  const absorb = s.weight('attn_k_b.weight', [plainLength, kvRank, headCount]);
  const asked = ctx.mulMat(absorb, labelled(s, ctx.permute(plainQ, [0, 2, 1, 3]), labels.permutedQ));
  labelled(s, asked, labels.absorbed);
  const absorbed = labelled(s, ctx.permute(asked, [0, 2, 1, 3]), labels.absorbedPermuted);
  return labelled(s, ctx.concat(absorbed, turnedQ, 0), labels.query);
}

/**
 * Attention on the compressed rows, for which the query of every head is compressed, too: one row of all heads per
 * token.
 */
export function attendedCompressed(
  s: LatentLayer,
  { cache, keyIds, mask }: LatentAccess,
  inputs: TokenInputs,
  x: Tensor,
  options: LatentOptions,
): Tensor {
  const { ctx, hp } = s;
  const { labels = {} } = options;
  const { kvRank, fullValueLength, headCount: heads } = { ...hp, ...s.heads };
  const { q: fresh, compressed, turnedK } = latentParts(s, x, inputs, options);
  const turnPart = (part: Tensor): Tensor => turned(s, part, inputs, options, labels.turnedQ);
  const plain = absorbedQueries(s, fresh, hp, turnPart, labels);
  const v = labelled(s, ctx.reshape(compressed, [kvRank, 1, x.ne[1]]), labels.value);
  const k = labelled(s, ctx.concat(v, turnedK, 0), labels.key);
  const q = cooled(s, plain, inputs);
  for (const part of [q, v, k]) s.expand(part);
  s.expand(cache.storeKeys(ctx, k, keyIds, s.index));
  const keys = cache.keys(ctx, s.index);
  const values = ctx.view(keys, [kvRank, keys.ne[1], keys.ne[2], keys.ne[3]], [keys.nb[1], keys.nb[2], keys.nb[3]]);
  const decompress = s.weight('attn_v_b.weight', [kvRank, fullValueLength, heads]);
  const found = lookUp(s, { q, k: keys, v: values }, mask, { scale: hp.attentionScale, decompress });
  return s.named(found, 'kqv_out');
}

/** As {@link attendedCompressed}, with the matrix at its end. */
export function attendCompressed(
  s: LatentLayer,
  access: LatentAccess,
  inputs: TokenInputs,
  x: Tensor,
  options: LatentOptions,
): Tensor {
  return projectOutput(s, attendedCompressed(s, access, inputs, x, options), { scale: s.hp.attentionScale });
}

/** The parts of the keys and the values of each head, out of the compressed rows. */
export function decompressed(
  s: LatentLayer,
  compressed: Tensor,
  { labels = {}, hasFlatValues = false }: LatentOptions,
): { readonly plainK: Tensor; readonly v: Tensor } {
  const { ctx, hp } = s;
  const { fullKeyLength, fullValueLength, ropeLength, headCount: heads } = { ...hp, ...s.heads };
  const tokens = compressed.ne[1];
  const plainLength = fullKeyLength - ropeLength;
  const kv = plainProduct(s, 'attn_kv_b', compressed, heads * (plainLength + fullValueLength));
  labelled(s, kv, labels.both === undefined ? undefined : 'kv');
  const perHead = rowSize(kv.type, plainLength + fullValueLength);
  const partOfKv = (length: number, first: number): Tensor =>
    ctx.view(kv, [length, heads, tokens], [perHead, perHead * heads], rowSize(kv.type, first));
  const plainK = labelled(s, partOfKv(plainLength, 0), labels.plainK);
  const view = labelled(s, partOfKv(fullValueLength, plainLength), labels.valueView);
  const dense = labelled(s, ctx.cont(view), labels.valueCopy);
  if (!hasFlatValues) return { plainK, v: dense };
  return {
    plainK,
    v: labelled(s, ctx.view(dense, [fullValueLength * heads, tokens], [dense.nb[2]]), labels.valueCopy),
  };
}

/** Keys and values are decompressed, and cached as in other models. */
export function attendDecompressed(
  s: LatentLayer,
  access: AttentionInputs,
  inputs: TokenInputs,
  x: Tensor,
  options: LatentOptions,
): Tensor {
  const { ctx, hp } = s;
  const { labels = {} } = options;
  const { fullKeyLength, ropeLength, headCount: heads } = { ...hp, ...s.heads };
  const { q: fresh, compressed, turnedK } = latentParts(s, x, inputs, options);
  const { plainK, v } = decompressed(s, compressed, options);
  const q = cooled(s, turned(s, fresh, inputs, options, labels.query, fullKeyLength - ropeLength), inputs);
  const k = labelled(s, ctx.concat(plainK, ctx.repeat(turnedK, [ropeLength, heads, x.ne[1]]), 0), labels.key);
  return attend(s, access, { q, k, v }, { scale: hp.attentionScale });
}
