/**
 * One random node per operation that may overwrite an operand: shapes, strides, broadcasts and settings as the operation
 * allows them, with operands that have the result's layout whenever they can. New operations need a recipe, here or in
 * `keeping-recipes.ts`: a test counts them.
 */
import fc from 'fast-check';
import { Context } from '../../src/dialects/ggml/context.js';
import type { ElementTypeName } from '../../src/tensor/element-type.js';
import type { Tensor } from '../../src/tensor/tensor.js';

type Shape = readonly [number, number, number, number];

/** Random choices, and leafs with random strides. */
export class Maker {
  readonly ctx = Context.deferred();
  readonly #gen: fc.GeneratorValue;

  constructor(gen: fc.GeneratorValue) {
    this.#gen = gen;
  }

  int(min: number, max: number): number {
    return this.#gen(() => fc.integer({ min, max }));
  }

  pick<T>(...choices: readonly T[]): T {
    return choices[this.int(0, choices.length - 1)];
  }

  shape(): Shape {
    return [this.int(1, 5), this.int(1, 4), this.int(1, 3), this.int(1, 2)];
  }

  dense(type: ElementTypeName, ne: readonly number[]): Tensor {
    return this.ctx.newTensor(type, ne);
  }

  /** With rows that are further apart than they are long. */
  spread(type: ElementTypeName, ne: Shape): Tensor {
    const whole = this.dense(type, [ne[0] + this.int(0, 2), ne[1] + this.int(0, 1), ne[2], ne[3]]);
    return this.ctx.view(whole, ne, whole.nb.slice(1));
  }

  /** With any strides: dense, spread or permuted. */
  strided(type: ElementTypeName, ne: Shape): Tensor {
    const kind = this.pick('dense', 'spread', 'permuted');
    if (kind === 'dense') return this.dense(type, ne);
    if (kind === 'spread') return this.spread(type, ne);
    const axes = this.pick<Shape>([1, 0, 2, 3], [0, 2, 1, 3], [2, 1, 0, 3], [3, 1, 2, 0]);
    const source = axes.map((axis) => ne[axis]) as unknown as Shape;
    return this.ctx.permute(this.spread(type, source), axes);
  }

  /** Lengths that divide those of `ne`. */
  divisor(ne: Shape): Shape {
    return ne.map((n) => this.pick(n, n, 1)) as unknown as Shape;
  }

  /** The same tensor again, or another one. */
  maybeSame(a: Tensor, make: () => Tensor): Tensor {
    return this.int(0, 3) === 0 ? a : make();
  }

  floatType(): ElementTypeName {
    return this.pick<ElementTypeName>('f32', 'f32', 'f16', 'bf16');
  }
}

export type Recipe = (m: Maker) => Tensor;

type Method<A extends unknown[]> = (ctx: Context, ...args: A) => Tensor;

const unary =
  (apply: Method<[Tensor]>): Recipe =>
  (m) =>
    apply(m.ctx, m.spread(m.floatType(), m.shape()));

const anyStrides =
  (apply: Method<[Tensor, Maker]>): Recipe =>
  (m) =>
    apply(m.ctx, m.strided(m.floatType(), m.shape()), m);

const contiguous =
  (apply: Method<[Tensor, Maker]>, type: ElementTypeName = 'f32'): Recipe =>
  (m) =>
    apply(m.ctx, m.dense(type, m.shape()), m);

const binary =
  (apply: Method<[Tensor, Tensor]>): Recipe =>
  (m) => {
    const ne = m.shape();
    const type = m.floatType();
    const a = m.strided(type, ne);
    return apply(
      m.ctx,
      a,
      m.maybeSame(a, () => m.strided(type, m.divisor(ne))),
    );
  };

const gated =
  (apply: Method<[Tensor, Tensor | null]>): Recipe =>
  (m) => {
    const [n, ...outer] = m.shape();
    if (m.int(0, 3) === 0) return apply(m.ctx, m.dense('f32', [2 * n, ...outer]), null);
    const a = m.dense('f32', [n, ...outer]);
    return apply(
      m.ctx,
      a,
      m.maybeSame(a, () => m.dense('f32', [n, ...outer])),
    );
  };

const rope =
  (apply: Method<[Tensor, Tensor, number, object]>): Recipe =>
  (m) => {
    const dims = 2 * m.int(1, 3);
    const isVision = m.int(0, 4) === 0;
    const offset = isVision ? 0 : 2 * m.int(0, 2);
    const length = isVision ? 2 * dims : offset + dims + 2 * m.int(0, 1);
    const ne: Shape = [length, m.int(1, 2), m.int(1, 3), m.int(1, 2)];
    const mode = isVision ? 'vision' : m.pick('normal', 'neox', 'mrope', 'imrope');
    const isMulti = mode !== 'normal' && mode !== 'neox';
    const [type, isLike] = m.pick<readonly [ElementTypeName, boolean]>(['f32', true], ['f32', false], ['f16', false]);
    const options = {
      mode,
      offset,
      freqFactors: m.pick(null, m.dense('f32', isLike ? ne : [length])),
      sections: isMulti ? [1, 1, 1, 0] : null,
      freqScale: m.pick(1, 0.5),
      extFactor: m.pick(0, 0.5),
      originalContext: 64,
      betaFast: 32,
      betaSlow: 1,
    };
    const positions = m.dense('i32', [ne[2] * (isMulti ? 4 : 1)]);
    return apply(m.ctx, isLike ? m.dense(type, ne) : m.spread(type, ne), positions, dims, options);
  };

