/**
 * Sparse attention by blocks (MiniMax-M3): an indexer scores blocks of positions, and each group of heads sees only the
 * best of them.
 *
 * Invariant: the order of operations, names and graph entries is that of llama.cpp's graph of `minimax-m3`.
 */
import type { Tensor } from '../../tensor/tensor.js';
import type { Layer } from '../model-builder.js';
import { rotated, type CacheAccess, type Heads } from './attention.js';
import type { BlockInputs, BlockSparseHyperparameters, IndexedHeads } from './block-inputs.js';
import { gatherBlocks } from './gathered-blocks.js';
import { maskBlocks } from './masked-blocks.js';

/** Stores keys and values, and lets each query look at the best blocks: one row of all heads per token. */
export function attendBlocks(
  s: Layer<BlockSparseHyperparameters>,
  { cache, keyIds, valueIds, keyRotation, valueRotation }: CacheAccess,
  inputs: BlockInputs,
  { q: plainQ, k: plainK, v: plainV }: Heads,
  indexed: IndexedHeads,
): Tensor {
  const { ctx, index } = s;
  const [q, k] = [rotated(ctx, plainQ, keyRotation), rotated(ctx, plainK, keyRotation)];
  const v = rotated(ctx, plainV, valueRotation);
  for (const part of [q, k, v]) s.expand(part);
  s.expand(cache.storeKeys(ctx, k, keyIds, index));
  s.expand(cache.storeValues(ctx, v, valueIds, index));
  const heads = { q, k: cache.keys(ctx, index), v: cache.values(ctx, index) };
  const mixed =
    inputs.masked === null ? gatherBlocks(s, inputs, heads, indexed) : maskBlocks(s, inputs, heads, indexed);
  return s.named(rotated(ctx, mixed, valueRotation), 'kqv_out');
}
