/**
 * Operations that move elements: copies, rows in and out, joining and repeating.
 *
 * Behaviour as in ggml's constructors `ggml_cpy`, `ggml_cont`, `ggml_get_rows`, `ggml_set_rows`, `ggml_concat`, ….
 */
import { ELEMENT_TYPES, elementType, type ElementTypeName } from '../../../tensor/element-type.js';
import { elementCount } from '../../../tensor/layout.js';
import { canRepeat, shape } from '../shape.js';
import { SELF, type OperationParams, type Tensor } from '../../../tensor/tensor.js';
import { rowsOf } from '../row.js';
import { ANY, type Operands } from '../operands.js';
import { describe } from '../operand-error.js';
import { byElement, reshaped, withShape } from '../cuts.js';
import { alike, cutOf } from '../../../tensor/slice.js';
import { like, into, requireArgument, requireIntegers, listOf } from './rules.js';
import { Applier, type InPlaceOption } from './applier.js';

const define = rowsOf('copy');

export const DUP = define({
  name: 'DUP',
  operands: ['a'],
  cut: byElement,
  overwrites: [0], // a copy onto itself
  result: (o) => like(o.tensor('a')),
});

/** Without a `type`, a copy into operand 1; with one, a copy into a new tensor. */
export const CPY = define<OperationParams & { type: ElementTypeName | null }>({
  name: 'CPY',
  operands: ['a'],
  optional: ['b'],
  overwrites: [0], // of equal layout, so a copy onto itself
  namesItself: [1], // a cast is a copy into a new tensor
  cut: ({ params }, slice) => (typeof params.type === 'string' ? { operands: [slice, null] } : null),
  result: (o, { type }) => {
    const a = o.tensor('a');
    if (type !== null) return { type: elementType(type, `${o.name}: type`), ne: a.ne, name: `${a.name} (copy)` };
    const b = o.tensor('b');
    const count = elementCount(a);
    if (elementCount(b) !== count) o.require(false, 'b', `of ${count} elements, as ${describe(a)}`);
    return into(b, b.name === '' ? `${a.name} (copy)` : `${b.name} (copy of ${a.name})`);
  },
});

export const CONT = define<OperationParams & { ne: readonly number[] | null }>({
  name: 'CONT',
  operands: ['a'],
  cut: reshaped,
  overwrites: [0], // of equal layout, so a copy onto itself
  result: (o, params) => {
    const a = o.tensor('a');
    const ne = params.ne === null ? a.ne : shape(params.ne, o.name);
    const count = elementCount(a);
    if (elementCount({ shape: ne }) !== count) o.failShape(ne, `of ${count} elements, as ${describe(a)}`);
    return { type: a.type, ne, name: `${a.name} (cont)` };
  },
});

export const GET_ROWS = define({
  name: 'GET_ROWS',
  operands: ['a', 'ids'],
  cut: ({ shape, sources: [a, ids] }, slice) => {
    if (slice.dim === 0) return { operands: [slice, null] };
    const length = shape[slice.dim];
    const rows = slice.dim === 1 ? null : alike(a, slice, length);
    return cutOf([rows, alike(ids, slice, length, slice.dim - 1)]);
  },
  result: (o) => {
    const a = o.tensor('a');
    const ids = o.tensor('ids');
    o.requireNe('ids', [ANY, a.ne[2], a.ne[3], 1]);
    o.requireType('ids', 'i32');
    const type = a.type.name === 'i32' ? a.type : ELEMENT_TYPES.f32;
    return { type, ne: [a.ne[0], ids.ne[0], ids.ne[1], ids.ne[2]] };
  },
});

export const SET_ROWS = define({
  name: 'SET_ROWS',
  operands: ['rows', 'ids', 'a'],
  overwrites: [2],
  writesPart: true, // all other rows stay as they are
  result: (o) => {
    const rows = o.tensor('rows');
    const a = o.tensor('a');
    o.requireNe('rows', [a.ne[0], ANY, a.ne[2], a.ne[3]]);
    o.requireNe('ids', [rows.ne[1], ANY, ANY, 1]);
    o.requireRepeatable('ids', 1, rows.ne[2]);
    o.requireRepeatable('ids', 2, rows.ne[3]);
    o.requireType('rows', 'f32', 'f16');
    o.requireType('ids', 'i64', 'i32');
    o.requireDenseRows('a');
    o.requireDenseRows('rows');
    return into(a);
  },
});

