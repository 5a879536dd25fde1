/**
 * Element by element: arithmetic, functions of one tensor, gated units and masks.
 *
 * Invariant: an element of the result is written as soon as it is known, before the next one is read.
 */
import {
  ADD,
  ADD1,
  ADD_ID,
  CLAMP,
  COS,
  DIV,
  FILL,
  LOG,
  MUL,
  SCALE,
  SIN,
  SQR,
  SQRT,
  SUB,
} from '../../../dialects/ggml/ops/arithmetic.js';
import { GEGLU, GEGLU_ERF, GEGLU_QUICK, REGLU, SWIGLU, SWIGLU_OAI } from '../../../dialects/ggml/ops/gated.js';
import { DIAG_MASK_INF, DIAG_MASK_ZERO, TRI } from '../../../dialects/ggml/ops/matrix.js';
import { ADD_REL_POS } from '../../../dialects/ggml/ops/positions.js';
import { SILU_BACK } from '../../../dialects/ggml/ops/training.js';
import {
  ABS,
  CEIL,
  ELU,
  EXP,
  EXPM1,
  FLOOR,
  GELU,
  GELU_ERF,
  GELU_QUICK,
  HARDSIGMOID,
  HARDSWISH,
  LEAKY_RELU,
  NEG,
  RELU,
  ROUND,
  SGN,
  SIGMOID,
  SILU,
  SOFTPLUS,
  STEP,
  TANH,
  TRUNC,
  XIELU,
} from '../../../dialects/ggml/ops/unary.js';
import type { Call, Kernel, Kernels } from './kernel.js';

type Unary = (x: number, call: Call) => number;

const unary =
  (f: Unary): Kernel =>
  (call) => {
    const a = call.source(0);
    call.out.forEach((i0, i1, i2, i3) => call.out.set(f(a.get(i0, i1, i2, i3), call), i0, i1, i2, i3));
  };

const binary =
  (f: (x: number, y: number) => number): Kernel =>
  (call) => {
    const a = call.source(0);
    const b = call.source(1);
    call.out.forEach((i0, i1, i2, i3) => {
      call.out.set(f(a.get(i0, i1, i2, i3), b.getRepeated(i0, i1, i2, i3)), i0, i1, i2, i3);
    });
  };

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const relu = (x: number): number => (x > 0 ? x : 0);
const silu = (x: number): number => x * sigmoid(x);
const hardsigmoid = (x: number): number => Math.min(1, Math.max(0, (x + 3) / 6));
const gelu = (x: number): number => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * x * (1 + 0.044715 * x * x)));
const geluQuick = (x: number): number => x * sigmoid(1.702 * x);
const geluErf = (x: number): number => 0.5 * x * (1 + erf(x / Math.SQRT2));

/** The error function, to about seven digits (Abramowitz and Stegun 7.1.26). */
function erf(x: number): number {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const sum = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return Math.sign(x) * (1 - sum * Math.exp(-x * x));
}

function xielu(x: number, call: Call): number {
  const beta = call.number('beta');
  if (x > 0) return call.number('alphaP') * x * x + beta * x;
  return (Math.expm1(Math.min(x, call.number('eps'))) - x) * call.number('alphaN') + beta * x;
}

/** One operand whose rows hold both halves, or two operands. */
const gated =
  (activate: (x: number) => number): Kernel =>
  (call) => {
    const { out } = call;
    const a = call.source(0);
    const b = call.optional(1);
    const half = out.ne[0];
    const isSwapped = b === null && call.flag('swapped');
    out.forEach((i0, i1, i2, i3) => {
      const first = a.get(isSwapped ? i0 + half : i0, i1, i2, i3);
      const second = b === null ? a.get(isSwapped ? i0 : i0 + half, i1, i2, i3) : b.get(i0, i1, i2, i3);
      out.set(activate(first) * second, i0, i1, i2, i3);
    });
  };

const swigluOai: Kernel = (call) => {
  const [a, b] = [call.source(0), call.source(1)];
  const limit = call.number('limit');
  call.out.forEach((i0, i1, i2, i3) => {
    const x = Math.min(a.get(i0, i1, i2, i3), limit);
    const gate = Math.max(Math.min(b.get(i0, i1, i2, i3), limit), -limit);
    call.out.set(x * sigmoid(call.number('alpha') * x) * (gate + 1), i0, i1, i2, i3);
  });
};

const addId: Kernel = (call) => {
  const [a, b, ids] = [call.source(0), call.source(1), call.source(2)];
  call.out.forEachRow((i1, i2, i3) => {
    const row = ids.get(i1, i2);
    for (let i0 = 0; i0 < call.out.ne[0]; i0++) call.out.set(a.get(i0, i1, i2, i3) + b.get(i0, row), i0, i1, i2, i3);
  });
};

