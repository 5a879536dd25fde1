/**
 * What the map colours by: the family of a tensor's operation.
 */
import type { Tensor } from '../../tensor/tensor.js';
import type { FamilyName } from './memory-map.js';

/** The family of the operation that computes `tensor`; leafs and inputs are one of their own. */
export function familyOf({ operation, isInput }: Tensor): FamilyName {
  return operation === null || isInput ? 'input' : operation.family;
}
