/**
 * Operations that move elements: copies, rows in and out, joining and repeating.
 *
 * Behaviour as in ggml's constructors `ggml_cpy`, `ggml_cont`, `ggml_get_rows`, `ggml_set_rows`, `ggml_concat`, ….
 */
import { ELEMENT_TYPES, elementType, type ElementTypeName } from '../../tensor/element-type.js';
import { canRepeat, elementCount, shape } from '../../tensor/shape.js';
import { SELF, type Params, type Tensor } from '../../tensor/tensor.js';
import { defineOperation, describe, operand, requireOperand } from '../operation.js';
import { Applier, type InPlaceOption } from './applier.js';
import {
  ANY,
  into,
  like,
  listOf,
  requireArgument,
  requireContiguous,
  requireDenseRows,
  requireIntegers,
  requireNe,
  requireRepeatable,
  requireType,
} from './rules.js';

const DUP = defineOperation({
  name: 'DUP',
  overwrites: [0], // a copy onto itself
  result: (sources) => like(operand(sources, 0, 'DUP')),
});

/** Without a `type`, a copy into operand 1; with one, a copy into a new tensor. */
const CPY = defineOperation<Params & { type: ElementTypeName | null }>({
  name: 'CPY',
  overwrites: [0], // of equal layout, so a copy onto itself
  namesItself: [1], // a cast is a copy into a new tensor
  result: (sources, { type }) => {
    const a = operand(sources, 0, 'CPY');
    if (type !== null) return { type: elementType(type, 'CPY: type'), ne: a.ne, name: `${a.name} (copy)` };
    const b = operand(sources, 1, 'CPY');
    const count = elementCount(a);
    requireOperand(elementCount(b) === count, 'CPY', 'b', b, () => `of ${count} elements, as ${describe(a)}`);
    return into(b, b.name === '' ? `${a.name} (copy)` : `${b.name} (copy of ${a.name})`);
  },
});

const CONT = defineOperation<Params & { ne: readonly number[] | null }>({
  name: 'CONT',
  overwrites: [0], // of equal layout, so a copy onto itself
  result: (sources, params) => {
    const a = operand(sources, 0, 'CONT');
    const ne = params.ne === null ? a.ne : shape(params.ne, 'CONT');
    const count = elementCount(a);
    requireOperand(
      elementCount({ ne }) === count,
      'CONT',
      'shape',
      ne,
      () => `of ${count} elements, as ${describe(a)}`,
    );
    return { type: a.type, ne, name: `${a.name} (cont)` };
  },
});

const GET_ROWS = defineOperation({
  name: 'GET_ROWS',
  result: (sources) => {
    const a = operand(sources, 0, 'GET_ROWS');
    const ids = operand(sources, 1, 'GET_ROWS');
    requireNe('GET_ROWS', 'ids', ids, [ANY, a.ne[2], a.ne[3], 1]);
    requireType('GET_ROWS', 'ids', ids, 'i32');
    const type = a.type.name === 'i32' ? a.type : ELEMENT_TYPES.f32;
    return { type, ne: [a.ne[0], ids.ne[0], ids.ne[1], ids.ne[2]] };
  },
});

const SET_ROWS = defineOperation({
  name: 'SET_ROWS',
  overwrites: [2],
  writesPart: true, // rows that are not named stay as they are
  result: (sources) => {
    const rows = operand(sources, 0, 'SET_ROWS');
    const ids = operand(sources, 1, 'SET_ROWS');
    const a = operand(sources, 2, 'SET_ROWS');
    requireNe('SET_ROWS', 'rows', rows, [a.ne[0], ANY, a.ne[2], a.ne[3]]);
    requireNe('SET_ROWS', 'ids', ids, [rows.ne[1], ANY, ANY, 1]);
    requireRepeatable('SET_ROWS', 'ids', ids, 1, rows.ne[2]);
    requireRepeatable('SET_ROWS', 'ids', ids, 2, rows.ne[3]);
    requireType('SET_ROWS', 'rows', rows, 'f32', 'f16');
    requireType('SET_ROWS', 'ids', ids, 'i64', 'i32');
    for (const [what, tensor] of [
      ['a', a],
      ['rows', rows],
    ] as const) {
      requireDenseRows('SET_ROWS', what, tensor);
    }
    return into(a);
  },
});

/** Where a part of a tensor lies: byte strides of dimensions 1 to 3 and the byte offset. */
interface Window extends Params {
  readonly nb: readonly number[];
  readonly offset: number;
}