const diagonalMask =
  (value: number): Kernel =>
  (call) => {
    const a = call.source(0);
    const past = call.number('past');
    call.out.forEach((i0, i1, i2, i3) => {
      call.out.set(i0 > past + i1 ? value : a.get(i0, i1, i2, i3), i0, i1, i2, i3);
    });
  };

const KEEPS: Readonly<Record<string, (column: number, row: number) => boolean>> = {
  lower: (column, row) => column < row,
  lower_diag: (column, row) => column <= row,
  upper: (column, row) => column > row,
  upper_diag: (column, row) => column >= row,
};

const triangle: Kernel = (call) => {
  const a = call.source(0);
  const keeps = KEEPS[call.text('triangle')];
  call.out.forEach((i0, i1, i2, i3) => call.out.set(keeps(i0, i1) ? a.get(i0, i1, i2, i3) : 0, i0, i1, i2, i3));
};

/** Sums of a window are rewritten many times: first a copy, then both additions. */
const addRelativePositions: Kernel = (call) => {
  const { out } = call;
  const [a, width, height] = [call.source(0), call.source(1), call.source(2)];
  out.forEach((i0, i1, i2, i3) => out.set(a.get(i0, i1, i2, i3), i0, i1, i2, i3));
  const length = width.ne[0];
  width.forEach((i0, i1, i2, i3) => {
    const position = ((i3 * width.ne[2] + i2) * width.ne[1] + i1) * length + i0;
    const along = position * length;
    const across = along - (length - 1) * i0;
    for (let j = 0; j < length; j++) {
      out.setFlat(out.getFlat(along + j) + height.get(i0, i1, i2, i3), along + j);
      out.setFlat(out.getFlat(across + j * length) + width.get(i0, i1, i2, i3), across + j * length);
    }
  });
};

export const ELEMENTWISE_KERNELS: Kernels = [
  [ADD, binary((x, y) => x + y)],
  [SUB, binary((x, y) => x - y)],
  [MUL, binary((x, y) => x * y)],
  [DIV, binary((x, y) => x / y)],
  [ADD1, binary((x, y) => x + y)],
  [ADD_ID, addId],
  [SCALE, unary((x, call) => x * call.number('scale') + call.number('bias'))],
  [
    CLAMP,
    unary((x, call) =>
      Math.min(Math.max(x, call.optionalNumber('min') ?? -Infinity), call.optionalNumber('max') ?? Infinity),
    ),
  ],
  [FILL, unary((_, call) => call.number('value'))],
  [SQR, unary((x) => x * x)],
  [SQRT, unary(Math.sqrt)],
  [LOG, unary(Math.log)],
  [SIN, unary(Math.sin)],
  [COS, unary(Math.cos)],
  [ABS, unary(Math.abs)],
  [SGN, unary((x) => (x > 0 ? 1 : x < 0 ? -1 : 0))],
  [NEG, unary((x) => -x)],
  [STEP, unary((x) => (x > 0 ? 1 : 0))],
  [TANH, unary(Math.tanh)],
  [ELU, unary((x) => (x > 0 ? x : Math.expm1(x)))],
  [RELU, unary(relu)],
  [SIGMOID, unary(sigmoid)],
  [GELU, unary(gelu)],
  [GELU_QUICK, unary(geluQuick)],
  [GELU_ERF, unary(geluErf)],
  [SILU, unary(silu)],
  [HARDSWISH, unary((x) => x * hardsigmoid(x))],
  [HARDSIGMOID, unary(hardsigmoid)],
  [EXP, unary(Math.exp)],
  [EXPM1, unary(Math.expm1)],
  [SOFTPLUS, unary((x) => (x > 20 ? x : Math.log(1 + Math.exp(x))))],
  [FLOOR, unary(Math.floor)],
  [CEIL, unary(Math.ceil)],
  [ROUND, unary((x) => Math.sign(x) * Math.round(Math.abs(x)))],
  [TRUNC, unary(Math.trunc)],
  [XIELU, unary(xielu)],
  [LEAKY_RELU, unary((x, call) => (x > 0 ? x : x * call.number('negativeSlope')))],
  [REGLU, gated(relu)],
  [GEGLU, gated(gelu)],
  [SWIGLU, gated(silu)],
  [GEGLU_ERF, gated(geluErf)],
  [GEGLU_QUICK, gated(geluQuick)],
  [SWIGLU_OAI, swigluOai],
  [SILU_BACK, binary((gradient, x) => gradient * sigmoid(x) * (1 + x * (1 - sigmoid(x))))],
  [DIAG_MASK_INF, diagonalMask(-Infinity)],
  [DIAG_MASK_ZERO, diagonalMask(0)],
  [TRI, triangle],
  [ADD_REL_POS, addRelativePositions],
];
