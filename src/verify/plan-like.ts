/**
 * What the checks read of a plan. It may come from anywhere, so the checks believe none of it.
 */
import type { Runtime } from '../runtime/runtime.js';

/** What the verifier reads of a plan; a `Plan` and a parsed plan file both are one. */
export interface PlanLike {
  readonly alignment: number;
  readonly bufferSize: number;
  readonly chunks: readonly number[];
  readonly tensors: readonly PlanEntry[];
  /** What the plan was made for: the name of a runtime, or one's own. `ggml-cpu` if left out. */
  readonly runtime?: string | Runtime;
  /** Bytes; must not exceed `bufferSize`. Not checked if left out. */
  readonly lowerBound?: number;
  /** Must say whether `bufferSize` equals `lowerBound`. Not checked if left out. */
  readonly optimal?: boolean;
}

/** One tensor's entry of a plan. What it says of name, size and live range is checked if it is there. */
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
