/**
 * Element by element: arithmetic, functions of one tensor, gated units and masks.
 *
 * Invariant: no function gets a number so large that its exponential is infinite, as shaders need not know infinity.
 */
import {
  ADD,
  ADD1,
  CLAMP,
  COS,
  DIV,
  LOG,
  MUL,
  SCALE,
  SIN,
  SQR,
  SQRT,
  SUB,
} from '../../../dialects/ggml/ops/arithmetic.js';
import { GEGLU, GEGLU_ERF, GEGLU_QUICK, REGLU, SWIGLU, SWIGLU_OAI } from '../../../dialects/ggml/ops/gated.js';
import { DIAG_MASK_INF, DIAG_MASK_ZERO } from '../../../dialects/ggml/ops/matrix.js';
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
} from '../../../dialects/ggml/ops/unary.js';
import type { Tensor } from '../../../tensor/tensor.js';
import { elementCount } from '../../../tensor/layout.js';
import { TANH_OF, TURNS } from './functions.js';
import { floats, integers, type ShaderKernel, type ShaderKernels } from './kernel.js';

const perElement = (wgsl: string, rest: Partial<ShaderKernel> = {}): ShaderKernel => ({
  unit: 'element',
  count: elementCount,
  wgsl,
  ...rest,
});

/** @param value the result as an expression of `x` */
const unary = (value: string, settings?: ShaderKernel['settings']): ShaderKernel =>
  perElement(
    /* wgsl */ `
${FUNCTIONS}
fn element(i: u32) {
  let at = index_of(i, p.out.ne);
  let x = get_a(at);
  set_out(at, ${value});
}`,
    settings === undefined ? {} : { settings },
  );

/** @param operator between an element of `a` and one of `b`, which is repeated to fill the result */
const binary = (operator: string): ShaderKernel =>
  perElement(/* wgsl */ `
fn element(i: u32) {
  let at = index_of(i, p.out.ne);
  set_out(at, get_a(at) ${operator} get_b(at % p.b.ne));
}`);

const FUNCTIONS = /* wgsl */ `
${TANH_OF}
${TURNS}
fn sigmoid(x: f32) -> f32 { return 1.0 / (1.0 + exp(min(-x, 80.0))); }
fn relu(x: f32) -> f32 { return max(x, 0.0); }
fn silu(x: f32) -> f32 { return x * sigmoid(x); }
fn hardsigmoid(x: f32) -> f32 { return clamp((x + 3.0) / 6.0, 0.0, 1.0); }
fn gelu(x: f32) -> f32 { return 0.5 * x * (1.0 + tanh_of(0.7978845608 * x * (1.0 + 0.044715 * x * x))); }
fn gelu_quick(x: f32) -> f32 { return x * sigmoid(1.702 * x); }
fn gelu_erf(x: f32) -> f32 { return 0.5 * x * (1.0 + erf(x * 0.7071067812)); }

// To about seven digits: Abramowitz and Stegun 7.1.26.
fn erf(x: f32) -> f32 {
  let t = 1.0 / (1.0 + 0.3275911 * abs(x));
  let sum = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return sign(x) * (1.0 - sum * exp(max(-x * x, -80.0)));
}

// Halves go away from zero.
fn round_of(x: f32) -> f32 {
  let whole = trunc(x);
  return whole + select(0.0, sign(x), abs(x - whole) >= 0.5);
}`;

/** One operand whose rows hold both halves, or two operands. */
const gated = (activate: string): ShaderKernel =>
  perElement(
    /* wgsl */ `
${FUNCTIONS}
fn element(i: u32) {
  let at = index_of(i, p.out.ne);
  let half = vec4u(select(p.out.ne.x, 0u, has_b), 0u, 0u, 0u);
  let first = get_a(at + select(vec4u(), half, p.swapped != 0));
  let second = get_a(at + select(half, vec4u(), p.swapped != 0));
  set_out(at, ${activate}(first) * select(second, get_b(at), has_b));
}`,
    { settings: (settings, node) => integers({ swapped: !hasGate(node) && settings.flag('swapped') }) },
  );

