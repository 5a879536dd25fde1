/**
 * Random nodes whose gradients are checked: shapes, broadcasts, views and settings as each operation allows them. A rule of
 * differentiation needs a recipe: a test counts them.
 */
import { randomNumbers } from '../../src/exec/reference/fill.js';
import { Context } from '../../src/dialects/ggml/context.js';
import type { Dims4 } from '../../src/tensor/layout.js';
import type { Tensor } from '../../src/tensor/tensor.js';

/** Draws values. */
export type Draw = (random: () => number) => number;

/** Away from zero, where many functions have a kink. */
export const SIGNED: Draw = (random) => (random() < 0.5 ? -1 : 1) * (0.1 + random());
const POSITIVE: Draw = (random) => 0.5 + random();
/** On both sides of -3, 0 and 3. */
const WIDE: Draw = (random) => [-4, -1.5, 1.5, 4][Math.floor(random() * 4)] + random() - 0.5;

/** Random choices, and leafs with values: those that get a gradient, and others. */
export class GradientMaker {
  readonly ctx = Context.deferred();
  readonly random: () => number;
  /** Leafs whose gradients are checked. */
  readonly wanted: Tensor[] = [];
  readonly values = new Map<Tensor, number[]>();

  constructor(seed: number) {
    this.random = randomNumbers(seed);
  }

  int(min: number, max: number): number {
    return min + Math.floor(this.random() * (max - min + 1));
  }

  pick<T>(...choices: readonly T[]): T {
    return choices[this.int(0, choices.length - 1)];
  }

  shape(): Dims4 {
    return [this.int(1, 4), this.int(1, 3), this.int(1, 3), this.int(1, 2)];
  }

  /** Lengths that divide those of `ne`. */
  divisor(ne: Dims4): Dims4 {
    return ne.map((n) => this.pick(n, n, 1)) as unknown as Dims4;
  }

  /** A dense leaf that gets a gradient. */
  dense(ne: readonly number[], draw = SIGNED): Tensor {
    const leaf = this.constant(ne, draw);
    this.wanted.push(leaf);
    return leaf;
  }

  /** Rows of a larger leaf that gets a gradient. */
  spread([n0, n1, n2, n3]: Dims4, draw = SIGNED): Tensor {
    const whole = this.dense([n0 + this.int(0, 2), n1 + this.int(0, 1), n2, n3], draw);
    const room = (whole.ne[0] - n0) * whole.nb[0];
    return this.ctx.view(whole, [n0, n1, n2, n3], whole.nb.slice(1), this.pick(0, room));
  }

  /** A leaf that gets a gradient, looked at in any way. */
  any(ne: Dims4, draw = SIGNED): Tensor {
    const kind = this.pick('dense', 'spread', 'permuted', 'transposed');
    if (kind === 'dense') return this.dense(ne, draw);
    if (kind === 'spread') return this.spread(ne, draw);
    if (kind === 'transposed') return this.ctx.transpose(this.dense([ne[1], ne[0], ne[2], ne[3]], draw));
    const axes = this.pick<Dims4>([1, 0, 2, 3], [0, 2, 1, 3], [2, 1, 0, 3], [3, 1, 2, 0], [1, 2, 0, 3]);
    return this.ctx.permute(
      this.dense(
        axes.map((axis) => ne[axis]),
        draw,
      ),
      axes,
    );
  }

  /** As {@link any}, with rows whose elements follow each other. */
  rows(ne: Dims4, draw = SIGNED): Tensor {
    if (this.pick(true, false)) return this.spread(ne, draw);
    return this.ctx.permute(this.dense([ne[0], ne[2], ne[1], ne[3]], draw), [0, 2, 1, 3]);
  }

  /** A leaf without a gradient. */
  constant(ne: readonly number[], draw = SIGNED, type: 'f32' | 'f16' | 'i32' = 'f32'): Tensor {
    const leaf = this.ctx.setInput(this.ctx.newTensor(type, ne));
    const count = leaf.ne.reduce((a, b) => a * b, 1);
    this.values.set(
      leaf,
      Array.from({ length: count }, () => draw(this.random)),
    );
    return leaf;
  }

  /** Indices below `limit`. */
  ids(ne: readonly number[], limit: number): Tensor {
    return this.constant(ne, (random) => Math.floor(random() * limit), 'i32');
  }

  /** A mask of scores, some of them far below all others. */
  mask(ne: readonly number[]): Tensor {
    return this.constant(ne, (random) => (random() < 0.3 ? -30 : random()), 'f16');
  }
}

