/**
 * Arithmetic, element by element; the second operand is repeated where it is smaller.
 *
 * Behaviour as in ggml's constructors `ggml_add`, `ggml_mul`, `ggml_scale`, `ggml_clamp`, ….
 */
import { checkOptions, type OptionNames } from '../../errors.js';
import { elementType, type ElementTypeName } from '../../tensor/element-type.js';
import { canRepeat, canRepeatRows, hasEvenRows } from '../../tensor/shape.js';
import type { Params, Tensor } from '../../tensor/tensor.js';
import {
  badOperand,
  defineOperation,
  describe,
  describeStrides,
  operand,
  type Operation,
  requireOperand,
  type Result,
  type Sources,
} from '../operation.js';
import type { OperationName } from '../operation-name.js';
import { Applier, IN_PLACE, NOT_IN_PLACE, type InPlaceOption } from './applier.js';
import { ANY, into, like, requireContiguous, requireNe, requireType } from './rules.js';

function repeated(op: string, sources: Sources): Result {
  const a = operand(sources, 0, op);
  const b = operand(sources, 1, op);
  if (!canRepeat(b, a))
    badOperand(op, 'b', b, `of lengths that divide those of ${describe(a)}`, 'Reshape, permute or repeat it first.');
  return like(a);
}

/** Operand 1 has the result's layout only if it is not repeated, and then counts index by index as well. */
function arithmetic(name: OperationName): Operation {
  return defineOperation({ name, ggmlInPlace: true, overwrites: [0, 1], result: (sources) => repeated(name, sources) });
}

const SUB = arithmetic('SUB');
const MUL = arithmetic('MUL');
const DIV = arithmetic('DIV');

/** `type` is that of the result: null for the type of operand 0. */
const ADD = defineOperation<Params & { type: ElementTypeName | null }>({
  name: 'ADD',
  ggmlInPlace: true,
  overwrites: [0, 1],
  result: (sources, { type }) => {
    if (type === null) return repeated('ADD', sources);
    const a = operand(sources, 0, 'ADD');
    const b = operand(sources, 1, 'ADD');
    const isNarrow = a.type.isQuantized || a.type.name === 'f16' || a.type.name === 'bf16';
    requireOperand(isNarrow, 'ADD', 'a', a, 'of type f16, bf16 or a quantised one, to be cast');
    requireOperand(canRepeatRows(b, a), 'ADD', 'b', b, () => `of rows that can be repeated to ${describe(a)}`);
    return { type: elementType(type, 'ADD: type'), ne: a.ne };
  },
});

const ADD_ID = defineOperation({
  name: 'ADD_ID',
  ggmlInPlace: true,
  overwrites: [0], // rows of b are read in any order
  result: (sources) => {
    const a = operand(sources, 0, 'ADD_ID');
    const ids = operand(sources, 2, 'ADD_ID');
    requireNe('ADD_ID', 'b', operand(sources, 1, 'ADD_ID'), [a.ne[0], ANY, ANY, ANY]);
    requireNe('ADD_ID', 'ids', ids, [a.ne[1], a.ne[2], ANY, ANY]);
    requireType('ADD_ID', 'ids', ids, 'i32');
    return like(a);
  },
});

function evenRows(op: string, a: Tensor): Result {
  if (hasEvenRows(a)) return like(a);
  return badOperand(op, 'a', describeStrides(a), 'made of dense rows at equal distances', 'Apply cont() to it first.');
}

const ADD1 = defineOperation({
  name: 'ADD1',
  ggmlInPlace: true,
  overwrites: [0],
  result: (sources) => {
    requireNe('ADD1', 'b', operand(sources, 1, 'ADD1'), [1, 1, 1, 1]);
    return evenRows('ADD1', operand(sources, 0, 'ADD1'));
  },
});

const SCALE = defineOperation<Params & { scale: number; bias: number }>({
  name: 'SCALE',
  ggmlInPlace: true,
  overwrites: [0],
  result: (sources) => evenRows('SCALE', operand(sources, 0, 'SCALE')),
});

/** ggml lets it write into its operand, always. A bound of null is none. */
const CLAMP = defineOperation<Params & { min: number | null; max: number | null }>({
  name: 'CLAMP',
  overwrites: [0],
  result: (sources) => into(operand(sources, 0, 'CLAMP')),
});

/** The operand gives the shape only. */
const FILL = defineOperation<Params & { value: number }>({
  name: 'FILL',
  ggmlInPlace: true,
  overwrites: [0],
  result: (sources) => {
    const a = operand(sources, 0, 'FILL');
    requireType('FILL', 'a', a, 'f32', 'f16');
    requireContiguous('FILL', 'a', a);
    return like(a);
  },
});

/** ggml plans some of these functions in place and some not; all of them map index to index. */
function mapping(name: OperationName, ggmlInPlace: boolean): Operation {
  return defineOperation({ name, ggmlInPlace, overwrites: [0], result: (sources) => like(operand(sources, 0, name)) });
}

const SQR = mapping('SQR', true);
const SQRT = mapping('SQRT', true);
const LOG = mapping('LOG', true);
const SIN = mapping('SIN', false);
const COS = mapping('COS', false);

/** The rows of this family. */
export const ARITHMETIC_OPERATIONS = [
  ...[ADD, SUB, MUL, DIV, ADD_ID, ADD1, SCALE, CLAMP, FILL],
  ...[SQR, SQRT, LOG, SIN, COS],
];

/** What `scale` does besides. */
export interface ScaleOptions extends InPlaceOption {
  /** What is added after scaling. Default 0. */
  readonly bias?: number;
}

const SCALE_OPTIONS: OptionNames<ScaleOptions> = { bias: true, inPlace: true };

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
   * @throws PlannerError `BAD_OPERAND` unless the rows of `a` are dense and equally far apart
   */
  scale(a: Tensor, scale: number, options: ScaleOptions = {}): Tensor {
    checkOptions(options, SCALE_OPTIONS, 'SCALE');
    const { bias = 0, inPlace } = options;
    return this.apply(SCALE, [a], { scale, bias }, inPlace === true ? IN_PLACE : NOT_IN_PLACE);
  }

  /** `a` limited to `[min, max]`, written into the bytes of `a` (a view), as in ggml. Infinite bounds are none. */
  clamp(a: Tensor, min: number, max: number): Tensor {
    return this.apply(CLAMP, [a], { min: finiteOrNull(min), max: finiteOrNull(max) });
  }

  /** A tensor like `a` (f32 or f16, contiguous) of which every element is `value`. @throws PlannerError `BAD_OPERAND` */
  fill(a: Tensor, value: number, options?: InPlaceOption): Tensor {
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

/** Files hold no infinities. */
function finiteOrNull(bound: number): number | null {
  return Number.isFinite(bound) ? bound : null;
}
