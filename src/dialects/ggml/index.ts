/**
 * The public names of `tensor-arena/ggml`: the settings of the operations of a `Context`, and their names. Exports only.
 *
 * @module tensor-arena/ggml
 */
export { isOperationName } from './operations.js';
export type { OperationName } from './operation-name.js';
export type { CustomOptions, CustomResult, CustomResultsOptions } from './custom-ops.js';
export type { InPlaceOption } from './ops/applier.js';
export type { ScaleOptions } from './ops/arithmetic.js';
export type {
  AttentionOptions,
  FlashAttentionOptions,
  RopeBackOptions,
  RopeMode,
  RopeOptions,
} from './ops/attention.js';
export type { GatedOptions } from './ops/gated.js';
export type { Triangle } from './ops/matrix.js';
export type { SnapshotOptions } from './ops/recurrence.js';
export type { SortOrder } from './ops/reduction.js';
export type { InterpolateOptions, PadOptions, Pooling, PoolOptions, ScaleMode } from './ops/resampling.js';
export type { SlidingOptions } from './ops/sliding.js';
export type { SoftMaxBackOptions } from './ops/training.js';
