/**
 * The state of a recurrent model: per layer, the last columns of a convolution and the state of the scan. Each sequence
 * has one row, whose size does not grow.
 *
 * Invariant: shapes and names are those of llama.cpp's `llama_memory_recurrent`.
 */
import { Context } from '../dialects/ggml/context.js';
import type { Tensor } from '../tensor/tensor.js';
import type { LayerTensor } from './layer-tensor.js';

/** Elements of one sequence's state in one layer. */
export interface StateLengths {
  readonly convolution: number;
  readonly scan: number;
}

/** The state of all sequences in one layer, as `[elements, sequences]` each. */
export interface LayerState {
  readonly convolution: Tensor;
  readonly scan: Tensor;
}

export class StateCache {
  readonly layers: readonly LayerState[];

  constructor(
    lengths: StateLengths,
    layerCount: number,
    readonly sequences: number,
  ) {
    const memory = Context.virtual();
    this.layers = Array.from({ length: layerCount }, (_, layer) => ({
      convolution: memory.newTensor('f32', [lengths.convolution, sequences], `cache_r_l${layer}`),
      scan: memory.newTensor('f32', [lengths.scan, sequences], `cache_s_l${layer}`),
    }));
  }

  get tensors(): LayerTensor[] {
    return this.layers.flatMap(({ convolution, scan }, layer) => [
      { layer, tensor: convolution },
      { layer, tensor: scan },
    ]);
  }
}
