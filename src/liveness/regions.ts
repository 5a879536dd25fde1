/**
 * Which bytes of a storage a tensor touches, and whether two tensors touch the same.
 *
 * Invariant: `disjoint` and `overlapping` are certain; whatever neither can be shown of is `possible`.
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

/** Whether `outer` touches every byte between `inner`'s first and last. */
export function covers(outer: Region, inner: Region): boolean {
  return outer.isDense && outer.start <= inner.start && inner.end <= outer.end;
}

/** How two regions of one storage overlap. O(1). */
export function overlapOf(a: Region, b: Region): Overlap {
  if (a.end <= b.start || b.end <= a.start || a.start === a.end || b.start === b.end) return 'disjoint';
  if (a.start === b.start || (a.isDense && b.isDense)) return 'overlapping';
  return inDifferentColumns(a.tensor, b.tensor) ? 'disjoint' : 'possible';
}

/** Whether the elements, in whatever order, fill their bytes without gaps and without sharing any. */
function isDense({ type, ne, nb }: Tensor): boolean {
  const dims = [0, 1, 2, 3].filter((dim) => ne[dim] > (dim === 0 ? type.blockSize : 1));
  dims.sort((a, b) => nb[a] - nb[b]);
  let next = type.blockBytes;
  for (const dim of dims) {
    if (nb[dim] !== next) return false;
    next *= dim === 0 ? ne[0] / type.blockSize : ne[dim];
  }
  return true;
}

/**
 * Whether both are made of rows of one matrix, as the parts of a fused QKV projection are, and never share a column:
 *
 *     ├─ q ─┼─ k ─┼─ v ─┤   every row of the matrix is `pitch` bytes long
 *     ├─ q ─┼─ k ─┼─ v ─┤
 */
function inDifferentColumns(a: Tensor, b: Tensor): boolean {
  const pitch = Math.max(...outerStrides(a), ...outerStrides(b));
  const spanA = columnsWithin(a, pitch);
  const spanB = columnsWithin(b, pitch);
  if (spanA === null || spanB === null) return false;
  return spanA.end <= spanB.start || spanB.end <= spanA.start;
}

/** Strides of the dimensions that have more than one element, the innermost left out. */
function outerStrides({ ne, nb }: Tensor): number[] {
  return [1, 2, 3].filter((dim) => ne[dim] > 1).map((dim) => nb[dim]);
}

/** First and one past the last byte that a tensor uses in rows of `pitch` bytes, if it is the same in every row. */
function columnsWithin({ type, ne, nb, viewOffset }: Tensor, pitch: number): { start: number; end: number } | null {
  let width = (ne[0] / type.blockSize) * nb[0];
  if (nb[0] !== type.blockBytes) return null;
  for (let dim = 1; dim < 4; dim++) {
    if (ne[dim] === 1 || nb[dim] % pitch === 0) continue;
    width += (ne[dim] - 1) * nb[dim];
  }
  const start = viewOffset % pitch;
  return start + width <= pitch ? { start, end: start + width } : null;
}
