/**
 * The memory that a model keeps between runs, allocated once with the context: a cache of keys and values, or a state.
 */
import type { Hyperparameters } from '../hyperparameters.js';
import {
  createCompressedCaches,
  withRowsOnly,
  withSequencesApart,
  type CompressedCache,
  type CompressedCaches,
} from './compressed-cache.js';
import { createIndexerCache } from './indexer-cache.js';
import { createKvCaches, type KvCache, type KvCaches } from './kv-cache.js';
import type { LayerTensor } from './layer-tensor.js';
import type { ResolvedModelOptions } from '../options.js';
import { StateCache } from './state-cache.js';
import { bufferBytes } from '../weights.js';

export interface ModelMemory {
  /** The caches of a model with attention; null for others. */
  readonly kv: KvCaches | null;
  /** The compressed rows of a model that compresses the past; null for others. */
  readonly compressed: CompressedCaches | null;
  /** The keys of the indexers of sparse attention; null for others. */
  readonly indexer: KvCache | null;
  /** The state of a recurrent model; null for others. */
  readonly state: StateCache | null;
  /** The tensors of each cache, or of the state. */
  readonly caches: readonly (readonly LayerTensor[])[];
  /** Bytes of them on a CPU, padding included. */
  readonly bytes: number;
}

export function createModelMemory(hp: Hyperparameters, run: ResolvedModelOptions): ModelMemory {
  const isCached = hp.attention.layers.some(({ cacheLayer }) => cacheLayer !== null);
  const compressed = createCompressedCaches(hp, run);
  const ofWindow = compressed === null ? ([hp, run] as const) : ([withRowsOnly(hp), withSequencesApart(run)] as const);
  const kv = isCached ? createKvCaches(...ofWindow) : null;
  const indexer = createIndexerCache(hp, run);
  const state = hp.state === null ? null : new StateCache(hp.state, run.sequences, run.snapshots);
  const rows = compressed === null ? [] : Object.values<CompressedCache>({ ...compressed });
  const caches = [
    kv?.full,
    indexer,
    kv?.window,
    ...rows.map(({ keys }) => keys),
    ...rows.map((each) => each.state),
    state,
  ];
  const tensors = caches.flatMap((cache) => (cache ? [cache.tensors] : []));
  const bytes = bufferBytes(tensors.flat().map(({ tensor }) => tensor));
  return { kv, indexer, compressed, state, caches: tensors, bytes };
}
