/**
 * Which bytes of a storage a tensor touches, and whether two tensors touch the same.
 *
 * Invariant: `disjoint` and `overlapping` are certain; every other pair is `possible`.
 */
import type { Tensor } from '../tensor/tensor.js';

export type Overlap = 'disjoint' | 'possible' | 'overlapping';

/** The bytes of a storage from a tensor's first to its last. */
export interface Region {
  readonly tensor: Tensor;
  /** First byte. */
  readonly start: number;
  /** One past the last byte. */
  readonly end: number;
  /** Whether the tensor's elements fill all of it. */
  readonly isDense: boolean;
}

/** O(1). */
export function regionOf(tensor: Tensor): Region {
  const start = tensor.viewOffset;
  const { byteLength } = tensor;
  return { tensor, start, end: start + byteLength, isDense: isDense(tensor) };
}

/** How two regions of one storage overlap. O(1). */
export function overlapOf(a: Region, b: Region): Overlap {
  if (a.end <= b.start || b.end <= a.start || a.start === a.end || b.start === b.end) return 'disjoint';
  if (a.start === b.start || (a.isDense && b.isDense)) return 'overlapping';
  return inDifferentColumns(a.tensor, b.tensor) ? 'disjoint' : 'possible';
}

/** Whether the elements, in any order, fill their bytes without holes and share none. */
function isDense(tensor: Tensor): boolean {
  let next = tensor.type.blockBytes;
  for (const { count, stride } of dimsOf(tensor).sort((a, b) => a.stride - b.stride)) {
    if (stride !== next) return false;
    next *= count;
  }
  return true;
}

/** Count (blocks or elements) and stride (bytes) of each dimension with a count above one. */
function dimsOf({ type, shape, strides }: Tensor): { count: number; stride: number }[] {
  const dims = strides.map((stride, dim) => ({ count: dim === 0 ? shape[0] / type.blockSize : shape[dim], stride }));
  return dims.filter(({ count }) => count > 1);
}

/**
 * Whether both are made of rows of one matrix, as the parts of a fused QKV projection are, and never share a column:
 *
 *     ├─ q ─┼─ k ─┼─ v ─┤   every row of the matrix is `pitch` bytes long
 *     ├─ q ─┼─ k ─┼─ v ─┤
 */
function inDifferentColumns(a: Tensor, b: Tensor): boolean {
  const pitch = Math.max(...[...dimsOf(a), ...dimsOf(b)].map(({ stride }) => stride));
  const spanA = columnsWithin(a, pitch);
  const spanB = columnsWithin(b, pitch);
  if (spanA === null || spanB === null) return false;
  return spanA.end <= spanB.start || spanB.end <= spanA.start;
}

/** The bytes that a tensor uses of each row of `pitch` bytes: first, and one past the last. Null if rows differ. */
function columnsWithin(tensor: Tensor, pitch: number): { start: number; end: number } | null {
  let width = tensor.type.blockBytes;
  for (const { count, stride } of dimsOf(tensor)) if (stride % pitch !== 0) width += (count - 1) * stride;
  const start = tensor.viewOffset % pitch;
  return start + width <= pitch ? { start, end: start + width } : null;
}
