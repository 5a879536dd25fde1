/**
 * Slices through nodes that only look at bytes: which slice of its source a slice of such a view looks at, and how it
 * looks at a source that has only these elements.
 *
 *     x [256, 8, 512] ──▶ PERMUTE [256, 512, 8]        rows [64, 128) of dimension 1 are those of dimension 2 of x
 *
 * Invariant: knows layouts alone. What it cannot see through gives null.
 */
import { isContiguous, type Layout } from '../../tensor/layout.js';
import { reshapedSlice, slicedShape, type Slice } from '../../tensor/slice.js';
import type { OperationParams, Tensor } from '../../tensor/tensor.js';

/** Where a view looks, with the setting of the operation that says so. */
export interface ViewLayout extends Omit<Layout, 'type'> {
  /** Bytes from the first element of the source. */
  readonly offset: number;
  readonly params: OperationParams;
}

/** The source of a view that looks at one tensor, at all or some of its bytes. */
function sourceOf({ sources, operation }: Tensor): Tensor | null {
  return sources.length === 1 && operation !== null ? sources[0] : null;
}

/** The slice of its source that a slice of a view looks at; null if it is none. */
export function seenSlice(view: Tensor, slice: Slice): Slice | null {
  const source = sourceOf(view);
  if (source === null || view.type.blockSize !== 1) return null;
  if (isReshape(view, source)) return reshapedSlice(view.shape, slice, source.shape);
  const dim = matchingDim(view, source, slice.dim);
  return dim === null ? null : { ...slice, dim };
}

function isReshape(view: Tensor, source: Tensor): boolean {
  return (
    isContiguous(view) &&
    isContiguous(source) &&
    view.viewOffset === source.viewOffset &&
    view.byteLength === source.byteLength
  );
}

/** The dimension of the source that a dimension of the view is, all of it. */
function matchingDim(view: Tensor, source: Tensor, dim: number): number | null {
  const stride = view.strides[dim];
  const found = source.shape.findIndex((length, each) => length > 1 && source.strides[each] === stride);
  if (found === -1 || source.shape[found] !== view.shape[dim]) return null;
  const offset = view.viewOffset - source.viewOffset;
  const start = componentsOf(source, offset);
  return start !== null && start[found] === 0 ? found : null;
}

/** An offset as whole steps of each dimension of a layout, the largest strides first; the rest in bytes comes last. */
function componentsOf({ shape, strides }: Layout, offset: number): number[] | null {
  const steps = shape.map(() => 0);
  const dims = shape.map((_, dim) => dim).sort((a, b) => strides[b] - strides[a]);
  let rest = offset;
  for (const dim of dims) {
    if (shape[dim] === 1) continue;
    steps[dim] = Math.floor(rest / strides[dim]);
    if (steps[dim] >= shape[dim]) return null;
    rest -= steps[dim] * strides[dim];
  }
  return rest === 0 ? steps : null;
}

/** How a slice of `view` looks at `part`, which has the slice of the view's source; null if it cannot. */
export function viewLayoutOf(view: Tensor, slice: Slice, part: Layout): ViewLayout | null {
  const source = sourceOf(view)!;
  const shape = slicedShape(view.shape, slice);
  if (isReshape(view, source)) {
    if (!isContiguous(part)) return null;
    let next = part.type.blockBytes;
    const strides = shape.map((length) => {
      const stride = next;
      next *= length;
      return stride;
    });
    return { shape, strides, offset: 0, params: withLayout(view, shape, strides, 0) };
  }
  const steps = componentsOf(source, view.viewOffset - source.viewOffset);
  if (steps === null) return null;
  const strides = view.shape.map((length, dim) => {
    if (length === 1) return null;
    const like = source.shape.findIndex((own, each) => own > 1 && source.strides[each] === view.strides[dim]);
    if (like !== -1) return part.strides[like];
    // A stride of several elements of some dimension, such as every head of a row: as long as these lie as before.
    const isBelow = source.strides.every((own, each) => own === part.strides[each] || own > view.strides[dim]);
    return isBelow ? view.strides[dim] : NaN;
  });
  if (strides.some((stride) => Number.isNaN(stride))) return null;
  const filled = strides.map((stride, dim) => stride ?? (dim === 0 ? part.type.blockBytes : (strides[dim - 1] ?? 0)));
  for (let dim = 1; dim < filled.length; dim++) {
    if (strides[dim] === null) filled[dim] = filled[dim - 1] * shape[dim - 1];
  }
  const offset = steps.reduce((sum, step, dim) => sum + step * part.strides[dim], 0);
  return { shape, strides: filled, offset, params: withLayout(view, shape, filled, offset) };
}

/** The settings of the view, where they repeat its layout. */
function withLayout({ params }: Tensor, ne: number[], strides: number[], offset: number): OperationParams {
  return {
    ...params,
    ...('ne' in params && { ne }),
    ...('nb' in params && { nb: strides.slice(1) }),
    ...('offset' in params && { offset }),
  };
}
