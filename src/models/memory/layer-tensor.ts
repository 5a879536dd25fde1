/**
 * A tensor that outlives a run, and the layer that it belongs to.
 */
import type { Tensor } from '../../tensor/tensor.js';

export interface LayerTensor {
  readonly layer: number;
  readonly tensor: Tensor;
}