const pairOfRows =
  (apply: Method<[Tensor, Tensor]>): Recipe =>
  (m) => {
    const ne = m.shape();
    const a = m.strided('f32', ne);
    return apply(
      m.ctx,
      a,
      m.maybeSame(a, () => m.strided('f32', ne)),
    );
  };

/** A window of a contiguous tensor, written over or added to. */
const windowed =
  (apply: Method<[Tensor, Tensor, [number, number, number], number]>): Recipe =>
  (m) => {
    const a = m.dense('f32', m.shape());
    const part = a.ne.map((n) => m.int(1, n)) as unknown as Shape;
    const start = a.ne.reduce((sum, n, dim) => sum + m.int(0, n - part[dim]) * a.nb[dim], 0);
    return apply(m.ctx, a, m.spread('f32', part), [a.nb[1], a.nb[2], a.nb[3]], start);
  };

/** Operations that may overwrite an operand. */
export const OVERWRITING: Readonly<Record<string, Recipe>> = {
  DUP: anyStrides((ctx, a) => ctx.dup(a)),
  CPY: anyStrides((ctx, a, m) => ctx.cast(a, m.pick(a.type.name, 'f32', 'f16'))),
  CONT: anyStrides((ctx, a) => ctx.cont(a)),
  REPEAT: anyStrides((ctx, a, m) =>
    ctx.repeat(
      a,
      a.ne.map((n) => n * m.pick(1, 1, 1, 2)),
    ),
  ),
  SET: windowed((ctx, a, b, nb, offset) => ctx.set(a, b, nb, offset)),
  ACC: windowed((ctx, a, b, nb, offset) => ctx.acc(a, b, nb, offset)),
  SET_ROWS: (m) => {
    const [n, rows, p, q] = [m.int(1, 4), m.int(1, 4), m.int(1, 2), m.int(1, 2)];
    const count = m.int(1, rows);
    const ids = m.dense(m.pick<ElementTypeName>('i32', 'i64'), [count, m.pick(1, p), m.pick(1, q)]);
    return m.ctx.setRows(m.spread(m.floatType(), [n, rows, p, q]), m.spread('f32', [n, count, p, q]), ids);
  },
  ADD: binary((ctx, a, b) => ctx.add(a, b)),
  SUB: binary((ctx, a, b) => ctx.sub(a, b)),
  MUL: binary((ctx, a, b) => ctx.mul(a, b)),
  DIV: binary((ctx, a, b) => ctx.div(a, b)),
  ADD1: (m) => m.ctx.add1(m.dense('f32', m.shape()), m.dense('f32', [1])),
  ADD_ID: (m) => {
    const [n, used, tokens] = [m.int(1, 3), m.int(1, 4), m.pick(1, 1, 2)];
    const b = m.dense('f32', [n, m.pick(used, m.int(1, 4))]);
    return m.ctx.addId(m.spread('f32', [n, used, tokens, 1]), b, m.dense('i32', [used, tokens]));
  },
  SCALE: contiguous((ctx, a) => ctx.scale(a, 0.7, { bias: 0.3 })),
  CLAMP: anyStrides((ctx, a) => ctx.clamp(a, -0.5, 0.5)),
  FILL: contiguous((ctx, a) => ctx.fill(a, 0.25)),
  SQR: anyStrides((ctx, a) => ctx.sqr(a)),
  SQRT: anyStrides((ctx, a) => ctx.sqrt(a)),
  LOG: anyStrides((ctx, a) => ctx.log(a)),
  SIN: anyStrides((ctx, a) => ctx.sin(a)),
  COS: anyStrides((ctx, a) => ctx.cos(a)),
  ABS: unary((ctx, a) => ctx.abs(a)),
  SGN: unary((ctx, a) => ctx.sgn(a)),
  NEG: unary((ctx, a) => ctx.neg(a)),
  STEP: unary((ctx, a) => ctx.step(a)),
  TANH: unary((ctx, a) => ctx.tanh(a)),
  ELU: unary((ctx, a) => ctx.elu(a)),
  RELU: unary((ctx, a) => ctx.relu(a)),
  SIGMOID: unary((ctx, a) => ctx.sigmoid(a)),
  GELU: unary((ctx, a) => ctx.gelu(a)),
  GELU_QUICK: unary((ctx, a) => ctx.geluQuick(a)),
  GELU_ERF: unary((ctx, a) => ctx.geluErf(a)),
  SILU: unary((ctx, a) => ctx.silu(a)),
  HARDSWISH: unary((ctx, a) => ctx.hardswish(a)),
  HARDSIGMOID: unary((ctx, a) => ctx.hardsigmoid(a)),
  EXP: unary((ctx, a) => ctx.exp(a)),
  EXPM1: unary((ctx, a) => ctx.expm1(a)),
  SOFTPLUS: unary((ctx, a) => ctx.softplus(a)),
  FLOOR: unary((ctx, a) => ctx.floor(a)),
  CEIL: unary((ctx, a) => ctx.ceil(a)),
  ROUND: unary((ctx, a) => ctx.round(a)),
  TRUNC: unary((ctx, a) => ctx.trunc(a)),
  XIELU: anyStrides((ctx, a) => ctx.xielu(a, 0.8, 0.8, 0.5, -1e-6)),
  LEAKY_RELU: anyStrides((ctx, a) => ctx.leakyRelu(a, 0.1)),
  REGLU: gated((ctx, a, b) => ctx.reglu(a, b)),
  GEGLU: gated((ctx, a, b) => ctx.geglu(a, b)),
  SWIGLU: gated((ctx, a, b) => ctx.swiglu(a, b, { swapped: true })),
  GEGLU_ERF: gated((ctx, a, b) => ctx.gegluErf(a, b)),
  GEGLU_QUICK: gated((ctx, a, b) => ctx.gegluQuick(a, b)),
  SWIGLU_OAI: gated((ctx, a, b) => ctx.swigluOai(a, b ?? a, 1.7, 7)),
  NORM: anyStrides((ctx, a) => ctx.norm(a, 1e-5)),
  RMS_NORM: anyStrides((ctx, a) => ctx.rmsNorm(a, 1e-5)),
  L2_NORM: anyStrides((ctx, a) => ctx.l2Norm(a, 1e-5)),
  GROUP_NORM: anyStrides((ctx, a, m) => ctx.groupNorm(a, m.int(1, a.ne[2]), 1e-5)),
  DIAG_MASK_INF: anyStrides((ctx, a, m) => ctx.diagMaskInf(a, m.int(0, 3))),
  DIAG_MASK_ZERO: anyStrides((ctx, a, m) => ctx.diagMaskZero(a, m.int(0, 3))),
  TRI: (m) => {
    const n = m.int(1, 4);
    return m.ctx.tri(m.dense('f32', [n, n, m.int(1, 2)]), m.pick('lower', 'lower_diag', 'upper', 'upper_diag'));
  },
  ROPE: rope((ctx, a, positions, dims, options) => ctx.rope(a, positions, dims, options)),
  ROPE_BACK: rope((ctx, a, positions, dims, options) => ctx.ropeBack(a, positions, dims, options)),
  SOFT_MAX: (m) => {
    const ne = m.shape();
    const a = m.dense('f32', ne);
    const mask = m.pick(
      null,
      m.dense('f32', ne),
      m.dense(m.pick<ElementTypeName>('f32', 'f16'), [ne[0], ne[1] + 1]),
      a,
    );
    const sinks = m.pick(null, m.dense('f32', [ne[2]]));
    return m.ctx.softMax(a, { mask, sinks, scale: 0.5, maxBias: mask === null ? 0 : m.pick(0, 8) });
  },
  CUMSUM: (m) => m.ctx.cumsum(m.strided('f32', m.shape())),
  SILU_BACK: pairOfRows((ctx, a, b) => ctx.siluBack(a, b)),
  RMS_NORM_BACK: pairOfRows((ctx, a, b) => ctx.rmsNormBack(a, b, 1e-5)),
  SOFT_MAX_BACK: pairOfRows((ctx, a, b) => ctx.softMaxBack(a, b, { scale: 0.5 })),
  CROSS_ENTROPY_LOSS_BACK: (m) => {
    const ne = m.shape();
    const logits = m.strided('f32', ne);
    const labels = m.strided('f32', ne);
    return m.ctx.crossEntropyLossBack(m.dense('f32', [1]), logits, labels);
  },
  ADD_REL_POS: (m) => {
    const [w, h, k, n] = [m.int(1, 3), m.int(1, 3), m.int(1, 2), m.int(1, 2)];
    const width = m.dense('f32', [w, h, k, n]);
    return m.ctx.addRelPos(m.dense('f32', [w * w, h * k, n]), width, m.dense('f32', [w, h, k, n]));
  },
  OPT_STEP_SGD: (m) => {
    const ne = m.shape();
    return m.ctx.optStepSgd(m.dense('f32', ne), m.dense('f32', ne), m.dense('f32', [2]));
  },
  OPT_STEP_ADAMW: (m) => {
    const weights = Context.virtual();
    const ne = m.shape();
    const tensor = (): Tensor => weights.newTensor('f32', ne);
    return m.ctx.optStepAdamw(tensor(), m.dense('f32', ne), tensor(), tensor(), m.dense('f32', [7]));
  },
};
