/**
 * Functions of one tensor, element by element: activations, signs, exponentials and rounding.
 *
 * Invariant: every result element depends on the operand's element of the same index alone. Behaviour as in ggml's
 * constructor `ggml_unary` and its kin; each function is an operation of its own name, as graph files write it.
 */
import type { OperationParams, Tensor } from '../../../tensor/tensor.js';
import { rowsOf, type Row } from '../row.js';
import type { OperationName } from '../operation-name.js';
import { byElement } from '../cuts.js';
import { like, numbers } from './rules.js';
import { Applier, type InPlaceOption } from './applier.js';

const define = rowsOf('element-wise');

function unary<P extends OperationParams = OperationParams>(name: OperationName): Row<P> {
  return define<P>({
    name,
    operands: ['a'],
    reusesAny: true,
    overwrites: [0],
    cut: byElement,
    result: (o) => {
      const a = o.tensor('a');
      o.requireDenseRows('a');
      return like(a);
    },
  });
}

export const ABS = unary('ABS');
export const SGN = unary('SGN');
export const NEG = unary('NEG');
export const STEP = unary('STEP');
export const TANH = unary('TANH');
export const ELU = unary('ELU');
export const RELU = unary('RELU');
export const SIGMOID = unary('SIGMOID');
export const GELU = unary('GELU');
export const GELU_QUICK = unary('GELU_QUICK');
export const GELU_ERF = unary('GELU_ERF');
export const SILU = unary('SILU');
export const HARDSWISH = unary('HARDSWISH');
export const HARDSIGMOID = unary('HARDSIGMOID');
export const EXP = unary('EXP');
export const EXPM1 = unary('EXPM1');
export const SOFTPLUS = unary('SOFTPLUS');
export const FLOOR = unary('FLOOR');
export const CEIL = unary('CEIL');
export const ROUND = unary('ROUND');
export const TRUNC = unary('TRUNC');

interface XieluParams extends OperationParams {
  readonly alphaN: number;
  readonly alphaP: number;
  readonly beta: number;
  readonly eps: number;
}
/** ggml has no in-place variant of this function, but plans reuse for it as for the others. */
export const XIELU = define<XieluParams>({
  name: 'XIELU',
  operands: ['a'],
  reusesAny: true,
  overwrites: [0],
  cut: byElement,
  result: (o) => like(o.tensor('a')),
});

/** In ggml this is a separate operation, which never reuses its operand although it maps index to index. */
export const LEAKY_RELU = define<OperationParams & { negativeSlope: number }>({
  name: 'LEAKY_RELU',
  operands: ['a'],
  overwrites: [0],
  cut: byElement,
  result: (o) => like(o.tensor('a')),
});

/** The rows of this family. */
export const UNARY_OPERATIONS = [
  ABS,
  SGN,
  NEG,
  STEP,
  TANH,
  ELU,
  RELU,
  SIGMOID,
  GELU,
  GELU_QUICK,
  GELU_ERF,
  SILU,
  HARDSWISH,
  HARDSIGMOID,
  EXP,
  EXPM1,
  SOFTPLUS,
  FLOOR,
  CEIL,
  ROUND,
  TRUNC,
  XIELU,
  LEAKY_RELU,
];

/**
 * Functions of one tensor. Unless a method says otherwise, the rows of `a` must be dense, or `BAD_OPERAND` is thrown.
 * The result is contiguous, of the type and shape of `a`.
 */
export abstract class UnaryOps extends Applier {
  /** `|a|`. */
  abs(a: Tensor, options?: InPlaceOption): Tensor {
    return this.apply(ABS, [a], {}, options);
  }

  /** The sign of `a`: -1, 0 or 1. */
  sgn(a: Tensor, options?: InPlaceOption): Tensor {
    return this.apply(SGN, [a], {}, options);
  }

  /** `-a`. */
  neg(a: Tensor, options?: InPlaceOption): Tensor {
    return this.apply(NEG, [a], {}, options);
  }

