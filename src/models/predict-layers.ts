/**
 * A model as the context finds it that runs the layers alone that predict further tokens.
 *
 * Invariant: which layers have a cache there, and of which kind, is as in llama.cpp's `create_memory`.
 */
import { withAttention, withHeads, type Hyperparameters } from './hyperparameters.js';

/**
 * Where the model's own context has a cache for every layer of the file and nothing else, this one has the same; where it
 * has anything else, only the layers that predict further tokens have a cache, of plain keys and values.
 */
export function ofPredictLayers(hp: Hyperparameters): Hyperparameters {
  const { layerCount, state, indexer, compression, attention } = hp;
  const isCached = attention.layers.slice(layerCount).every(({ cacheLayer }) => cacheLayer !== null);
  if (isCached && state === null && indexer === null && compression === null) return hp;
  const caches = withHeads(hp, (_, layer) => ({ cacheLayer: layer < layerCount ? null : layer }));
  // What is compressed elsewhere is kept as keys and values here.
  const isLatent = attention.isLatent && compression === null;
  return { ...withAttention(caches, { isLatent }), state: null, indexer: null, compression: null };
}
