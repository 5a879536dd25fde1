/**
 * The layers of a file that predict further tokens. They are not run, but llama.cpp demands their tensors.
 */
import { withHeads, type Hyperparameters } from '../hyperparameters.js';
import { createModelMemory } from '../memory/model-memory.js';
import { ModelBuilder, type Layer } from '../model-builder.js';
import type { Block, PredictTensors } from './recipe.js';

/**
 * Checks that the file holds the tensors of these layers, by building them in a graph that is thrown away.
 *
 * @param makeLayer makes the layer as the others are built
 * @throws PlannerError `BAD_MODEL`
 */
export function requirePredictLayers<H extends Hyperparameters>(
  m: ModelBuilder<H>,
  tensors: PredictTensors,
  makeLayer: (m: ModelBuilder<H>) => Block<H>,
): void {
  const layers = m.predictLayers();
  if (layers.length === 0) return;
  if (tensors === 'unchecked' || (tensors === 'all-or-none' && !hasFirst(layers[0]))) {
    for (const { index } of layers) m.weights.skipLayer(index);
    return;
  }
  const cached = withHeads(m.hp, (_, layer) => ({ cacheLayer: layer }));
  const spare = new ModelBuilder(cached, m.run, m.batch, m.weights, createModelMemory(cached, m.run));
  const build = makeLayer(spare);
  const x = spare.input('f32', [m.hp.embeddingLength, m.batch.tokens]);
  for (const s of spare.predictLayers()) {
    build(s, x);
    requireOwnTensors(s);
  }
}

function hasFirst(s: Layer): boolean {
  const { embeddingLength } = s.hp;
  return s.optionalWeight('nextn.eh_proj.weight', [2 * embeddingLength, embeddingLength]) !== null;
}

/** The tensors that only these layers have. */
function requireOwnTensors(s: Layer): void {
  const { embeddingLength, vocabularySize } = s.hp;
  s.weight('nextn.eh_proj.weight', [2 * embeddingLength, embeddingLength]);
  for (const name of ['enorm', 'hnorm']) s.weight(`nextn.${name}.weight`, [embeddingLength]);
  s.optionalWeight('nextn.shared_head_norm.weight', [embeddingLength]);
  for (const name of ['embed_tokens', 'shared_head_head']) {
    s.optionalWeight(`nextn.${name}.weight`, [embeddingLength, vocabularySize]);
  }
}
