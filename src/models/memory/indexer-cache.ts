/**
 * The cache of sparse attention's indexers: one key head per token in each layer that has an indexer of its own.
 *
 * Invariant: shapes and names are those of llama.cpp's `llama_kv_cache_dsa` and `llama_kv_cache_msa`, whose caches of
 * indexers name their tensors as the cache of attention does.
 */
import { withHeads, type Hyperparameters } from '../hyperparameters.js';
import type { ResolvedModelOptions } from '../options.js';
import { KvCache } from './kv-cache.js';

/** The cache of the keys; null if the model has no indexers. */
export function createIndexerCache(hp: Hyperparameters, run: ResolvedModelOptions): KvCache | null {
  // Where the past is compressed, the indexers' keys are, too.
  if (hp.indexer === null || hp.compression !== null) return null;
  const { keyLength, layers } = hp.indexer;
  const indexed = layers.flatMap((isIndexed, layer) => (isIndexed ? [layer] : []));
  const keys = withHeads(hp, (_, cacheLayer) => ({ kvHeadCount: 1, keyLength, cacheLayer }));
  return new KvCache(keys, run, indexed, run.sequenceContext);
}