function windowOperands(op: string, [a, b]: readonly [Tensor, Tensor], { nb, offset }: Window): void {
  const count = elementCount(a);
  requireOperand(elementCount(b) <= count, op, 'b', b, () => `of at most ${count} elements, as ${describe(a)}`);
  const isTriple = Array.isArray(nb) && nb.length === 3;
  requireArgument(isTriple, op, 'nb', nb, 'the byte strides of dimensions 1, 2 and 3');
  requireIntegers(op, { offset, nb1: nb[0], nb2: nb[1], nb3: nb[2] }, 0);
}

const SET = defineOperation<Window>({
  name: 'SET',
  overwrites: [0],
  writesPart: true, // what lies outside the window stays as it is
  result: (sources, window) => {
    const a = operand(sources, 0, 'SET');
    windowOperands('SET', [a, operand(sources, 1, 'SET')], window);
    return like(a);
  },
});

const ACC = defineOperation<Window>({
  name: 'ACC',
  overwrites: [0],
  writesPart: true, // what lies outside the window stays as it is
  result: (sources, window) => {
    const a = operand(sources, 0, 'ACC');
    const b = operand(sources, 1, 'ACC');
    requireContiguous('ACC', 'a', a);
    requireType('ACC', 'a', a, 'f32');
    requireType('ACC', 'b', b, 'f32');
    windowOperands('ACC', [a, b], window);
    return like(a);
  },
});

const CONCAT = defineOperation<Params & { dim: number }>({
  name: 'CONCAT',
  result: (sources, { dim }) => {
    const a = operand(sources, 0, 'CONCAT');
    const b = operand(sources, 1, 'CONCAT');
    requireArgument([0, 1, 2, 3].includes(dim), 'CONCAT', 'dim', dim, '0, 1, 2 or 3');
    requireType('CONCAT', 'b', b, a.type.name);
    requireNe(
      'CONCAT',
      'b',
      b,
      a.ne.map((n, d) => (d === dim ? ANY : n)),
    );
    return { type: a.type, ne: shape(a.ne.map((n, d) => (d === dim ? n + b.ne[d] : n))) };
  },
});

const REPEAT = defineOperation<Params & { ne: readonly number[] }>({
  name: 'REPEAT',
  overwrites: [0], // of equal layout, so nothing is repeated
  result: (sources, params) => {
    const a = operand(sources, 0, 'REPEAT');
    const ne = shape(params.ne, 'REPEAT');
    requireOperand(canRepeat(a, { ne }), 'REPEAT', 'a', a, `of lengths that divide [${ne.join(', ')}]`);
    return { type: a.type, ne };
  },
});

const REPEAT_BACK = defineOperation<Params & { ne: readonly number[] }>({
  name: 'REPEAT_BACK',
  result: (sources, params) => {
    const a = operand(sources, 0, 'REPEAT_BACK');
    const ne = shape(params.ne, 'REPEAT_BACK');
    const fits = canRepeat({ ne }, a);
    requireOperand(fits, 'REPEAT_BACK', 'shape', ne, () => `of lengths that divide those of ${describe(a)}`);
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
    return this.apply(CONT, [a], { ne: ne === undefined ? null : listOf('CONT', 'ne', ne) });
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
   * Writes `rows` over the rows of `a` that `ids` names, converting the type; the result is `a` after that (a view).
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
    return this.apply(SET, [a, b], { nb: listOf('SET', 'nb', nb), offset }, options);
  }

  /**
   * `a` with `b` added to a part of it; both f32, `a` contiguous.
   *
   * @param nb byte strides of dimensions 1 to 3 of the part
   * @param offset bytes from the start of `a`
   * @throws PlannerError `BAD_OPERAND`, `BAD_ARGUMENT`
   */
  acc(a: Tensor, b: Tensor, nb: readonly [number, number, number], offset = 0, options?: InPlaceOption): Tensor {
    return this.apply(ACC, [a, b], { nb: listOf('ACC', 'nb', nb), offset }, options);
  }

  /** `a` followed by `b` along dimension `dim`; the other lengths and the types agree. @throws PlannerError `BAD_OPERAND` */
  concat(a: Tensor, b: Tensor, dim: number): Tensor {
    return this.apply(CONCAT, [a, b], { dim });
  }

  /** `a` repeated a whole number of times along each dimension, up to `ne`. @throws PlannerError `BAD_OPERAND` */
  repeat(a: Tensor, ne: readonly number[]): Tensor {
    return this.apply(REPEAT, [a], { ne: listOf('REPEAT', 'ne', ne) });
  }

  /** The sum of the parts of shape `ne` that `a` consists of: the gradient of `repeat`. @throws PlannerError `BAD_OPERAND` */
  repeatBack(a: Tensor, ne: readonly number[]): Tensor {
    return this.apply(REPEAT_BACK, [a], { ne: listOf('REPEAT_BACK', 'ne', ne) });
  }
}
