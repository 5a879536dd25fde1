/**
 * Slices of tensors, and what it takes to compute a slice of an operation's result: data that stands beside the
 * operation's shape rule, for passes that compute a region in parts and for those who check them.
 *
 *     y = MUL_MAT(a, b), rows [2, 4) of y       needs all of a, and rows [2, 4) of b
 *     y = IM2COL(kernel, x), rows [2, 4) of y   needs rows [1, 5) of x, without the padding
 *
 * Invariant: elements of a slice are computed from the same elements, by the same arithmetic and in the same order, as in
 * the whole result: they are the same bits.
 */
import type { Layout } from './layout.js';
import type { OperationParams } from './operation-params.js';

/** Elements `from` to `to` (exclusive) of one dimension, of all others everything. */
export interface Slice {
  readonly dim: number;
  readonly from: number;
  readonly to: number;
}

/** What an operation is given, and yields, where it computes a slice of its result. */
export interface Cut {
  /** By source slot, the slice of the operand that is read; null for all of it. */
  readonly operands: readonly (Slice | null)[];
  /** Settings that differ. Default: none. */
  readonly params?: OperationParams;
  /** Elements of the dimension that come out before the slice and are not those of the whole result. Default 0. */
  readonly before?: number;
  /** Elements that come out behind the slice and are not those of the whole result. Default 0. */
  readonly after?: number;
}

/** A node as far as its cuts depend on it. */
export interface CutNode {
  readonly shape: readonly number[];
  /** By source slot. */
  readonly sources: readonly ({ readonly shape: readonly number[] } | null)[];
  readonly params: OperationParams;
}

/** What has a shape. */
type Shaped = Pick<Layout, 'shape'>;

/** How to compute a slice of a node's result; null if the operation cannot be cut there. */
export type CutRule = (node: CutNode, slice: Slice) => Cut | null;

/** What one operand contributes to a slice; undefined if the slice cannot be computed. */
export type OperandSlice = Slice | null | undefined;

/** The cut of these operands; null if one of them forbids it. */
export function cutOf(operands: readonly OperandSlice[], rest: Omit<Cut, 'operands'> = {}): Cut | null {
  return operands.some((operand) => operand === undefined) ? null : { operands: operands as (Slice | null)[], ...rest };
}

/** The slice of a dimension, of as many elements as that of the result or of a single one, which is repeated. */
export function alike(operand: Shaped | null | undefined, slice: Slice, length: number, dim = slice.dim): OperandSlice {
  const own = operand?.shape[dim] ?? 1;
  if (own === length && length > 1) return { ...slice, dim };
  return own === 1 ? null : undefined;
}

/** The slice of a dimension whose elements count for `length ÷ own` neighbours of the result each. */
export function shared(operand: Shaped, slice: Slice, length: number, dim = slice.dim): OperandSlice {
  const own = operand.shape[dim];
  if (own === 1) return null;
  const each = length / own;
  const [from, to] = [Math.floor(slice.from / each), Math.ceil(slice.to / each)];
  const isWhole = slice.from % each === 0 && slice.to % each === 0;
  return isWhole || to - from === 1 ? { dim, from, to } : undefined;
}

/** Shape of a tensor with the slice of one dimension alone. */
export function slicedShape(shape: readonly number[], { dim, from, to }: Slice): number[] {
  return shape.map((length, index) => (index === dim ? to - from : length));
}

/** The slice of a contiguous tensor of shape `to` that has the same elements as a slice of one of shape `from`. */
export function reshapedSlice(from: readonly number[], slice: Slice, to: readonly number[]): Slice | null {
  const inner = product(from, slice.dim);
  const period = inner * from[slice.dim];
  let size = 1;
  for (let dim = 0; dim < to.length; dim++) {
    const next = size * to[dim];
    if (next === period && to[dim] > 1) {
      const [first, end] = [(slice.from * inner) / size, (slice.to * inner) / size];
      return Number.isInteger(first) && Number.isInteger(end) ? { dim, from: first, to: end } : null;
    }
    size = next;
  }
  return null;
}

const product = (shape: readonly number[], count: number): number =>
  shape.slice(0, count).reduce((size, length) => size * length, 1);
