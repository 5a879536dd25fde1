/**
 * The memory that a model keeps between runs, allocated once with the context: a cache of keys and values, or a state.
 */
import type { Tensor } from '../tensor/tensor.js';
import type { Hyperparameters } from './hyperparameters.js';
import { createKvCaches, type KvCaches } from './kv-cache.js';
import type { ResolvedModelOptions } from './options.js';
import { StateCache } from './state-cache.js';
import { bufferBytes } from './weights.js';

export interface ModelMemory {
  /** The caches of a model with attention; null for others. */
  readonly kv: KvCaches | null;
  /** The state of a recurrent model; null for others. */
  readonly state: StateCache | null;
  /** Bytes of the caches or the state, padding included. */
  readonly bytes: number;
}

export function createModelMemory(hp: Hyperparameters, run: ResolvedModelOptions): ModelMemory {
  if (hp.stateLengths !== null) {
    const state = new StateCache(hp.stateLengths, hp.layerCount, run.sequences);
    return { kv: null, state, bytes: bufferBytes(state.tensors) };
  }
  const kv = createKvCaches(hp, run);
  const tensors: Tensor[] = [...kv.full.tensors, ...(kv.window?.tensors ?? [])];
  return { kv, state: null, bytes: bufferBytes(tensors) };
}
