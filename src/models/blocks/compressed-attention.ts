/**
 * Attention of one key head over the window and over compressed rows of the past (DeepSeek-V4).
 *
 *     no rows:           window
 *     whole rows:        window | all rows
 *     overlapping rows:  window | the rows that an indexer chooses
 *
 * Invariant: the order of operations, names and graph entries is that of llama.cpp's graph of `deepseek4`.
 */
import type { RopeOptions } from '../../dialects/ggml/ops/attention.js';
import type { Tensor } from '../../tensor/tensor.js';
import { rotationLength, type KvCache } from '../memory/kv-cache.js';
import type { Layer, ModelBuilder } from '../model-builder.js';
import { attentionMask, lookUp, rotated } from './attention.js';
import type { CompressorInputs } from './compressor.js';
import { onlyChosen } from './indexer.js';
import { product } from './linear.js';

/** The cache of the window, with its inputs. */
export interface WindowAccess {
  readonly cache: KvCache;
  readonly keyIds: Tensor;
  readonly mask: Tensor;
  readonly rotation: Tensor | null;
}

/** @param isTurned whether keys are turned even if they are not quantised */
export function windowAccess(m: ModelBuilder, isTurned: boolean): WindowAccess {
  const cache = m.memory.kv!.window!;
  const [{ keyLength }] = m.hp.attention.layers;
  const turns = isTurned ? rotationLength(keyLength) : cache.keyRotation();
  return {
    cache,
    keyIds: m.input('i64', [m.batch.tokens]),
    mask: attentionMask(m, cache),
    rotation: turns === null ? null : m.input('f32', [turns, turns], 'attn_inp_k_rot'),
  };
}

/** Rows that a layer sees besides its window. */
export interface SeenRows {
  readonly kind: 'csa' | 'hca';
  readonly inputs: CompressorInputs;
  /** The mask of the rows, made when keys are stored. */
  readonly mask: () => Tensor;
}

/** Stores the key, and mixes what each head sees: one row of all heads per token. */
export function attendCompressedRows(
  s: Layer,
  window: WindowAccess,
  { q: plainQ, k: plainK }: Readonly<Record<'q' | 'k', Tensor>>,
  rows: SeenRows | null,
): Tensor {
  const { ctx } = s;
  const { cache, keyIds, rotation } = window;
  const rowMask = rows?.mask();
  const [q, fresh] = [rotated(ctx, plainQ, rotation), rotated(ctx, plainK, rotation)];
  s.expand(q);
  s.expand(fresh);
  s.expand(cache.storeKeys(ctx, fresh, keyIds, s.index));
  let k = cache.keys(ctx, s.index);
  let { mask } = window;
  if (rows !== null) {
    const { kind, inputs } = rows;
    const compressed = s.named(cachedRows(s, inputs), `${kind}_comp_k`);
    k = s.named(ctx.concat(s.named(k, `${kind}_raw_k`), compressed, 2), `${kind}_k_all`);
    mask = s.named(ctx.concat(mask, rowMask!, 0), kind === 'csa' ? 'csa_lid_kq_mask' : 'hca_kq_mask');
  }
  const sinks = s.weight('attn_sinks.weight', [s.heads.headCount]);
  const mixed = lookUp(s, { q, k, v: k }, mask, { scale: 1 / Math.sqrt(s.heads.keyLength), sinks });
  return s.named(rotated(ctx, mixed, rotation), rows === null ? 'attn_raw' : RESULTS[rows.kind]);
}

const RESULTS = { csa: 'attn_csa_lid', hca: 'attn_hca' };

/** As {@link attendCompressedRows} in llama.cpp's `build_attn`, of the window alone. */
export function attendWindow(s: Layer, window: WindowAccess, heads: Readonly<Record<'q' | 'k', Tensor>>): Tensor {
  const { ctx } = s;
  const { cache, keyIds, mask, rotation } = window;
  const [q, fresh] = [rotated(ctx, heads.q, rotation), rotated(ctx, heads.k, rotation)];
  for (const part of [q, fresh]) s.expand(part);
  s.expand(cache.storeKeys(ctx, fresh, keyIds, s.index));
  const k = cache.keys(ctx, s.index);
  const v = ctx.view(k, k.ne, k.nb.slice(1));
  const sinks = s.weight('attn_sinks.weight', [s.heads.headCount]);
  const mixed = lookUp(s, { q, k, v }, mask, { scale: 1 / Math.sqrt(s.heads.keyLength), sinks });
  return s.named(rotated(ctx, s.named(mixed, 'kqv_out'), rotation), 'attn_raw');
}

/** The cached rows that the mask is for. */
function cachedRows({ ctx, index }: Layer, { cache, mask }: CompressorInputs): Tensor {
  const { ne, nb } = cache.keys.keys(ctx, index);
  const all = cache.keys.keys(ctx, index);
  return ctx.view(all, [ne[0], ne[1], mask.ne[0], ne[3]], [nb[1], nb[2], nb[3]]);
}

/** What the indexer reads. */
export interface RowIndexerInputs {
  readonly x: Tensor;
  /** The compressed queries. */
  readonly queries: Tensor;
  readonly positions: Tensor;
  readonly turns: RopeOptions;
}

/** The mask of the overlapping rows, all but the chosen ones masked. */
export function chosenRows(
  s: Layer,
  rows: CompressorInputs,
  indexer: CompressorInputs,
  inputs: RowIndexerInputs,
): Tensor {
  const type = s.model.run.flashAttention ? 'f16' : 'f32';
  return s.named(onlyChosen(s, rows.mask, chooseRows(s, indexer, inputs), type), 'csa_top_k_mask');
}

function chooseRows(s: Layer, indexer: CompressorInputs, { x, queries, positions, turns }: RowIndexerInputs): Tensor {
  const { ctx } = s;
  const { headCount, keyLength, chosen } = s.hp.indexer!;
  const { ropeLength } = s.heads;
  const tokens = x.ne[1];
  const projected = product(s, 'indexer.attn_q_b', queries, headCount * keyLength);
  const raised = s.named(ctx.reshape(projected, [keyLength, headCount, tokens]), 'lid_q');
  const offset = keyLength - ropeLength;
  const turned = s.named(ctx.rope(raised, positions, ropeLength, { ...turns, offset }), 'lid_q_rope');
  const q = s.named(rotated(ctx, turned, indexer.rotation), 'lid_q_rot');
  const plain = product(s, 'indexer.proj', x, headCount);
  const weights = s.named(ctx.scale(plain, 1 / Math.sqrt(keyLength * headCount)), 'lid_weights');
  const k = s.named(cachedRows(s, indexer), 'lid_k');
  const streams = k.ne[3];
  const ownQ = ctx.view(q, [keyLength, headCount, tokens / streams, streams], [q.nb[1], q.nb[2], q.nb[3] / streams]);
  const { nb } = weights;
  const ownWeights = ctx.view(
    weights,
    [headCount, tokens / streams, 1, streams],
    [nb[1], nb[2] / streams, nb[3] / streams],
  );
  const scores = s.named(ctx.lightningIndexer(ownQ, k, ownWeights, indexer.mask), 'lid_score_masked');
  return s.named(ctx.cont(ctx.topK(scores, Math.min(scores.ne[0], chosen))), 'lid_top_k');
}
