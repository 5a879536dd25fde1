/**
 * The operation table: every row of every family, by ggml's name.
 *
 * Invariant: only code that reads names needs the table, such as the reader of graph files. A tensor holds its own
 * operation.
 */
import type { Row } from './row.js';
import type { OperationName } from './operation-name.js';
import { ARITHMETIC_OPERATIONS } from './ops/arithmetic.js';
import { ATTENTION_OPERATIONS } from './ops/attention.js';
import { CONVOLUTION_OPERATIONS } from './ops/convolution.js';
import { CUSTOM_OPERATIONS } from './ops/custom.js';
import { DIRECT_CONVOLUTION_OPERATIONS } from './ops/direct-convolution.js';
import { GATED_OPERATIONS } from './ops/gated.js';
import { HYPER_CONNECTION_OPERATIONS } from './ops/hyper-connections.js';
import { INDEXING_OPERATIONS } from './ops/indexing.js';
import { MATRIX_OPERATIONS } from './ops/matrix.js';
import { MEMORY_OPERATIONS } from './ops/memory.js';
import { NORM_OPERATIONS } from './ops/norm.js';
import { POSITION_OPERATIONS } from './ops/positions.js';
import { RECURRENCE_OPERATIONS } from './ops/recurrence.js';
import { REDUCTION_OPERATIONS } from './ops/reduction.js';
import { RESAMPLING_OPERATIONS } from './ops/resampling.js';
import { TRAINING_OPERATIONS } from './ops/training.js';
import { UNARY_OPERATIONS } from './ops/unary.js';
import { VIEW_OPERATIONS } from './ops/views.js';

/** Every row. Names are unique. */
export const OPERATIONS: readonly Row[] = [
  VIEW_OPERATIONS,
  MEMORY_OPERATIONS,
  ARITHMETIC_OPERATIONS,
  UNARY_OPERATIONS,
  GATED_OPERATIONS,
  NORM_OPERATIONS,
  MATRIX_OPERATIONS,
  ATTENTION_OPERATIONS,
  INDEXING_OPERATIONS,
  REDUCTION_OPERATIONS,
  RECURRENCE_OPERATIONS,
  HYPER_CONNECTION_OPERATIONS,
  CONVOLUTION_OPERATIONS,
  DIRECT_CONVOLUTION_OPERATIONS,
  RESAMPLING_OPERATIONS,
  POSITION_OPERATIONS,
  TRAINING_OPERATIONS,
  CUSTOM_OPERATIONS,
].flat();

const TABLE: ReadonlyMap<string, Row> = new Map(OPERATIONS.map((operation) => [operation.name, operation]));

/** The row of an operation; `undefined` if the library does not know it, as may be in a graph file. */
export function findOperation(name: string): Row | undefined {
  return TABLE.get(name);
}

/** Whether `op` is the name of an operation that the library knows. False for `NONE`, the `op` of leafs. */
export function isOperationName(op: string): op is OperationName {
  return TABLE.has(op);
}
