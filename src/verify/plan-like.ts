/**
 * The fields of a plan that the checks read. A plan may come from anywhere, so the checks trust no field.
 */
import type { Runtime } from '../runtime/runtime.js';

/** A plan for the verifier: a `Plan`, or a parsed plan file. */
export interface PlanLike {
  readonly alignment: number;
  readonly bufferSize: number;
  readonly chunks: readonly number[];
  readonly tensors: readonly PlanEntry[];
  /** The memories that the plan was made for, whose chunks make up `chunks`. Left out, or null: one memory. */
  readonly pools?: readonly PlanPool[] | null;
  /** The runtime that the plan was made for: a name, or rules of your own. `ggml-cpu` if left out. */
  readonly runtime?: string | Runtime;
  /** Bytes; must not exceed `bufferSize`. Not checked if left out. */
  readonly lowerBound?: number;
  /** Must say whether `bufferSize` equals `lowerBound`. Not checked if left out. */
  readonly isOptimal?: boolean;
  /** `isOptimal` by its name in a plan file. */
  readonly optimal?: boolean;
}

/** One of the memories that a plan was made for. */
export interface PlanPool {
  readonly name: string;
  /** Bytes that every offset in it is a multiple of. */
  readonly alignment: number;
  /** Most bytes of one chunk. Unlimited if left out. */
  readonly maxChunkSize?: number;
  /** The chunk of the plan that is its first one. */
  readonly firstChunk: number;
  /** The size of each of its chunks. */
  readonly chunks: readonly number[];
  /** The sum of its chunks. Not checked if left out. */
  readonly bufferSize?: number;
}

/** One tensor's entry of a plan. Name, size and live range may be left out; they are checked if they are given. */
export interface PlanEntry {
  readonly id: number;
  readonly chunk: number;
  readonly offset: number;
  readonly name?: string;
  /** Bytes, at least what the tensor needs. */
  readonly size?: number;
  /** First step, inclusive: no later than the tensor is needed. */
  readonly start?: number;
  /** Last step, exclusive: no earlier than the tensor is needed. */
  readonly end?: number;
}
