/**
 * Attention over the cache: store the new keys and values, then let every query look at all of them. Without a cache,
 * queries look at the keys and values of their batch.
 *
 * Invariant: the order of operations, names and graph entries is that of llama.cpp's `build_attn` and
 * `build_attn_mha`.
 */
import type { Context } from '../../dialects/ggml/context.js';
import { elementCount, rowSize, isContiguous } from '../../tensor/layout.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { KvCache } from '../memory/kv-cache.js';
import type { Layer, ModelBuilder, Scope } from '../model-builder.js';
import type { Presence } from '../presence.js';
import { linear, product, weightIf, withBias } from './linear.js';

/** Queries, keys and values as `[head, heads, tokens]`. */
export interface Heads {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
}

/** Where queries, keys and values come from. */
export interface ProjectionOptions {
  /**
   * `any`: one matrix for all three if the file has it, else one for each; `fused`: one for all three; `separate`: one
   * for each. Default `any`.
   */
  readonly matrices?: 'any' | 'fused' | 'separate';
  /** `unread`: neither biases nor scales are heeded, even if the file has them. Default: optional. */
  readonly bias?: Presence;
  /** Whether heads have names of their own, besides the rows that they are parts of. Default true. */
  readonly areHeadsNamed?: boolean;
}

/** Queries, keys and values of `x`. */
export function projectHeads(s: Layer, x: Tensor, options: ProjectionOptions = {}): Heads {
  const { keyLength, valueLength } = s.heads;
  const parts = projectFused(s, x, options) ?? {
    q: reshaped(s, project(s, 'q', x, options), keyLength),
    k: reshaped(s, project(s, 'k', x, options), keyLength),
    v: reshaped(s, project(s, 'v', x, options), valueLength),
  };
  if (options.areHeadsNamed === false) return parts;
  return { q: s.named(parts.q, 'Qcur'), k: s.named(parts.k, 'Kcur'), v: s.named(parts.v, 'Vcur') };
}

/** All heads of queries, keys or values as one row per token. */
export function project(s: Layer, part: 'q' | 'k' | 'v', x: Tensor, options: ProjectionOptions): Tensor {
  const { bias = 'optional' } = options;
  const { keyLength, valueLength, headCount, kvHeadCount } = s.heads;
  const length = { q: keyLength * headCount, k: keyLength * kvHeadCount, v: valueLength * kvHeadCount }[part];
  const [matrix, label] = [`attn_${part}`, `${part.toUpperCase()}cur`];
  const multiply = bias === 'unread' ? product : linear;
  const projected = s.named(withBias(s, matrix, s.named(multiply(s, matrix, x, length), label), bias), label);
  return clamped(s, projected, `${label}_clamped`);
}

function clamped(s: Layer, x: Tensor, label: string): Tensor {
  const limit = s.hp.attention.clamp;
  return limit > 0 ? s.named(s.ctx.clamp(x, -limit, limit), label) : x;
}

/** Rows of all heads as `[head, heads, tokens]`. */
export function reshaped({ ctx }: Layer, x: Tensor, length: number): Tensor {
  return ctx.reshape(x, [length, x.ne[0] / length, x.ne[1]]);
}

/** Views of one product with a matrix that holds all three; null if there is no such matrix. */
function projectFused(s: Layer, x: Tensor, { matrices = 'any', bias = 'optional' }: ProjectionOptions): Heads | null {
  const { ctx } = s;
  const { keyLength, valueLength, headCount, kvHeadCount } = s.heads;
  const length = keyLength * (headCount + kvHeadCount) + valueLength * kvHeadCount;
  const presence = ({ any: 'optional', fused: 'required', separate: 'none' } as const)[matrices];
  if (weightIf(s, presence, 'attn_qkv.weight', [x.ne[0], length]) === null) return null;
  const multiply = bias === 'unread' ? product : linear;
  const unbiased = s.named(multiply(s, 'attn_qkv', x, length), 'wqkv');
  const biased = withBias(s, 'attn_qkv', unbiased, bias);
  const all = clamped(s, biased === unbiased ? unbiased : s.named(biased, 'wqkv_b'), 'wqkv_clamped');
  const part = (headLength: number, count: number, headsBefore: number): Tensor => {
    const nb = [rowSize(all.type, headLength), all.nb[1]];
    return ctx.view(all, [headLength, count, x.ne[1]], nb, rowSize(all.type, keyLength * headsBefore));
  };
  return {
    q: part(keyLength, headCount, 0),
    k: part(keyLength, kvHeadCount, headCount),
    v: part(valueLength, kvHeadCount, headCount + kvHeadCount),
  };
}

