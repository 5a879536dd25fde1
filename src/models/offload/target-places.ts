/**
 * Where the weights and caches lie that a draft shares with the model whose tokens it guesses.
 *
 * That model was loaded with options of its own; here it is taken to lie as the draft does: the table of embeddings on
 * the host, the matrix of the scores and the caches of the last layers where the draft's output is.
 */
import type { BufferType } from '../../device/device.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { ModelMemory } from '../memory/model-memory.js';
import type { WeightPlaces } from '../weights.js';
import type { Offload } from './offload.js';

export function targetPlaces({ options, layerDevices: { output } }: Offload): WeightPlaces {
  return (_, reader) => (reader === 'output' ? output : options.cpu).bufferType;
}

/** @param caches those of the target */
export function placedCaches({ caches }: ModelMemory, { options, layerDevices }: Offload): Map<Tensor, BufferType> {
  const { bufferType } = options.kvOffload ? layerDevices.output : options.cpu;
  return new Map(caches.flat().map(({ tensor }) => [tensor, bufferType]));
}
