/**
 * Functions of one tensor, element by element: activations, signs, exponentials and rounding.
 *
 * Invariant: every result element depends on the operand's element of the same index alone. Behaviour as in ggml's
 * constructor `ggml_unary` and its kin; each function is an operation of its own name, as graph files write it.
 */
import type { Params, Tensor } from '../../tensor/tensor.js';
import { defineOperation, operand, type Operation } from '../operation.js';
import type { OperationName } from '../operation-name.js';
import { Applier, type InPlaceOption } from './applier.js';
import { like, requireDenseRows } from './rules.js';

function unary<P extends Params = Params>(name: OperationName): Operation<P> {
  return defineOperation<P>({
    name,
    ggmlInPlace: true,
    overwrites: [0],
    result: (sources) => {
      const a = operand(sources, 0, name);
      requireDenseRows(name, 'a', a);
      return like(a);
    },
  });
}

const ABS = unary('ABS');
const SGN = unary('SGN');
const NEG = unary('NEG');
const STEP = unary('STEP');
const TANH = unary('TANH');
const ELU = unary('ELU');
const RELU = unary('RELU');
const SIGMOID = unary('SIGMOID');
const GELU = unary('GELU');
const GELU_QUICK = unary('GELU_QUICK');
const GELU_ERF = unary('GELU_ERF');
const SILU = unary('SILU');
const HARDSWISH = unary('HARDSWISH');
const HARDSIGMOID = unary('HARDSIGMOID');
const EXP = unary('EXP');
const EXPM1 = unary('EXPM1');
const SOFTPLUS = unary('SOFTPLUS');
const FLOOR = unary('FLOOR');
const CEIL = unary('CEIL');
const ROUND = unary('ROUND');
const TRUNC = unary('TRUNC');

interface XieluParams extends Params {
  readonly alphaN: number;
  readonly alphaP: number;
  readonly beta: number;
  readonly eps: number;
}
/** ggml has no variant of it that always writes in place, but plans it in place like the others. */
const XIELU = defineOperation<XieluParams>({
  name: 'XIELU',
  ggmlInPlace: true,
  overwrites: [0],
  result: (sources) => like(operand(sources, 0, 'XIELU')),
});

/** An operation of its own in ggml, which never plans it in place although it maps index to index. */
const LEAKY_RELU = defineOperation<Params & { negativeSlope: number }>({
  name: 'LEAKY_RELU',
  overwrites: [0],
  result: (sources) => like(operand(sources, 0, 'LEAKY_RELU')),
});

/** The rows of this family. */
export const UNARY_OPERATIONS = [
  ...[ABS, SGN, NEG, STEP, TANH, ELU, RELU, SIGMOID, GELU, GELU_QUICK, GELU_ERF, SILU, HARDSWISH, HARDSIGMOID],
  ...[EXP, EXPM1, SOFTPLUS, FLOOR, CEIL, ROUND, TRUNC, XIELU, LEAKY_RELU],
];

/**
 * Functions of one tensor. Unless said otherwise the rows of `a` must be dense; the result is contiguous, of the type
 * and shape of `a`; and `BAD_OPERAND` is thrown if that doesn't hold.
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
    return this.apply(LEAKY_RELU, [a], { negativeSlope }, options);
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
    return this.apply(XIELU, [a], { alphaN, alphaP, beta, eps });
  }
}
