/**
 * What a model remembers between runs, allocated once with the context: a cache of keys and values, or a state.
 */
import type { Tensor } from '../tensor/tensor.js';
import type { Hyperparameters } from './hyperparameters.js';
import { createKvCaches, type KvCaches } from './kv-cache.js';
import type { ResolvedModelOptions } from './options.js';
import { StateCache } from './state-cache.js';
import { bufferBytes } from './weights.js';

export interface ModelMemory {
  /** Of a model with attention. */
  readonly kv: KvCaches | null;
  /** Of a recurrent model. */
  readonly state: StateCache | null;
  /** Bytes of all of it, padding included. */
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
