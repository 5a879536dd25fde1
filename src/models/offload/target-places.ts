/**
 * Where the weights lie that a draft shares with the model whose tokens it guesses.
 *
 * That model was loaded with options of its own; here it is taken to lie as the draft does: the table of embeddings on
 * the host, the matrix of the scores where the draft's output is.
 */
import type { WeightPlaces } from '../weights.js';
import type { Offload } from './offload.js';

export function targetPlaces({ options, layerDevices: { output } }: Offload): WeightPlaces {
  return (_, reader) => (reader === 'output' ? output : options.cpu).bufferType;
}