/** Makes a node of one operation. */
export type GradientRecipe = (m: GradientMaker) => Tensor;

const unary =
  (
    name:
      | 'abs'
      | 'neg'
      | 'relu'
      | 'silu'
      | 'exp'
      | 'expm1'
      | 'softplus'
      | 'tanh'
      | 'sigmoid'
      | 'elu'
      | 'gelu'
      | 'geluQuick'
      | 'geluErf',
    draw = SIGNED,
  ): GradientRecipe =>
  (m) =>
    m.ctx[name](m.rows(m.shape(), draw));

const mapping =
  (name: 'sqr' | 'sqrt' | 'log' | 'sin' | 'cos', draw = POSITIVE): GradientRecipe =>
  (m) =>
    m.ctx[name](m.any(m.shape(), draw));

const arithmetic =
  (name: 'add' | 'sub' | 'mul' | 'div'): GradientRecipe =>
  (m) => {
    const ne = m.shape();
    return m.ctx[name](m.any(ne), m.any(m.divisor(ne), POSITIVE));
  };

const gated =
  (name: 'reglu' | 'geglu' | 'swiglu' | 'gegluErf' | 'gegluQuick'): GradientRecipe =>
  (m) => {
    const ne = m.shape();
    if (m.pick(true, false)) return m.ctx[name](m.dense(ne), m.dense(ne));
    return m.ctx[name](m.dense([2 * ne[0], ...ne.slice(1)]), null, { swapped: m.pick(true, false) });
  };

const normalised =
  (name: 'norm' | 'rmsNorm' | 'l2Norm'): GradientRecipe =>
  (m) =>
    m.ctx[name](m.rows([m.int(2, 5), ...m.shape().slice(1)] as unknown as Dims4), 1e-5);

const rotation =
  (name: 'rope' | 'ropeBack'): GradientRecipe =>
  (m) => {
    const [head, heads, tokens] = [2 * m.int(1, 3), m.int(1, 3), m.int(1, 3)];
    const positions = m.ids([tokens], 9);
    const dims = 2 * m.int(1, head / 2);
    const freqFactors = m.pick(null, m.constant([head], POSITIVE));
    return m.ctx[name](m.rows([head, heads, tokens, 1]), positions, dims, {
      mode: m.pick('normal', 'neox'),
      freqFactors,
    });
  };

const masked =
  (name: 'diagMaskInf' | 'diagMaskZero'): GradientRecipe =>
  (m) => {
    const [ne, past] = [m.shape(), m.int(0, 2)];
    const result = m.ctx[name](m.any(ne), past);
    return name === 'diagMaskInf' ? m.ctx.exp(result) : result;
  };

/** Outer lengths of both operands of a product: the first is repeated over the second. */
function outer(m: GradientMaker): { few: [number, number]; many: [number, number] } {
  const few: [number, number] = [m.int(1, 2), m.int(1, 2)];
  return { few, many: [few[0] * m.int(1, 3), few[1] * m.int(1, 2)] };
}

function sliding(m: GradientMaker): { stride: number[]; padding: number[]; dilation: number[] } {
  const two = (min: number, max: number): number[] => [m.int(min, max), m.int(min, max)];
  return { stride: two(1, 2), padding: two(0, 1), dilation: two(1, 2) };
}