/** Queries times a factor per token, if attention cools with the position. */
export function cooled(s: Layer, q: Tensor, inputs: { readonly temperature: Tensor }): Tensor {
  if (s.hp.attention.temperature === 0) return q;
  return s.named(s.ctx.mul(q, inputs.temperature), 'Qcur_attn_temp_scaled');
}

/** A cache with the inputs that say where the batch goes and what it may see. */
export interface CacheAccess {
  readonly cache: KvCache;
  readonly keyIds: Tensor;
  readonly valueIds: Tensor;
  readonly mask: Tensor;
  /** Turns keys and queries, and values, before they are quantised. */
  readonly keyRotation: Tensor | null;
  readonly valueRotation: Tensor | null;
}

/** What each token may see of its batch, where nothing is cached. */
interface BatchAccess {
  readonly cache: null;
  readonly mask: Tensor;
}

/** The inputs of all attention layers of a graph. */
export interface AttentionInputs {
  readonly full: CacheAccess | BatchAccess;
  /** For layers with a sliding window. */
  readonly window: CacheAccess | BatchAccess | null;
}

export function attentionInputs(m: ModelBuilder): AttentionInputs {
  if (!m.hp.attention.readsCache) return batchInputs(m);
  const { kv, state } = m.memory;
  const { full, window } = kv!;
  // A hybrid whose attention has a window does not turn what it quantises.
  const isRotated = window === null || state === null;
  const access = (cache: KvCache): CacheAccess => accessTo(m, cache, isRotated);
  return { full: access(full), window: window === null ? null : access(window) };
}

/** @param isRotated whether what is quantised is turned before */
export function accessTo(m: ModelBuilder, cache: KvCache, isRotated = true): CacheAccess {
  const { tokens } = m.batch;
  const rotation = (length: number | null, name: string): Tensor | null =>
    length === null || !isRotated ? null : m.input('f32', [length, length], name);
  return {
    cache,
    keyIds: m.input('i64', [tokens]),
    valueIds: m.input('i64', [cache.valueIdCount(m.batch)]),
    mask: attentionMask(m, cache),
    keyRotation: rotation(cache.keyRotation(), 'attn_inp_k_rot'),
    valueRotation: rotation(cache.valueRotation(), 'attn_inp_v_rot'),
  };
}

/** What each token of the batch may see in a cache. */
export function attentionMask(m: ModelBuilder, { cells, streams }: KvCache): Tensor {
  const type = m.run.flashAttention ? 'f16' : 'f32';
  return m.input(type, [cells, Math.floor(m.batch.tokens / streams), 1, streams], 'attn_inp_kq_mask');
}

/** The inputs of attention that looks at the batch alone. */
export function batchInputs(m: ModelBuilder): AttentionInputs {
  const access = (): BatchAccess => ({ cache: null, mask: batchMask(m, m.batch.tokens) });
  return { full: access(), window: m.hp.attention.window === null ? null : access() };
}

/** What each token of the batch may see of `keyCount` keys that are not cached. */
export function batchMask(m: ModelBuilder, keyCount: number): Tensor {
  return m.input(m.run.flashAttention ? 'f16' : 'f32', [keyCount, m.batch.tokens]);
}