  /** 1 where `a` is above zero, else 0. */
  step(a: Tensor, options?: InPlaceOption): Tensor {
    return this.apply(STEP, [a], {}, options);
  }

  /** The hyperbolic tangent of `a`. */
  tanh(a: Tensor, options?: InPlaceOption): Tensor {
    return this.apply(TANH, [a], {}, options);
  }

  /** `a` where it is above zero, else `e^a - 1`. */
  elu(a: Tensor, options?: InPlaceOption): Tensor {
    return this.apply(ELU, [a], {}, options);
  }

  /** `a` where it is above zero, else 0. */
  relu(a: Tensor, options?: InPlaceOption): Tensor {
    return this.apply(RELU, [a], {}, options);
  }

  /** `a` where it is above zero, else `a × negativeSlope`. `a` may have any strides. */
  leakyRelu(a: Tensor, negativeSlope: number, options?: InPlaceOption): Tensor {
    return this.apply(LEAKY_RELU, [a], numbers(LEAKY_RELU, { negativeSlope }), options);
  }

  /** `1 ÷ (1 + e^-a)`. */
  sigmoid(a: Tensor, options?: InPlaceOption): Tensor {
    return this.apply(SIGMOID, [a], {}, options);
  }

  /** The Gaussian error linear unit, by the tanh formula. */
  gelu(a: Tensor, options?: InPlaceOption): Tensor {
    return this.apply(GELU, [a], {}, options);
  }

  /** The Gaussian error linear unit, by the sigmoid formula. */
  geluQuick(a: Tensor, options?: InPlaceOption): Tensor {
    return this.apply(GELU_QUICK, [a], {}, options);
  }

  /** The Gaussian error linear unit, by the error function itself. */
  geluErf(a: Tensor, options?: InPlaceOption): Tensor {
    return this.apply(GELU_ERF, [a], {}, options);
  }

  /** `a × sigmoid(a)`. */
  silu(a: Tensor, options?: InPlaceOption): Tensor {
    return this.apply(SILU, [a], {}, options);
  }

  /** `a × hardsigmoid(a)`. */
  hardswish(a: Tensor): Tensor {
    return this.apply(HARDSWISH, [a]);
  }

  /** `(a + 3) ÷ 6`, limited to `[0, 1]`. */
  hardsigmoid(a: Tensor): Tensor {
    return this.apply(HARDSIGMOID, [a]);
  }

  /** `e^a`. */
  exp(a: Tensor, options?: InPlaceOption): Tensor {
    return this.apply(EXP, [a], {}, options);
  }

  /** `e^a - 1`. */
  expm1(a: Tensor, options?: InPlaceOption): Tensor {
    return this.apply(EXPM1, [a], {}, options);
  }

  /** `ln(1 + e^a)`. */
  softplus(a: Tensor, options?: InPlaceOption): Tensor {
    return this.apply(SOFTPLUS, [a], {}, options);
  }

  /** The largest integer that is at most `a`. */
  floor(a: Tensor, options?: InPlaceOption): Tensor {
    return this.apply(FLOOR, [a], {}, options);
  }

  /** The smallest integer that is at least `a`. */
  ceil(a: Tensor, options?: InPlaceOption): Tensor {
    return this.apply(CEIL, [a], {}, options);
  }

  /** The integer nearest to `a`; halves go away from zero. */
  round(a: Tensor, options?: InPlaceOption): Tensor {
    return this.apply(ROUND, [a], {}, options);
  }

  /** `a` without its fraction. */
  trunc(a: Tensor, options?: InPlaceOption): Tensor {
    return this.apply(TRUNC, [a], {}, options);
  }

  /** The expanded integral of the ELU, with its learned coefficients. `a` may have any strides. */
  xielu(a: Tensor, alphaN: number, alphaP: number, beta: number, eps: number): Tensor {
    return this.apply(XIELU, [a], numbers(XIELU, { alphaN, alphaP, beta, eps }));
  }
}
