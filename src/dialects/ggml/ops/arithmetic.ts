/**
 * Arithmetic, element by element; a smaller second operand is repeated.
 *
 * Behaviour as in ggml's constructors `ggml_add`, `ggml_mul`, `ggml_scale`, `ggml_clamp`, ….
 */
import type { OptionNames } from '../../../errors.js';
import { elementType, type ElementTypeName } from '../../../tensor/element-type.js';
import { canRepeat, canRepeatRows, hasEvenRows } from '../shape.js';
import type { OperationParams, Tensor } from '../../../tensor/tensor.js';
import { rowsOf, type Row, type Result } from '../row.js';
import { ANY, type Operands } from '../operands.js';
import { byElement } from '../cuts.js';
import { alike, cutOf } from '../../../tensor/slice.js';
import { describe } from '../operand-error.js';
import type { OperationName } from '../operation-name.js';
import { checkSettings, like, into, numbers, requireArgument, type Named } from './rules.js';
import { Applier, inPlaceOf, type InPlaceOption } from './applier.js';

const define = rowsOf('element-wise');

function repeated(o: Operands): Result {
  const a = o.tensor('a');
  const b = o.tensor('b');
  if (!canRepeat(b, a)) o.require(false, 'b', `of lengths that divide those of ${describe(a)}`);
  return like(a);
}

/** Operand 1 has the result's layout only if it is not repeated; then it is read index by index, too. */
function arithmetic(name: OperationName): Row {
  return define({
    name,
    operands: ['a', 'b'],
    reusesAny: true,
    overwrites: [0, 1],
    cut: byElement,
    result: repeated,
  });
}

export const SUB = arithmetic('SUB');
export const MUL = arithmetic('MUL');
export const DIV = arithmetic('DIV');

/** `type` is the type of the result; null for the type of operand 0. */
export const ADD = define<OperationParams & { type: ElementTypeName | null }>({
  name: 'ADD',
  operands: ['a', 'b'],
  reusesAny: true,
  overwrites: [0, 1],
  cut: byElement,
  result: (o, { type }) => {
    if (type === null) return repeated(o);
    const a = o.tensor('a');
    const b = o.tensor('b');
    const isNarrow = a.type.isQuantized || a.type.name === 'f16' || a.type.name === 'bf16';
    o.require(isNarrow, 'a', 'of type f16, bf16 or a quantised one, to be cast');
    o.require(canRepeatRows(b, a), 'b', () => `of rows that can be repeated to ${describe(a)}`);
    return { type: elementType(type, `${o.name}: type`), ne: a.ne };
  },
});

export const ADD_ID = define({
  name: 'ADD_ID',
  operands: ['a', 'b', 'ids'],
  reusesAny: true,
  overwrites: [0], // rows of b are read in any order
  cut: ({ shape, sources: [, b, ids] }, slice) => {
    const length = shape[slice.dim];
    if (slice.dim === 0) return cutOf([slice, alike(b, slice, length), null]);
    return slice.dim > 2 ? null : cutOf([slice, null, alike(ids, slice, length, slice.dim - 1)]);
  },
  result: (o) => {
    const a = o.tensor('a');
    o.requireNe('b', [a.ne[0], ANY, ANY, ANY]);
    o.requireNe('ids', [a.ne[1], a.ne[2], ANY, ANY]);
    o.requireType('ids', 'i32');
    return like(a);
  },
});

function evenRows(o: Operands): Result {
  const a = o.tensor('a');
  o.requireStrides(hasEvenRows(a), 'a', 'made of dense rows at equal distances');
  return like(a);
}

export const ADD1 = define({
  name: 'ADD1',
  operands: ['a', 'b'],
  reusesAny: true,
  overwrites: [0],
  result: (o) => {
    o.requireNe('b', [1, 1, 1, 1]);
    return evenRows(o);
  },
});

export const SCALE = define<OperationParams & { scale: number; bias: number }>({
  name: 'SCALE',
  operands: ['a'],
  reusesAny: true,
  overwrites: [0],
  cut: byElement,
  result: evenRows,
});

/** In ggml this operation always writes into its operand. A bound of null leaves that side open. */
export const CLAMP = define<OperationParams & { min: number | null; max: number | null }>({
  name: 'CLAMP',
  operands: ['a'],
  overwrites: [0],
  cut: byElement,
  result: (o) => into(o.tensor('a')),
});

/** Only the shape of the operand counts. */
export const FILL = define<OperationParams & { value: number }>({
  name: 'FILL',
  operands: ['a'],
  reusesAny: true,
  overwrites: [0],
  result: (o) => {
    const a = o.tensor('a');
    o.requireType('a', 'f32', 'f16');
    o.requireContiguous('a');
    return like(a);
  },
});

/** In ggml some of these functions reuse their operand and some do not; all of them map index to index. */
function mapping(name: OperationName, reusesAny: boolean): Row {
  return define({
    name,
    operands: ['a'],
    reusesAny,
    overwrites: [0],
    cut: byElement,
    result: (o) => like(o.tensor('a')),
  });
}

export const SQR = mapping('SQR', true);
export const SQRT = mapping('SQRT', true);
export const LOG = mapping('LOG', true);
export const SIN = mapping('SIN', false);
export const COS = mapping('COS', false);

/** The rows of this family. */
export const ARITHMETIC_OPERATIONS = [ADD, SUB, MUL, DIV, ADD_ID, ADD1, SCALE, CLAMP, FILL, SQR, SQRT, LOG, SIN, COS];

/** Options of `scale`. */
export interface ScaleOptions extends InPlaceOption {
  /** Number that is added after scaling; it may be infinite. Default 0. */
  readonly bias?: number;
}

