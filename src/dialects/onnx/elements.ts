/**
 * Computes with the elements of small values, such as those that shapes are made of: indices, copies of parts.
 *
 * Invariant: as many elements as the shape has, or null. Never more than `MAX_ELEMENTS`, so that a file cannot ask for much
 * work.
 */

/** More elements than this are never computed. */
export const MAX_ELEMENTS = 1024;

/** Floats decide a shape only as factors and limits, of which there are few: longer lists are weights. */
export const MAX_FLOATS = 64;

export function countOf(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

/** The distance in elements from one index to the next, for each dimension. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides: number[] = [];
  for (let dim = shape.length - 1, next = 1; dim >= 0; next *= shape[dim], dim--) strides[dim] = next;
  return strides;
}

/** `of` for each index of the shape, in order; null if there are too many. */
export function eachIndex(shape: readonly number[], of: (index: readonly number[]) => number): number[] | null {
  const count = countOf(shape);
  if (!(count <= MAX_ELEMENTS)) return null;
  const strides = stridesOf(shape);
  return Array.from({ length: count }, (_, position) =>
    of(shape.map((dim, axis) => Math.floor(position / strides[axis]) % dim)),
  );
}

/** The element at an index of a value that is broadcast: dimensions of one element are repeated, missing ones as well. */
export function broadcastElement(
  data: readonly number[],
  shape: readonly number[],
): (index: readonly number[]) => number {
  const strides = stridesOf(shape);
  return (index) => {
    const skipped = index.length - shape.length;
    const position = shape.reduce((at, dim, axis) => at + (dim === 1 ? 0 : index[axis + skipped] * strides[axis]), 0);
    return data[position];
  };
}

/** The shape of values that are computed element by element; null if they do not fit together. */
export function broadcastShape(shapes: readonly (readonly number[])[]): number[] | null {
  const rank = Math.max(0, ...shapes.map(({ length }) => length));
  const result: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    let length = 1;
    for (const shape of shapes) {
      const dim = shape[axis - rank + shape.length] ?? 1;
      if (dim === 1 || dim === length) continue;
      if (length !== 1) return null;
      length = dim;
    }
    result.push(length);
  }
  return result;
}
