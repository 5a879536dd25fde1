/**
 * What the map colours by: the family of a tensor's operation.
 */
import type { Graph } from '../graph/graph.js';
import type { Tensor } from '../tensor/tensor.js';
import type { MapFamily } from './memory-map.js';

/** The family of the operation that computes `tensor`; leafs and inputs are one of their own. */
export function familyOf(tensor: Tensor, { inputs }: Graph): MapFamily {
  return tensor.operation === null || inputs.has(tensor) ? 'input' : tensor.operation.family;
}