/** By the operation whose gradient is checked. */
export const GRADIENT_RECIPES: Readonly<Record<string, GradientRecipe>> = {
  RESHAPE: (m) => {
    const [n0, n1, n2, n3] = m.shape();
    return m.ctx.reshape(m.dense([n0, n1, n2, n3]), [n2, n0 * n1, n3]);
  },
  VIEW: (m) => m.spread(m.shape()),
  PERMUTE: (m) =>
    m.ctx.permute(m.any(m.shape()), m.pick<Dims4>([1, 2, 0, 3], [2, 0, 1, 3], [3, 2, 1, 0], [1, 3, 0, 2])),
  TRANSPOSE: (m) => m.ctx.transpose(m.any(m.shape())),
  DEPENDENCY: (m) => m.ctx.dependency(m.any(m.shape()), m.constant([1])),
  DUP: (m) => m.ctx.dup(m.any(m.shape())),
  CPY: (m) => m.ctx.cast(m.any(m.shape()), m.pick('f16', 'f32')),
  CONT: (m) => {
    const ne = m.shape();
    return m.ctx.cont(m.any(ne), m.pick<readonly number[]>(ne, [ne[0] * ne[1], ne[2] * ne[3]]));
  },
  GET_ROWS: (m) => {
    const [n0, n1, p, q] = m.shape();
    const [n2, n3] = m.pick([1, 1], [p, q]);
    return m.ctx.getRows(m.dense([n0, n1, n2, n3]), m.ids([m.int(1, 4), n2, n3], n1));
  },
  GET_ROWS_BACK: (m) => {
    const [n0, n1, rows] = m.shape();
    return m.ctx.getRowsBack(m.dense([n0, n1]), m.ids([n1], rows), rows);
  },
  SET_ROWS: (m) => {
    const [n0, n1, p, q] = m.shape();
    const written = m.constant([n1, m.pick(1, p), m.pick(1, q)], () => 0, 'i32');
    const rows = m.values.get(written)!.map((_, i) => i % n1); // each row once
    m.values.set(written, rows);
    return m.ctx.setRows(m.constant([n0, n1 + 1, p, q]), m.dense([n0, n1, p, q]), written);
  },
  ACC: (m) => window(m, 'acc'),
  SET: (m) => window(m, 'set'),
  CONCAT: (m) => {
    const [ne, dim] = [m.shape(), m.int(0, 3)];
    const other = ne.map((n, d) => (d === dim ? n + m.int(0, 2) : n)) as unknown as Dims4;
    return m.ctx.concat(m.any(ne), m.any(other), dim);
  },
  REPEAT: (m) => {
    const ne = m.shape();
    return m.ctx.repeat(
      m.any(ne),
      ne.map((n) => n * m.int(1, 2)),
    );
  },
  REPEAT_BACK: (m) => {
    const ne = m.shape();
    return m.ctx.repeatBack(m.any(ne), m.divisor(ne));
  },
  PAD: (m) => m.ctx.pad(m.any(m.shape()), m.shape(), { before: m.shape() }),
  ADD: arithmetic('add'),
  SUB: arithmetic('sub'),
  MUL: arithmetic('mul'),
  DIV: arithmetic('div'),
  ADD1: (m) => m.ctx.add1(m.dense(m.shape()), m.dense([1])),
  ADD_ID: (m) => {
    const [n, used, tokens] = m.shape();
    return m.ctx.addId(m.any([n, used, tokens, 1]), m.dense([n, 3]), m.ids([used, tokens], 3));
  },
  SCALE: (m) => m.ctx.scale(m.dense(m.shape()), -1.75, { bias: m.pick(0, 0.5) }),
  SQR: mapping('sqr'),
  SQRT: mapping('sqrt'),
  LOG: mapping('log'),
  SIN: mapping('sin'),
  COS: mapping('cos'),
  ABS: unary('abs'),
  NEG: unary('neg'),
  RELU: unary('relu'),
  SILU: unary('silu'),
  EXP: unary('exp'),
  EXPM1: unary('expm1'),
  SOFTPLUS: unary('softplus'),
  TANH: unary('tanh'),
  SIGMOID: unary('sigmoid'),
  ELU: unary('elu'),
  GELU: unary('gelu', WIDE),
  GELU_QUICK: unary('geluQuick', WIDE),
  GELU_ERF: unary('geluErf', WIDE),
  LEAKY_RELU: (m) => m.ctx.leakyRelu(m.any(m.shape()), 0.1),
  HARDSWISH: (m) => m.ctx.hardswish(m.rows(m.shape(), WIDE)),
  HARDSIGMOID: (m) => m.ctx.hardsigmoid(m.rows(m.shape(), WIDE)),
  REGLU: gated('reglu'),
  GEGLU: gated('geglu'),
  SWIGLU: gated('swiglu'),
  GEGLU_ERF: gated('gegluErf'),
  GEGLU_QUICK: gated('gegluQuick'),
  SWIGLU_OAI: (m) => {
    const ne = m.shape();
    return m.ctx.swigluOai(m.dense(ne, WIDE), m.dense(ne, WIDE), 1.7, 3);
  },
  NORM: normalised('norm'),
  RMS_NORM: normalised('rmsNorm'),
  L2_NORM: normalised('l2Norm'),
  GROUP_NORM: (m) => {
    const groups = m.int(1, 3);
    return m.ctx.groupNorm(m.dense([m.int(2, 3), m.int(1, 2), groups * m.int(1, 2), m.int(1, 2)]), groups, 1e-5);
  },
  MUL_MAT: (m) => {
    const [k, rows, columns, { few, many }] = [m.int(1, 4), m.int(1, 3), m.int(1, 3), outer(m)];
    return m.ctx.mulMat(m.rows([k, rows, ...few]), m.any([k, columns, ...many]));
  },
  OUT_PROD: (m) => {
    const [k, rows, columns, { few, many }] = [m.int(1, 4), m.int(1, 3), m.int(1, 3), outer(m)];
    return m.ctx.outProd(m.rows([rows, k, ...few]), m.any([columns, k, ...many]));
  },
  MUL_MAT_ID: (m) => {
    const [k, rows, experts, used, tokens] = [m.int(1, 4), m.int(1, 3), m.int(1, 4), m.int(1, 3), m.int(1, 3)];
    const b = m.rows([k, m.pick(1, used), tokens, 1]);
    return m.ctx.mulMatId(m.rows([k, rows, experts, 1]), b, m.ids([used, tokens], experts));
  },
  TRI: (m) => {
    const [n, , p, q] = m.shape();
    return m.ctx.tri(m.dense([n, n, p, q]), m.pick('lower', 'upper', 'lower_diag', 'upper_diag'));
  },
  DIAG_MASK_INF: masked('diagMaskInf'),
  DIAG_MASK_ZERO: masked('diagMaskZero'),
  ROPE: rotation('rope'),
  ROPE_BACK: rotation('ropeBack'),
  SOFT_MAX: (m) => {
    const [n, rows, heads, sequences] = m.shape();
    const mask = m.pick(null, m.mask([n, rows + 1, m.pick(1, heads), m.pick(1, sequences)]));
    const sinks = m.pick(null, m.constant([heads]));
    return m.ctx.softMax(m.dense([n, rows, heads, sequences]), { mask, sinks, scale: 0.7 });
  },
  FLASH_ATTN_EXT: (m) => {
    const [head, tokens, keyHeads, sequences] = m.shape();
    const [heads, cells, valueHead] = [keyHeads * m.int(1, 2), m.int(1, 4), m.int(1, 3)];
    const mask = m.pick(null, m.mask([cells, tokens, 1, m.pick(1, sequences)]));
    const q = m.rows([head, tokens, heads, sequences]);
    const k = m.rows([head, cells, keyHeads, sequences]);
    const v = m.rows([valueHead, cells, keyHeads, sequences]);
    const settings = { mask, sinks: m.pick(null, m.constant([heads])), scale: 0.8, logitSoftcap: m.pick(0, 2) };
    return m.ctx.flashAttn(q, k, v, { ...settings, maxBias: mask === null ? 0 : m.pick(0, 4) });
  },
  SUM: (m) => m.ctx.sum(m.any(m.shape())),
  SUM_ROWS: (m) => m.ctx.sumRows(m.any(m.shape())),
  MEAN: (m) => m.ctx.mean(m.any(m.shape())),
  CUMSUM: (m) => m.ctx.cumsum(m.any(m.shape())),
  IM2COL: (m) => m.ctx.im2col(m.constant([2, 2, 2, 1]), m.dense([5, 4, 2, m.int(1, 2)]), 2, 'f32', sliding(m)),
  IM2COL_BACK: (m) => {
    const options = sliding(m);
    const [kernel, ne] = [m.constant([2, 2, 2, 1]), [5, 4, 2, m.int(1, 2)]];
    const patches = m.ctx.im2col(kernel, m.constant(ne), 2, 'f32', options);
    return m.ctx.im2colBack(kernel, m.dense(patches.ne), ne, 2, options);
  },
  POOL_2D: (m) =>
    m.ctx.pool2d(m.dense([4, 5, 2, 1]), m.pick('max', 'avg'), [2, 2], { stride: m.int(1, 2), padding: m.int(0, 1) }),
  CROSS_ENTROPY_LOSS: (m) => {
    const ne = m.shape();
    const labels = m.constant(ne, (random) => random() / ne[0]);
    const each = m.values.get(labels)!;
    for (let start = 0; start < each.length; start += ne[0]) {
      const total = each.slice(start, start + ne[0]).reduce((a, b) => a + b, 0);
      for (let i = start; i < start + ne[0]; i++) each[i] /= total; // a distribution per row, as the operation asks
    }
    return m.ctx.crossEntropyLoss(m.any(ne), labels);
  },
};

function window(m: GradientMaker, name: 'acc' | 'set'): Tensor {
  const ne = m.shape();
  const part = m.divisor(ne);
  const a = m.dense(ne);
  const offset = a.nb.reduce((bytes, stride, dim) => bytes + stride * m.int(0, ne[dim] - part[dim]), 0);
  return m.ctx[name](a, m.any(part), [a.nb[1], a.nb[2], a.nb[3]], offset);
}
