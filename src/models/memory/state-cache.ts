/**
 * The state of a recurrent model: per layer, the last columns of a convolution and the state of the scan. Each sequence
 * has one row, whose size does not grow, and one more for each snapshot of it.
 *
 * Invariant: shapes and names are those of llama.cpp's `llama_memory_recurrent`.
 */
import { Context } from '../../dialects/ggml/context.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { LayerTensor } from './layer-tensor.js';

/** Elements of one sequence's state in one layer. */
export interface StateLengths {
  readonly convolution: number;
  readonly scan: number;
}

/** The state of a recurrent or hybrid model. */
export interface StateHyperparameters {
  readonly lengths: StateLengths;
  /** Per layer of the file, whether it has a state. */
  readonly layers: readonly boolean[];
}

/** The state of all sequences in one layer, as `[elements, rows]` each: those of all sequences, then each snapshot's. */
export interface LayerState {
  readonly convolution: Tensor;
  readonly scan: Tensor;
}

export class StateCache {
  readonly tensors: LayerTensor[] = [];
  readonly #layers = new Map<number, LayerState>();

  constructor(
    { lengths, layers }: StateHyperparameters,
    readonly sequences: number,
    snapshots: number,
  ) {
    const rows = sequences * (1 + snapshots);
    const memory = Context.virtual();
    for (const [layer, hasState] of layers.entries()) {
      if (!hasState) continue;
      const convolution = memory.newTensor('f32', [lengths.convolution, rows], `cache_r_l${layer}`);
      const scan = memory.newTensor('f32', [lengths.scan, rows], `cache_s_l${layer}`);
      this.#layers.set(layer, { convolution, scan });
      this.tensors.push({ layer, tensor: convolution }, { layer, tensor: scan });
    }
  }

  /** The state of a layer that has one. */
  of(layer: number): LayerState {
    return this.#layers.get(layer)!;
  }
}
