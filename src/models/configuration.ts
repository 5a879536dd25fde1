/**
 * The memory that one model takes with one set of options, without the graph that led to it.
 *
 * Invariant: the sizes are those of `measureModel` with the same options.
 */
import { nullIfThrown } from '../errors.js';
import { measureGraph } from '../plan/measure.js';
import { LLAMA_CPP_PLAN } from './llama-cpp.js';
import type { Model, ModelHeader } from './model-graph.js';
import type { ModelOptions, ResolvedModelOptions } from './options.js';

/** The memory that a model needs. All sizes in bytes. */
export interface ModelSizes {
  /** Tensors of the file, each padded to 32 bytes. */
  readonly weights: number;
  /** KV cache, or the state of a recurrent model. */
  readonly context: number;
  /** Compute buffer that is reserved once, for a full batch of the prompt. */
  readonly compute: number;
  /** The sum of the three. */
  readonly total: number;
  /** Whether `context` is a state of constant size instead of a cache of keys and values. */
  readonly isRecurrent: boolean;
}

/** The sizes of a model with one set of options. */
export interface ModelConfiguration extends ModelSizes {
  /** The options as they were given. */
  readonly options: ModelOptions;
  /** The options as they were applied, after limits and rounding. */
  readonly run: ResolvedModelOptions;
}

/** A configuration with the total that its live bytes alone imply: no placement can be smaller. */
export interface BoundedConfiguration extends ModelConfiguration {
  readonly lowerBound: number;
}

/** Sizes of a model as llama.cpp would allocate them. O(nodes of its graph). @throws PlannerError `BYTES_TOO_LARGE` */
export function configure(options: ModelOptions, model: Model): BoundedConfiguration {
  const { weightBytes: weights, contextBytes: context, run, isRecurrent } = model;
  const { bufferSize: compute, lowerBound } = measureGraph(model.graph('pp'), LLAMA_CPP_PLAN);
  const fixed = weights + context;
  const sizes = { weights, context, compute, total: fixed + compute, isRecurrent };
  return { options, run, ...sizes, lowerBound: fixed + lowerBound };
}

/** The model with these options, or null if it is too large to be counted: beyond 2^53 - 1 bytes. */
export function openIfCountable(header: ModelHeader, options: ModelOptions): Model | null {
  return nullIfThrown('BYTES_TOO_LARGE', () => header.withOptions(options));
}

/** As {@link configure}, or null if a size is too large to be counted. */
export function configureIfCountable(options: ModelOptions, model: Model): BoundedConfiguration | null {
  return nullIfThrown('BYTES_TOO_LARGE', () => configure(options, model));
}