/** The place of a part of a tensor: byte strides of dimensions 1 to 3, and the byte offset. */
interface Window extends OperationParams {
  readonly nb: readonly number[];
  readonly offset: number;
}

function requireWindow(o: Operands, { nb, offset }: Window): void {
  const a = o.tensor('a');
  const count = elementCount(a);
  const isWithin = elementCount(o.tensor('b')) <= count;
  o.require(isWithin, 'b', () => `of at most ${count} elements, as ${describe(a)}`);
  const isTriple = Array.isArray(nb) && nb.length === 3;
  requireArgument(isTriple, o, 'nb', nb, 'the byte strides of dimensions 1, 2 and 3');
  requireIntegers(o, { offset, nb1: nb[0], nb2: nb[1], nb3: nb[2] }, 0);
}

export const SET = define<Window>({
  name: 'SET',
  operands: ['a', 'b'],
  overwrites: [0],
  writesPart: true, // what lies outside the window stays as it is
  result: (o, window) => {
    requireWindow(o, window);
    return like(o.tensor('a'));
  },
});

export const ACC = define<Window>({
  name: 'ACC',
  operands: ['a', 'b'],
  overwrites: [0],
  writesPart: true, // what lies outside the window stays as it is
  result: (o, window) => {
    o.requireContiguous('a');
    o.requireType('a', 'f32');
    o.requireType('b', 'f32');
    requireWindow(o, window);
    return like(o.tensor('a'));
  },
});

export const CONCAT = define<OperationParams & { dim: number }>({
  name: 'CONCAT',
  operands: ['a', 'b'],
  cut: (node, slice) => (slice.dim === node.params.dim ? null : byElement(node, slice)),
  result: (o, { dim }) => {
    const a = o.tensor('a');
    const b = o.tensor('b');
    requireArgument([0, 1, 2, 3].includes(dim), o, 'dim', dim, '0, 1, 2 or 3');
    o.requireType('b', a.type.name);
    const others = a.ne.map((n, d) => (d === dim ? ANY : n));
    o.requireNe('b', others);
    return { type: a.type, ne: shape(a.ne.map((n, d) => (d === dim ? n + b.ne[d] : n))) };
  },
});

export const REPEAT = define<OperationParams & { ne: readonly number[] }>({
  name: 'REPEAT',
  operands: ['a'],
  cut: withShape(byElement),
  overwrites: [0], // of equal layout, so nothing is repeated
  result: (o, params) => {
    const a = o.tensor('a');
    const ne = shape(params.ne, o.name);
    o.require(canRepeat(a, { ne }), 'a', () => `of lengths that divide [${ne.join(', ')}]`);
    return { type: a.type, ne };
  },
});

export const REPEAT_BACK = define<OperationParams & { ne: readonly number[] }>({
  name: 'REPEAT_BACK',
  operands: ['a'],
  result: (o, params) => {
    const a = o.tensor('a');
    const ne = shape(params.ne, o.name);
    if (!canRepeat({ ne }, a)) o.failShape(ne, `of lengths that divide those of ${describe(a)}`);
    return { type: a.type, ne };
  },
});

/** The rows of this family. */
export const MEMORY_OPERATIONS = [DUP, CPY, CONT, GET_ROWS, SET_ROWS, SET, ACC, CONCAT, REPEAT, REPEAT_BACK];

/** Copies, rows, joining and repeating. */
export abstract class MemoryOps extends Applier {
  /** A contiguous copy of `a`, of its type and shape. */
  dup(a: Tensor, options?: InPlaceOption): Tensor {
    return this.apply(DUP, [a], {}, options);
  }

