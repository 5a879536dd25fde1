/**
 * A model as the context finds it that runs the layers alone that predict further tokens.
 *
 * Invariant: which layers have a cache there, and of which kind, is as in llama.cpp's `create_memory`.
 */
import { PlannerError } from '../errors.js';
import type { Architecture } from './architecture.js';
import { withAttention, withHeads, type Hyperparameters } from './hyperparameters.js';

/**
 * Where the model's own context has a cache for every layer of the file and nothing else, this one has the same; where it
 * has anything else, only the layers that predict further tokens have a cache, of plain keys and values.
 */
function ofPredictLayers(hp: Hyperparameters): Hyperparameters {
  const { layerCount, state, indexer, compression, attention } = hp;
  const isCached = attention.layers.slice(layerCount).every(({ cacheLayer }) => cacheLayer !== null);
  if (isCached && state === null && indexer === null && compression === null) return hp;
  const caches = withHeads(hp, (_, layer) => ({ cacheLayer: layer < layerCount ? null : layer }));
  // What is compressed elsewhere is kept as keys and values here.
  const isLatent = attention.isLatent && compression === null;
  return { ...withAttention(caches, { isLatent }), state: null, indexer: null, compression: null };
}

/**
 * The model in a context of these layers. @throws PlannerError `BAD_ARGUMENT` if it has none, or llama.cpp has no graph
 * of them
 */
export function inTheirContext(hp: Hyperparameters, { predict, isPredictor = false }: Architecture): Hyperparameters {
  if (isPredictor) return hp;
  if (hp.predictLayerCount === 0) {
    throw noContext('This model has no layers that predict further tokens, so there is no context of them.');
  }
  const own = ofPredictLayers(hp);
  if (own === hp || predict !== undefined) return own;
  throw noContext('llama.cpp has no graph of the layers of this architecture that predict further tokens.');
}

function noContext(message: string): PlannerError {
  return new PlannerError('BAD_ARGUMENT', {
    message,
    culprit: 'contextType',
    value: 'mtp',
    limit: 'default for this model',
    remedy: 'Leave the option `contextType` out.',
  });
}
