/**
 * Scores that depend on the distance of two tokens (T5): distances fall into buckets, each with one number per head.
 *
 * Invariant: the order of operations, names and graph entries is that of llama.cpp's `build_pos_bias`.
 */
import type { Tensor } from '../../tensor/tensor.js';
import type { Layer, ModelBuilder } from '../model-builder.js';
import type { Presence } from '../presence.js';
import { weightIf } from './linear.js';

/** The bucket of every pair of a key and a query, as `[keys, tokens]`. */
export function positionBuckets(m: ModelBuilder, keyCount: number): Tensor {
  return m.input('i32', [keyCount, m.batch.tokens]);
}

/** The numbers of the buckets, one per head; null if neither the layer nor the first layer, whose it may share, has any. */
export function bucketTable(s: Layer, first: Layer, count: number, presence: Presence): Tensor | null {
  const [name, ne] = ['attn_rel_b.weight', [s.heads.headCount, count]] as const;
  return s.optionalWeight(name, ne) ?? weightIf(first, presence, name, ne);
}

/** What is added to the scores, as `[keys, tokens, heads]`. */
export function positionBias({ ctx, model }: Layer, table: Tensor, buckets: Tensor): Tensor {
  const [keys, tokens] = buckets.ne;
  const list = model.top.named(ctx.reshape(buckets, [keys * tokens]), 'pos_bucket_1d');
  const perPair = ctx.reshape(ctx.getRows(table, list), [table.ne[0], keys, tokens]);
  return model.top.named(ctx.cont(ctx.permute(perPair, [2, 0, 1, 3])), 'pos_bias');
}
