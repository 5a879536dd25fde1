/**
 * Operations that compute nothing: their results are views of another tensor's bytes, or bytes to write into.
 */
import { checkArgument } from '../../../errors.js';
import { elementCount, rowSize, type Dims4 } from '../../../tensor/layout.js';
import { elementType, type ElementTypeName } from '../../../tensor/element-type.js';
import { shape } from '../shape.js';
import type { OperationParams, Tensor } from '../../../tensor/tensor.js';
import { checkViewBounds, staysWithin } from '../../../tensor/view-bounds.js';
import { rowsOf } from '../row.js';
import { describe, requireOperand } from '../operand-error.js';
import { listOf } from './rules.js';
import { Applier } from './applier.js';

const define = rowsOf('other');

export const RESHAPE = define<OperationParams & { ne: readonly number[] }>({
  name: 'RESHAPE',
  operands: ['a'],
  isView: true,
  result: (o, params) => {
    const a = o.tensor('a');
    const ne = shape(params.ne, o.name);
    o.requireContiguous('a');
    const count = elementCount(a);
    if (elementCount({ shape: ne }) !== count) o.failShape(ne, `of ${count} elements, as ${describe(a)}`);
    return { type: a.type, ne, view: { of: a, offset: 0 }, name: `${a.name} (reshaped)` };
  },
});

interface ViewParams extends OperationParams {
  readonly ne: readonly number[];
  /** Byte strides of dimensions 1, 2 and 3. */
  readonly nb: readonly number[];
  readonly offset: number;
}

export const VIEW = define<ViewParams>({
  name: 'VIEW',
  operands: ['a'],
  isView: true,
  result: (o, { ne, nb, offset }) => {
    const a = o.tensor('a');
    const viewNe = shape(ne, o.name);
    const nb1 = nb[0] ?? rowSize(a.type, viewNe[0]);
    const nb2 = nb[1] ?? nb1 * viewNe[1];
    const nb3 = nb[2] ?? nb2 * viewNe[2];
    const viewNb: Dims4 = [a.type.blockBytes, nb1, nb2, nb3];
    const layout = { type: a.type, shape: viewNe, strides: viewNb };
    const start = typeof offset === 'number' ? a.viewOffset + offset : offset;
    const { byteLength } = a.root;
    if (!staysWithin(layout, start, byteLength)) checkViewBounds(layout, start, byteLength, `${o.name} of ${a.label}`);
    return { type: a.type, ne: viewNe, nb: viewNb, view: { of: a, offset }, name: `${a.name} (view)` };
  },
});

export const PERMUTE = define<OperationParams & { axes: readonly number[] }>({
  name: 'PERMUTE',
  operands: ['a'],
  isView: true,
  result: (o, { axes }) => {
    const a = o.tensor('a');
    const isPermutation = axes.length === 4 && [0, 1, 2, 3].every((axis) => axes.includes(axis));
    const remedy = 'Give the new places of all four dimensions, those of length 1 too.';
    requireOperand(isPermutation, o.name, 'axes', axes, 'each of 0, 1, 2, 3 once', remedy);
    const ne: [number, number, number, number] = [1, 1, 1, 1];
    const nb: [number, number, number, number] = [0, 0, 0, 0];
    for (let dim = 0; dim < 4; dim++) {
      ne[axes[dim]] = a.ne[dim];
      nb[axes[dim]] = a.nb[dim];
    }
    return { type: a.type, ne, nb, view: { of: a, offset: 0 }, name: `${a.name} (permuted)` };
  },
});

export const TRANSPOSE = define({
  name: 'TRANSPOSE',
  operands: ['a'],
  isView: true,
  result: (o) => {
    const a = o.tensor('a');
    const [ne0, ne1, ne2, ne3] = a.ne;
    const [nb0, nb1, nb2, nb3] = a.nb;
    return {
      type: a.type,
      ne: [ne1, ne0, ne2, ne3],
      nb: [nb1, nb0, nb2, nb3],
      view: { of: a, offset: 0 },
      name: `${a.name} (transposed)`,
    };
  },
});

export const DEPENDENCY = define({
  name: 'DEPENDENCY',
  operands: ['a', 'b'],
  isView: true,
  result: (o) => {
    const a = o.tensor('a');
    return { type: a.type, ne: a.ne, nb: a.nb, view: { of: a, offset: 0 }, name: `${a.name} (dependency)` };
  },
});

/** Bytes into which other results are written, as destinations: it computes nothing, but from its step on they are its own. */
export const EMPTY = define<OperationParams & { type: ElementTypeName; ne: readonly number[] }>({
  name: 'EMPTY',
  operands: [],
  result: (o, { type, ne }) => ({ type: elementType(type, `${o.name}: type`), ne: shape(ne, o.name) }),
});

/** The rows of this family. */
export const VIEW_OPERATIONS = [RESHAPE, VIEW, PERMUTE, TRANSPOSE, DEPENDENCY, EMPTY];

/** Views: no bytes, no work. */
export abstract class ViewOps extends Applier {
  /** The same elements in another shape. `a` must be contiguous. @throws PlannerError `BAD_OPERAND`, `BAD_SHAPE` */
  reshape(a: Tensor, ne: readonly number[]): Tensor {
    return this.apply(RESHAPE, [a], { ne: listOf(RESHAPE, 'ne', ne) });
  }

  /**
   * A part of `a`'s bytes.
   *
   * @param ne one to four element counts
   * @param nb byte strides of dimensions 1 to 3, as many as are needed. Default: densely packed
   * @param offset bytes from the start of `a`
   * @throws PlannerError `BAD_VIEW` if it reaches outside the storage, `BAD_SHAPE`
   */
  view(a: Tensor, ne: readonly number[], nb: readonly number[] = [], offset = 0): Tensor {
    return this.apply(VIEW, [a], { ne: listOf(VIEW, 'ne', ne), nb: listOf(VIEW, 'nb', nb), offset });
  }

  /** Dimension `i` of `a` becomes dimension `axes[i]` of the result. @throws PlannerError `BAD_OPERAND` */
  permute(a: Tensor, axes: Dims4): Tensor {
    return this.apply(PERMUTE, [a], { axes: listOf(PERMUTE, 'axes', axes) });
  }

  /** The first two dimensions swapped. */
  transpose(a: Tensor): Tensor {
    return this.apply(TRANSPOSE, [a]);
  }

  /**
   * `a` itself (same storage, shape and strides), but to be read only after `b` has run: what reads the result is
   * ordered after `b`, not by luck of the program order. To wait for several tensors, chain them:
   * `dependency(dependency(a, b), c)`.
   *
   * @throws PlannerError `BAD_ARGUMENT` for a third tensor
   */
  dependency(a: Tensor, b: Tensor, ...others: readonly never[]): Tensor {
    const remedy = 'Chain them: dependency(dependency(a, b), c).';
    checkArgument(others.length === 0, `${DEPENDENCY.name}: number of operands`, 2 + others.length, '2', remedy);
    return this.apply(DEPENDENCY, [a, b]);
  }

  /**
   * Bytes of a contiguous tensor that nothing has written yet, from this step on: what parts of a result are written into,
   * by `setOutput` with views of it as destinations.
   *
   * @throws PlannerError `UNKNOWN_TYPE`, `BAD_SHAPE`
   */
  empty(type: ElementTypeName, ne: readonly number[]): Tensor {
    return this.apply(EMPTY, [], { type, ne: listOf(EMPTY, 'ne', ne) });
  }
}
