/**
 * How a tensor's elements lie in memory: element type, shape and byte strides, innermost dimension first, of any rank.
 *
 * Invariant: every function is pure and exact, or throws.
 */
import { named, PlannerError } from '../errors.js';
import { checkBytes } from '../units.js';
import type { ElementType } from './element-type.js';

/** Element type, element counts and byte strides: all that decides how a tensor's bytes are read. */
export interface Layout {
  readonly type: ElementType;
  /** Element counts, innermost dimension first. */
  readonly shape: readonly number[];
  /** Bytes from one element, of dimension 0 one block, to the next; one per dimension. */
  readonly strides: readonly number[];
}

/** ggml's shapes and strides: four numbers, innermost dimension first. */
export type Dims4 = readonly [number, number, number, number];

/** Bytes of one row of `elementCount` elements. @throws PlannerError `BAD_SHAPE`, `BYTES_TOO_LARGE` */
export function rowSize(type: ElementType, elementCount: number, culprit = 'the tensor'): number {
  if (elementCount % type.blockSize !== 0) {
    throw new PlannerError('BAD_SHAPE', {
      message: `A row of ${named(culprit)} has ${elementCount} elements, but ${type.name} is stored in blocks of ${type.blockSize}.`,
      culprit,
      value: elementCount,
      limit: `a multiple of ${type.blockSize}, the block size of ${type.name}`,
      remedy: 'Pad the innermost dimension, or use an unquantised type.',
    });
  }
  return checkBytes(type.blockBytes * (elementCount / type.blockSize), culprit);
}

/** Byte strides of a contiguous tensor. @throws PlannerError `BAD_SHAPE`, `BYTES_TOO_LARGE` */
export function contiguousStrides<S extends readonly number[]>(type: ElementType, shape: S, culprit?: string): S;
export function contiguousStrides(type: ElementType, shape: readonly number[], culprit = 'the tensor'): number[] {
  const strides = shape.slice(); // as long as it has to be: every tensor comes through here
  let next = rowSize(type, shape[0] ?? 1, culprit);
  if (strides.length > 0) strides[0] = type.blockBytes;
  for (let dim = 1; dim < shape.length; dim++) {
    strides[dim] = next;
    next = checkBytes(next * shape[dim], culprit);
  }
  return strides;
}

/** Number of elements. */
export function elementCount({ shape }: Pick<Layout, 'shape'>): number {
  let count = 1;
  for (let dim = 0; dim < shape.length; dim++) count *= shape[dim];
  return count;
}

/** Whether a dimension has no element. */
export function isEmpty({ shape }: Pick<Layout, 'shape'>): boolean {
  for (let dim = 0; dim < shape.length; dim++) if (shape[dim] === 0) return true;
  return false;
}

/** Bytes from the first to one past the last element, gaps between strides included; 0 for an empty tensor. */
export function byteLength(layout: Layout, culprit = 'the tensor'): number {
  return checkBytes(uncheckedLength(layout), culprit);
}

/** As {@link byteLength}, but any number where the layout is wrong or too large. */
export function uncheckedLength({ type, shape, strides }: Layout): number {
  if (shape.length === 0) return type.blockBytes;
  if (shape[0] === 0) return 0;
  // A row of a quantised type counts by blocks, as in ggml_nbytes.
  let bytes =
    type.blockSize === 1 ? type.blockBytes + (shape[0] - 1) * strides[0] : (shape[0] * strides[0]) / type.blockSize;
  for (let dim = 1; dim < shape.length; dim++) {
    if (shape[dim] === 0) return 0;
    bytes += (shape[dim] - 1) * strides[dim];
  }
  return bytes;
}

/**
 * Whether the elements lie one after another. Dimensions up to `from` may be spread (0: the whole tensor is dense;
 * 1: rows may be apart; 2: planes may be apart), as in `ggml_is_contiguous_0`, `_1` and `_2`.
 */
export function isContiguous({ type, shape, strides }: Layout, from = 0): boolean {
  if (shape.length === 0) return true;
  let next = type.blockBytes;
  if (shape[0] !== type.blockSize && strides[0] !== next) return false;
  next *= shape[0] / type.blockSize;
  for (let dim = 1; dim < shape.length; dim++) {
    if (dim <= from) {
      next = shape[dim] * strides[dim];
    } else {
      if (shape[dim] !== 1 && strides[dim] !== next) return false;
      next *= shape[dim];
    }
  }
  return true;
}

/** Whether two shapes agree in all dimensions. */
export function sameShape(a: Pick<Layout, 'shape'>, b: Pick<Layout, 'shape'>): boolean {
  return sameNumbers(a.shape, b.shape);
}

/** Whether type, shape and strides agree. */
export function sameLayout(a: Layout, b: Layout): boolean {
  return a.type === b.type && sameNumbers(a.shape, b.shape) && sameNumbers(a.strides, b.strides);
}

function sameNumbers(a: readonly number[], b: readonly number[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}
