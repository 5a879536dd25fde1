/**
 * A tensor as a program in PyTorch sees it: its layout in PyTorch's order, and where its gradient goes.
 *
 * Invariant: plain data but for `edge`, which autograd sets once. Shapes and strides have the outermost dimension first,
 * and strides count elements; the library's tensor behind it has both the other way round, in bytes.
 */
import type { ElementType } from '../../tensor/element-type.js';
import type { Tensor } from '../../tensor/tensor.js';

/** Where a gradient goes: a result of a node. */
export interface Edge {
  readonly node: GradientNode;
  readonly index: number;
}

/** Gradients of a node's results, or of its operands; null where none came. */
export type Gradients = readonly (Value | null)[];

/** A node of autograd: from the gradients of an operation's results to those of its operands. */
export interface GradientNode {
  /** Higher is younger. */
  readonly sequence: number;
  /** The block of the model that made it. */
  readonly block: number;
  /** One for each operand; null for those that require no gradient. None of a parameter, which holds its gradient. */
  readonly edges: readonly (Edge | null)[];
  readonly saves: Saved[];
  readonly outputs: readonly Pick<Value, 'type' | 'shape'>[];
  readonly apply: (gradients: Gradients) => Gradients;
}

/** A value that was kept for a gradient. */
export interface Saved {
  readonly get: () => Value;
  /** What is held until the gradient is computed, but not until it has its shape and type; null if there is none. */
  readonly local: () => Value | null;
  /** Says that the node is done; yields what it held until then, or null. */
  readonly drop: () => Value | null;
}

/** Shape and strides in PyTorch's order; strides in elements. */
export interface Strided {
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

/** A tensor of the program. */
export interface Value extends Strided {
  readonly tensor: Tensor;
  readonly type: ElementType;
  /** Where its gradient goes; null if it requires none. */
  edge: Edge | null;
}

/** Elements of a shape. */
export function elements(shape: readonly number[]): number {
  let count = 1;
  for (const length of shape) count *= length;
  return count;
}

/** The strides of a contiguous tensor. */
export function contiguous(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let next = 1;
  for (let dim = shape.length - 1; dim >= 0; dim--) {
    strides[dim] = next;
    next *= Math.max(1, shape[dim]);
  }
  return strides;
}

/** Whether the elements lie one after another in the order of the indices. */
export function isContiguous({ shape, strides }: Strided): boolean {
  let next = 1;
  for (let dim = shape.length - 1; dim >= 0; dim--) {
    if (shape[dim] === 1) continue;
    if (strides[dim] !== next) return false;
    next *= shape[dim];
  }
  return true;
}

/** Whether the elements fill their bytes in some order of the dimensions. */
function isDense({ shape, strides }: Strided): boolean {
  const dims = shape.map((_, dim) => dim).filter((dim) => shape[dim] !== 1);
  dims.sort((a, b) => strides[a] - strides[b]);
  let next = 1;
  for (const dim of dims) {
    if (strides[dim] !== next) return false;
    next *= shape[dim];
  }
  return true;
}

/** The strides that an element-wise operation or a clone gives its result: those of the operand if it is dense. */
export function preserved(operand: Strided, shape = operand.shape): readonly number[] {
  const isSame = shape.length === operand.shape.length && shape.every((length, dim) => length === operand.shape[dim]);
  return isSame && isDense(operand) ? operand.strides : contiguous(shape);
}

/** The strides of a view of `shape` over the same elements; null if only a copy can have that shape. */
export function viewStrides({ shape: old, strides }: Strided, shape: readonly number[]): number[] | null {
  const result = new Array<number>(shape.length);
  if (elements(old) === 0) return contiguous(shape);
  let view = shape.length - 1;
  let chunkBase = strides[old.length - 1] ?? 1;
  let seen = 1;
  let covered = 1;
  for (let dim = old.length - 1; dim >= 0; dim--) {
    seen *= old[dim];
    const ends = dim === 0 || (old[dim - 1] !== 1 && strides[dim - 1] !== seen * chunkBase);
    if (!ends) continue;
    while (view >= 0 && (covered < seen || shape[view] === 1)) {
      result[view] = covered * chunkBase;
      covered *= shape[view--];
    }
    if (covered !== seen) return null;
    if (dim > 0) chunkBase = strides[dim - 1];
    seen = 1;
    covered = 1;
  }
  while (view >= 0 && shape[view] === 1) result[view--] = 1;
  return view < 0 ? result : null;
}

/** The shape to which two broadcast. */
export function broadcast(a: readonly number[], b: readonly number[]): readonly number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, dim) => {
    const x = a[dim - rank + a.length] ?? 1;
    const y = b[dim - rank + b.length] ?? 1;
    return x === 1 ? y : x;
  });
}

/** Whether two shapes are equal. */
export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((length, dim) => length === b[dim]);
}
