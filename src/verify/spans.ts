/**
 * The bytes that a tensor's elements really occupy within its storage, as dense spans: gaps between strides left out.
 *
 * Invariant: exact for every layout with non-negative strides; spans may touch or repeat where strides overlap, but
 * together they are the elements' bytes and no others.
 */
import type { Tensor } from '../tensor/tensor.js';
import { IntervalMap, UNWRITTEN } from './interval-map.js';

/**
 * Calls `visit` with first and one past the last byte of every span. O(spans): 1 for dense tensors, permuted or not, and
 * one per row for a matrix whose rows are apart.
 */
export function forEachSpan(tensor: Tensor, visit: (from: number, to: number) => void): void {
  const { type, ne, nb, viewOffset } = tensor;
  if (ne.includes(0)) return;
  const dims = nb
    .map((stride, dim) => ({ stride, count: dim === 0 ? ne[0] / type.blockSize : ne[dim] }))
    .sort((a, b) => a.stride - b.stride);
  let length = type.blockBytes;
  while (dims.length > 0 && dims[0].stride <= length) {
    const { stride, count } = dims.shift()!;
    length += stride * (count - 1);
  }
  const walk = (start: number, dim: number): void => {
    if (dim < 0) return visit(start, start + length);
    for (let i = 0; i < dims[dim].count; i++) walk(start + i * dims[dim].stride, dim - 1);
  };
  walk(viewOffset, dims.length - 1);
}

/**
 * The first bytes that two tensors have in common where their storages begin at the given bytes; `null` if there are none.
 */
export function firstCommonBytes(
  a: Tensor,
  startOfA: number,
  b: Tensor,
  startOfB: number,
): readonly [number, number] | null {
  const [fromA, fromB] = [startOfA + a.viewOffset, startOfB + b.viewOffset];
  if (fromA + a.byteLength <= fromB || fromB + b.byteLength <= fromA) return null;
  const taken = new IntervalMap();
  forEachSpan(a, (from, to) => taken.write(startOfA + from, startOfA + to, 1));
  let found: readonly [number, number] | null = null;
  forEachSpan(b, (from, to) => {
    taken.read(startOfB + from, startOfB + to, (first, end, tag) => {
      if (tag !== UNWRITTEN) found ??= [first, end];
    });
  });
  return found;
}