export interface AttendOptions {
  /** Factor of the scores. */
  readonly scale: number;
  /** One score per head that takes part in the sum but has no value. */
  readonly sinks?: Tensor | null;
  /** Bias of the matrix that projects the result. Default: none. */
  readonly bias?: Presence;
  /** Added to the scores, by which flash attention is off. */
  readonly scoreBias?: Tensor | null;
  /** The layer of the cache's model that reads what is read here. Default: this layer. */
  readonly layer?: number;
  /** Changes the scores where flash attention is off. Default: the limit that the model gives. */
  readonly changeScores?: (scores: Tensor) => Tensor;
}

/** Stores keys and values, attends, and projects the result back with `attn_output`. */
export function attend(s: Layer, inputs: AttentionInputs, heads: Heads, options: AttendOptions): Tensor {
  return projectOutput(s, attended(s, inputs, heads, options), options);
}

/** As {@link attend}, without the matrix at its end: one row of all heads per token. */
export function attended(s: Layer, inputs: AttentionInputs, heads: Heads, options: AttendOptions): Tensor {
  const { ctx, index } = s;
  const access = accessOf(s, inputs);
  if (access.cache === null) return attendedInBatch(s, heads, access.mask, options);
  const { cache, keyIds, valueIds, keyRotation, valueRotation } = access;
  const [q, k] = [rotated(ctx, heads.q, keyRotation), rotated(ctx, heads.k, keyRotation)];
  const v = rotated(ctx, heads.v, valueRotation);
  for (const part of inputs.window === null ? [q, v, k] : [q, k, v]) s.expand(part);
  s.expand(cache.storeKeys(ctx, k, keyIds, index));
  s.expand(cache.storeValues(ctx, v, valueIds, index));
  return attendedInCache(s, q, access, options);
}

/** Queries look at the keys and values that another layer has cached, as in {@link attend}. */
export function attendCached(s: Layer, inputs: AttentionInputs, queries: Tensor, options: AttendOptions): Tensor {
  return projectOutput(s, attendedCached(s, accessOf(s, inputs) as CacheAccess, queries, options), options);
}

/** As {@link attendCached}, without the matrix at its end. */
export function attendedCached(s: Layer, access: CacheAccess, queries: Tensor, options: AttendOptions): Tensor {
  return attendedInCache(s, s.expand(rotated(s.ctx, queries, access.keyRotation)), access, options);
}

function accessOf({ heads }: Layer, { full, window }: AttentionInputs): AttentionInputs['full'] {
  return heads.isWindowed ? window! : full;
}

function attendedInCache(s: Layer, q: Tensor, access: CacheAccess, options: AttendOptions): Tensor {
  const { ctx, index } = s;
  const { cache, mask, valueRotation } = access;
  const { layer = index } = options;
  const cached: Heads = { q, k: cache.keys(ctx, layer), v: cache.values(ctx, layer) };
  const mixed = s.named(lookUp(s, cached, mask, options), 'kqv_out');
  return rotated(ctx, mixed, valueRotation);
}

/** As {@link attended}, of keys and values that are not cached. */
export function attendedInBatch(s: Layer, heads: Heads, mask: Tensor, options: AttendOptions): Tensor {
  for (const part of [heads.q, heads.k, heads.v]) s.expand(part);
  return s.named(lookUp(s, heads, mask, options), 'kqv_out');
}

/** The rows of `x`, cut to the length of the square matrix `rotation`, times that matrix; `x` itself if it is null. */
export function rotated(ctx: Context, x: Tensor, rotation: Tensor | null): Tensor {
  if (rotation === null) return x;
  const ne = [rotation.ne[0], elementCount(x) / rotation.ne[0]];
  const rows = isContiguous(x) ? ctx.reshape(x, ne) : ctx.cont(x, ne);
  return ctx.reshape(ctx.mulMat(rotation, rows), x.ne);
}

/** The last matrix of attention. */
export function projectOutput(s: Layer, mixed: Tensor, { bias = 'none' }: Partial<AttendOptions> = {}): Tensor {
  return withBias(s, 'attn_output', linear(s, 'attn_output', mixed, s.hp.embeddingLength), bias);
}

/** Options of a look-up, besides {@link AttendOptions}. */
export interface LookUpOptions extends AttendOptions {
  /** Matrices `[compressed, value, heads]` that turn looked-up values into the values of each head. */
  readonly decompress?: Tensor;
}