const hasGate = ({ sources }: Tensor): boolean => (sources[1] ?? null) !== null;

const swigluOai = perElement(
  /* wgsl */ `
${FUNCTIONS}
fn element(i: u32) {
  let at = index_of(i, p.out.ne);
  let x = min(get_a(at), p.limit);
  let gate = clamp(get_b(at), -p.limit, p.limit);
  set_out(at, x * sigmoid(p.alpha * x) * (gate + 1.0));
}`,
  { settings: (settings) => floats({ alpha: settings.number('alpha'), limit: settings.number('limit') }) },
);

const diagonalMask = (value: number): ShaderKernel =>
  perElement(
    /* wgsl */ `
fn element(i: u32) {
  let at = index_of(i, p.out.ne);
  let x = get_a(at);
  set_out(at, select(x, p.value, i32(at.x) > p.past + i32(at.y)));
}`,
    { settings: (settings) => [...integers({ past: settings.number('past') }), ...floats({ value })] },
  );

/** The largest f32. */
const LARGEST = (2 - 2 ** -23) * 2 ** 127;

export const ELEMENTWISE_SHADERS: ShaderKernels = [
  [ADD, binary('+')],
  [SUB, binary('-')],
  [MUL, binary('*')],
  [DIV, binary('/')],
  [ADD1, binary('+')],
  [
    SCALE,
    unary('x * p.scale + p.bias', (settings) =>
      floats({ scale: settings.number('scale'), bias: settings.number('bias') }),
    ),
  ],
  [
    CLAMP,
    unary('min(max(x, p.least), p.most)', (settings) =>
      floats({
        least: settings.optionalNumber('min') ?? -LARGEST,
        most: settings.optionalNumber('max') ?? LARGEST,
      }),
    ),
  ],
  [SQR, unary('x * x')],
  [SQRT, unary('sqrt(x)')],
  [LOG, unary('log(x)')],
  [SIN, unary('turned(x).y')],
  [COS, unary('turned(x).x')],
  [ABS, unary('abs(x)')],
  [SGN, unary('sign(x)')],
  [NEG, unary('-x')],
  [STEP, unary('select(0.0, 1.0, x > 0.0)')],
  [TANH, unary('tanh_of(x)')],
  [ELU, unary('select(exp(min(x, 0.0)) - 1.0, x, x > 0.0)')],
  [RELU, unary('relu(x)')],
  [SIGMOID, unary('sigmoid(x)')],
  [GELU, unary('gelu(x)')],
  [GELU_QUICK, unary('gelu_quick(x)')],
  [GELU_ERF, unary('gelu_erf(x)')],
  [SILU, unary('silu(x)')],
  [HARDSWISH, unary('x * hardsigmoid(x)')],
  [HARDSIGMOID, unary('hardsigmoid(x)')],
  [EXP, unary('exp(x)')],
  [EXPM1, unary('exp(x) - 1.0')],
  [SOFTPLUS, unary('select(log(1.0 + exp(min(x, 20.0))), x, x > 20.0)')],
  [FLOOR, unary('floor(x)')],
  [CEIL, unary('ceil(x)')],
  [ROUND, unary('round_of(x)')],
  [TRUNC, unary('trunc(x)')],
  [
    LEAKY_RELU,
    unary('select(x * p.slope, x, x > 0.0)', (settings) => floats({ slope: settings.number('negativeSlope') })),
  ],
  [REGLU, gated('relu')],
  [GEGLU, gated('gelu')],
  [SWIGLU, gated('silu')],
  [GEGLU_ERF, gated('gelu_erf')],
  [GEGLU_QUICK, gated('gelu_quick')],
  [SWIGLU_OAI, swigluOai],
  [DIAG_MASK_INF, diagonalMask(-Infinity)],
  [DIAG_MASK_ZERO, diagonalMask(0)],
];