  /**
   * Copies `a` into `b`, converting the type; the result is `b` after the copy (a view of it). Shapes may differ as
   * long as the element counts agree. @throws PlannerError `BAD_OPERAND`
   */
  cpy(a: Tensor, b: Tensor): Tensor {
    return this.apply(CPY, [a, b], { type: null });
  }

  /** A contiguous copy of `a` in another element type. @throws PlannerError `UNKNOWN_TYPE`, `BAD_SHAPE` */
  cast(a: Tensor, type: ElementTypeName): Tensor {
    return this.apply(CPY, [a, SELF], { type });
  }

  /**
   * A contiguous copy of `a`.
   *
   * @param ne another shape of as many elements. Default: that of `a`
   * @throws PlannerError `BAD_OPERAND`, `BAD_SHAPE`
   */
  cont(a: Tensor, ne?: readonly number[]): Tensor {
    return this.apply(CONT, [a], { ne: ne === undefined ? null : listOf(CONT, 'ne', ne) });
  }

  /**
   * The rows of `a` that `ids` names: `[a0, n, …]` for `n` ids. f32, or i32 if `a` is i32.
   *
   * @param a `[a0, rows, p, q]`
   * @param ids i32 `[n, p, q]`
   * @throws PlannerError `BAD_OPERAND`
   */
  getRows(a: Tensor, ids: Tensor): Tensor {
    return this.apply(GET_ROWS, [a, ids]);
  }

  /**
   * Writes `rows` over the rows of `a` that `ids` names, converting the type; the result is `a` after the write (a
   * view).
   *
   * @param a `[a0, m, p, q]`, of dense rows
   * @param rows f32 or f16 `[a0, n, p, q]`, of dense rows
   * @param ids i64 or i32 `[n, …]`; its outer lengths divide `p` and `q`
   * @throws PlannerError `BAD_OPERAND`
   */
  setRows(a: Tensor, rows: Tensor, ids: Tensor): Tensor {
    return this.apply(SET_ROWS, [rows, ids, a]);
  }

  /**
   * `a` with a part of it replaced by `b`.
   *
   * @param nb byte strides of dimensions 1 to 3 of the part
   * @param offset bytes from the start of `a`
   * @throws PlannerError `BAD_OPERAND`, `BAD_ARGUMENT`
   */
  set(a: Tensor, b: Tensor, nb: readonly [number, number, number], offset = 0, options?: InPlaceOption): Tensor {
    return this.apply(SET, [a, b], { nb: listOf(SET, 'nb', nb), offset }, options);
  }

  /**
   * `a` with `b` added to a part of it; both f32, `a` contiguous.
   *
   * @param nb byte strides of dimensions 1 to 3 of the part
   * @param offset bytes from the start of `a`
   * @throws PlannerError `BAD_OPERAND`, `BAD_ARGUMENT`
   */
  acc(a: Tensor, b: Tensor, nb: readonly [number, number, number], offset = 0, options?: InPlaceOption): Tensor {
    return this.apply(ACC, [a, b], { nb: listOf(ACC, 'nb', nb), offset }, options);
  }

  /**
   * `a` followed by `b` along dimension `dim`; the other lengths and the types agree.
   *
   * @throws PlannerError `BAD_OPERAND`
   */
  concat(a: Tensor, b: Tensor, dim: number): Tensor {
    return this.apply(CONCAT, [a, b], { dim });
  }

  /** `a` repeated a whole number of times along each dimension, up to `ne`. @throws PlannerError `BAD_OPERAND` */
  repeat(a: Tensor, ne: readonly number[]): Tensor {
    return this.apply(REPEAT, [a], { ne: listOf(REPEAT, 'ne', ne) });
  }

  /**
   * The sum of the parts of shape `ne` that `a` consists of: the gradient of `repeat`.
   *
   * @throws PlannerError `BAD_OPERAND`
   */
  repeatBack(a: Tensor, ne: readonly number[]): Tensor {
    return this.apply(REPEAT_BACK, [a], { ne: listOf(REPEAT_BACK, 'ne', ne) });
  }
}