/** Every query's mix of the cached values, as `[value × heads, tokens]`, in the graph. */
export function lookUp(s: Layer, heads: Heads, mask: Tensor, options: LookUpOptions): Tensor {
  const { ctx } = s;
  const isTransposed = heads.v.nb[1] > heads.v.nb[2];
  const streams = heads.k.ne[3];
  const [ne0, ne1, ne2] = heads.q.ne;
  const { nb } = heads.q;
  const perStream = ctx.view(heads.q, [ne0, ne1, ne2 / streams, streams], [nb[1], nb[2], nb[3] / streams]);
  const tokensFirst = (x: Tensor): Tensor => ctx.permute(x, [0, 2, 1, 3]);
  const [q, k, v] = [tokensFirst(perStream), tokensFirst(heads.k), tokensFirst(heads.v)];
  const isFlash = s.model.run.flashAttention && !options.scoreBias;
  const mix = isFlash ? flashLookUp : plainLookUp;
  return s.expand(mix(s, { q, k, v, isTransposed }, mask, options));
}

/** Tokens before heads. */
type Permuted = Heads & { readonly isTransposed: boolean };

function flashLookUp(s: Layer, heads: Permuted, mask: Tensor, options: LookUpOptions): Tensor {
  const { ctx } = s;
  const half = (x: Tensor): Tensor => (x.type.name === 'f32' ? ctx.cast(x, 'f16') : x);
  const v = heads.isTransposed ? ctx.transpose(heads.v) : heads.v;
  const { sinks = null, scale, decompress } = options;
  const attention = { mask, sinks, scale, maxBias: s.hp.attention.alibiBias, logitSoftcap: s.hp.attention.softcap };
  let mixed = ctx.flashAttn(heads.q, half(heads.k), half(v), attention);
  if (decompress !== undefined) {
    mixed = s.named(ctx.mulMat(decompress, ctx.permute(mixed, [0, 2, 1, 3])), 'fattn_mla');
    mixed = ctx.cont(ctx.permute(mixed, [0, 2, 1, 3]));
  }
  return ctx.reshape(mixed, [mixed.ne[0] * mixed.ne[1], mixed.ne[2] * mixed.ne[3]]);
}

function plainLookUp(s: Layer, heads: Permuted, mask: Tensor, options: LookUpOptions): Tensor {
  const { ctx } = s;
  const { q, k, v } = heads;
  const { sinks = null, scale, decompress, scoreBias = null } = options;
  const { changeScores = (scores): Tensor => softCapped(s, scores) } = options;
  const capped = changeScores(s.named(ctx.mulMat(k, q), 'kq'));
  const scores = scoreBias === null ? capped : s.named(ctx.add(capped, scoreBias), 'kq_plus_kq_b');
  const { alibiBias: maxBias } = s.hp.attention;
  const shares = s.named(ctx.softMax(scores, { mask, sinks, scale, maxBias }), 'kq_soft_max');
  const rows = heads.isTransposed ? v : s.named(ctx.cont(ctx.transpose(v)), 'v_cont');
  let mixed = s.named(ctx.mulMat(rows, shares), 'kqv');
  if (decompress !== undefined) mixed = s.named(ctx.mulMat(decompress, mixed), 'kqv_mla');
  const joined = ctx.permute(mixed, [0, 2, 1, 3]);
  return ctx.cont(joined, [joined.ne[0] * joined.ne[1], joined.ne[2] * joined.ne[3]]);
}

/** Scores that approach a limit instead of exceeding it, if the model has one. */
function softCapped(s: Scope, scores: Tensor): Tensor {
  const { ctx } = s;
  const limit = s.hp.attention.softcap;
  if (limit === 0) return scores;
  const small = s.named(ctx.scale(scores, 1 / limit), 'kq_scaled_1');
  return s.named(ctx.scale(s.named(ctx.tanh(small), 'kq_tanh'), limit), 'kq_scaled_2');
}
