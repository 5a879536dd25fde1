/**
 * Which family a tensor's operation belongs to: what the map colours by.
 *
 * Invariant: no operation is named here; a family is made of whole rows of the operation table, so a new operation
 * has a colour from the start.
 */
import type { Operation } from '../graph/operation.js';
import { ARITHMETIC_OPERATIONS } from '../graph/ops/arithmetic.js';
import { ATTENTION_OPERATIONS } from '../graph/ops/attention.js';
import { CONVOLUTION_OPERATIONS } from '../graph/ops/convolution.js';
import { DIRECT_CONVOLUTION_OPERATIONS } from '../graph/ops/direct-convolution.js';
import { GATED_OPERATIONS } from '../graph/ops/gated.js';
import { MATRIX_OPERATIONS } from '../graph/ops/matrix.js';
import { MEMORY_OPERATIONS } from '../graph/ops/memory.js';
import { NORM_OPERATIONS } from '../graph/ops/norm.js';
import { RECURRENCE_OPERATIONS } from '../graph/ops/recurrence.js';
import { REDUCTION_OPERATIONS } from '../graph/ops/reduction.js';
import { RESAMPLING_OPERATIONS } from '../graph/ops/resampling.js';
import { UNARY_OPERATIONS } from '../graph/ops/unary.js';
import type { Graph } from '../graph/graph.js';
import type { Tensor } from '../tensor/tensor.js';
import type { OperationFamily } from './memory-map.js';

const ROWS: readonly (readonly [OperationFamily, readonly (readonly { readonly name: Operation['name'] }[])[]])[] = [
  ['matrix', [MATRIX_OPERATIONS]],
  ['attention', [ATTENTION_OPERATIONS]],
  ['norm', [NORM_OPERATIONS, REDUCTION_OPERATIONS]],
  ['element-wise', [ARITHMETIC_OPERATIONS, UNARY_OPERATIONS, GATED_OPERATIONS]],
  ['copy', [MEMORY_OPERATIONS]],
  ['convolution', [CONVOLUTION_OPERATIONS, DIRECT_CONVOLUTION_OPERATIONS, RESAMPLING_OPERATIONS]],
  ['recurrence', [RECURRENCE_OPERATIONS]],
];

const FAMILY_OF: ReadonlyMap<string, OperationFamily> = new Map(
  ROWS.flatMap(([family, tables]) => tables.flat().map(({ name }) => [name, family] as const)),
);

/** The family of the operation that computes `tensor`; leafs and inputs are one of their own. */
export function familyOf(tensor: Tensor, { inputs }: Graph): OperationFamily {
  const { op } = tensor;
  if (op === 'NONE' || inputs.has(tensor)) return 'input';
  return FAMILY_OF.get(op) ?? 'other';
}
