/**
 * The memory of training: what lies in which buffer of ggml's optimiser, and how large each is.
 */
import { checkArgument } from '../errors.js';
import { measureGraph } from '../plan/measure.js';
import { resolveOptions, type PlanOptions } from '../plan/options.js';
import type { Tensor } from '../tensor/tensor.js';
import { alignUp, checkBytes } from '../units.js';
import type { TrainingGraphs } from './training-graphs.js';

/** A tensor in a buffer that is not planned. */
export interface BufferTensor {
  readonly tensor: Tensor;
  /** Bytes from the start of the buffer. */
  readonly offset: number;
}

/** A buffer that is not planned: its tensors lie one after another. */
export interface TensorBuffer {
  /** Bytes, padding included. */
  readonly bufferSize: number;
  readonly tensors: readonly BufferTensor[];
}

/** The buffers of training. */
export interface TrainingBuffers {
  /** Parameters, in the order in which the forward pass meets them. */
  readonly parameters: TensorBuffer;
  /** What outlives a run: accumulators, moments, and for static graphs labels, loss and counts. */
  readonly lasting: TensorBuffer;
  /** Settings of the optimiser, which lie in the memory of the host. */
  readonly host: TensorBuffer;
  /** Bytes of the compute buffer after each micro-step of the first period: it never shrinks. */
  readonly compute: readonly number[];
}

/**
 * The buffers of training. With `{ allocator: 'ggml', reuse: 'ggml', alignment: 32 }` these are the bytes that ggml takes on
 * a CPU. As fast as `measureGraph` on each graph.
 *
 * @throws PlannerError as `measureGraph`
 */
export function trainingBuffers(training: TrainingGraphs, options: PlanOptions = {}): TrainingBuffers {
  const isTraining = Array.isArray((training as Partial<TrainingGraphs> | null)?.microSteps);
  checkArgument(isTraining, 'training', training, 'graphs of training', 'Make them with trainingGraphs.');
  const { alignment } = resolveOptions(options);
  const { states, lasting, settings, microSteps } = training;
  const sizes = new Map(microSteps.map((graph) => [graph, 0]));
  for (const graph of sizes.keys()) sizes.set(graph, measureGraph(graph, options).bufferSize);
  let largest = 0;
  return {
    parameters: inARow(
      states.map(({ parameter }) => parameter),
      alignment,
    ),
    lasting: inARow(lasting, alignment),
    host: inARow([settings], alignment),
    compute: microSteps.map((graph) => (largest = Math.max(largest, sizes.get(graph)!))),
  };
}

function inARow(tensors: readonly Tensor[], alignment: number): TensorBuffer {
  let end = 0;
  const placed = tensors.map((tensor) => {
    const offset = end;
    end = checkBytes(alignUp(offset + tensor.storageBytes, alignment), tensor.label);
    return { tensor, offset };
  });
  return { bufferSize: end, tensors: placed };
}