const SCALE_OPTIONS: OptionNames<ScaleOptions> = { bias: true, inPlace: true };

/** Checks a number that elements become, or are raised by. @throws PlannerError `BAD_ARGUMENT` */
function checkFilling(op: Named, what: string, value: number): void {
  const isNumber = typeof value === 'number' && !Number.isNaN(value);
  requireArgument(isNumber, op, what, value, 'a number, which may be infinite');
}

/** Arithmetic, element by element. */
export abstract class ArithmeticOps extends Applier {
  /** `a + b`, of the type and shape of `a`; `b` is repeated to fill `a`. @throws PlannerError `BAD_OPERAND` */
  add(a: Tensor, b: Tensor, options?: InPlaceOption): Tensor {
    return this.apply(ADD, [a, b], { type: null }, options);
  }

  /**
   * `a + b` in another type; the rows of `b` are repeated to fill `a`.
   *
   * @param a f16, bf16 or quantised
   * @throws PlannerError `BAD_OPERAND`, `UNKNOWN_TYPE`
   */
  addCast(a: Tensor, b: Tensor, type: ElementTypeName): Tensor {
    return this.apply(ADD, [a, b], { type });
  }

  /**
   * `a` plus, per row, the row of `b` that `ids` names.
   *
   * @param a `[n, used, tokens]`
   * @param b `[n, rows]`
   * @param ids i32 `[used, tokens]`
   * @throws PlannerError `BAD_OPERAND`
   */
  addId(a: Tensor, b: Tensor, ids: Tensor): Tensor {
    return this.apply(ADD_ID, [a, b, ids]);
  }

  /** `a` plus the single element of `b`. @throws PlannerError `BAD_OPERAND` */
  add1(a: Tensor, b: Tensor, options?: InPlaceOption): Tensor {
    return this.apply(ADD1, [a, b], {}, options);
  }

  /** `a - b`, of the type and shape of `a`; `b` is repeated to fill `a`. @throws PlannerError `BAD_OPERAND` */
  sub(a: Tensor, b: Tensor, options?: InPlaceOption): Tensor {
    return this.apply(SUB, [a, b], {}, options);
  }

  /** `a × b`, of the type and shape of `a`; `b` is repeated to fill `a`. @throws PlannerError `BAD_OPERAND` */
  mul(a: Tensor, b: Tensor, options?: InPlaceOption): Tensor {
    return this.apply(MUL, [a, b], {}, options);
  }

  /** `a ÷ b`, of the type and shape of `a`; `b` is repeated to fill `a`. @throws PlannerError `BAD_OPERAND` */
  div(a: Tensor, b: Tensor, options?: InPlaceOption): Tensor {
    return this.apply(DIV, [a, b], {}, options);
  }

  /**
   * `a × scale + bias`.
   *
   * @throws PlannerError `BAD_OPERAND` unless the rows of `a` are dense and equally far apart, `BAD_ARGUMENT`
   */
  scale(a: Tensor, scale: number, options: ScaleOptions = {}): Tensor {
    checkSettings(options, SCALE_OPTIONS, SCALE);
    const { bias = 0 } = options;
    checkFilling(SCALE, 'bias', bias);
    return this.apply(SCALE, [a], { ...numbers(SCALE, { scale }), bias }, inPlaceOf(SCALE, options));
  }

  /**
   * `a` limited to `[min, max]`, written into the bytes of `a` (a view), as in ggml.
   *
   * @param min `-Infinity` leaves this side open
   * @param max at least `min`; `Infinity` leaves this side open
   * @throws PlannerError `BAD_ARGUMENT`
   */
  clamp(a: Tensor, min: number, max: number): Tensor {
    const [isMin, isMax] = [Number.isFinite(min) || min === -Infinity, Number.isFinite(max) || max === Infinity];
    requireArgument(isMin, CLAMP, 'min', min, 'a finite number, or -Infinity');
    requireArgument(isMax, CLAMP, 'max', max, 'a finite number, or Infinity');
    requireArgument(min <= max, CLAMP, 'max', max, `at least the min, ${min}`);
    return this.apply(CLAMP, [a], { min: finiteOrNull(min), max: finiteOrNull(max) });
  }

  /**
   * A tensor like `a` (f32 or f16, contiguous) of which every element is `value`, which may be infinite.
   *
   * @throws PlannerError `BAD_OPERAND`, `BAD_ARGUMENT`
   */
  fill(a: Tensor, value: number, options?: InPlaceOption): Tensor {
    checkFilling(FILL, 'value', value);
    return this.apply(FILL, [a], { value }, options);
  }

  /** `a²`. */
  sqr(a: Tensor, options?: InPlaceOption): Tensor {
    return this.apply(SQR, [a], {}, options);
  }

  /** `√a`. */
  sqrt(a: Tensor, options?: InPlaceOption): Tensor {
    return this.apply(SQRT, [a], {}, options);
  }

  /** The natural logarithm of `a`. */
  log(a: Tensor, options?: InPlaceOption): Tensor {
    return this.apply(LOG, [a], {}, options);
  }

  /** The sine of `a`, in radians. */
  sin(a: Tensor, options?: InPlaceOption): Tensor {
    return this.apply(SIN, [a], {}, options);
  }

  /** The cosine of `a`, in radians. */
  cos(a: Tensor, options?: InPlaceOption): Tensor {
    return this.apply(COS, [a], {}, options);
  }
}

/** An infinite bound as null: files hold no infinities. */
function finiteOrNull(bound: number): number | null {
  return Number.isFinite(bound) ? bound : null;
}
