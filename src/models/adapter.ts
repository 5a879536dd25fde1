/**
 * A LoRA adapter as the graph of a model reads it: two narrow matrices beside each weight that it changes.
 */
import type { Tensor } from '../tensor/tensor.js';

/** The matrices by the name of the weight, with the factor of their product. */
export type GraphAdapter = ReadonlyMap<string, { readonly a: Tensor; readonly b: Tensor; readonly scale: number }>;
