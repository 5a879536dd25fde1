/**
 * Every operation that says how it is cut, run whole and in parts on random shapes: the same bits.
 */
import { describe, expect, it } from 'vitest';
import { Context } from '../../../src/dialects/ggml/context.js';
import { OPERATIONS } from '../../../src/dialects/ggml/operations.js';
import { executeGraph, whyNotExecutable } from '../../../src/exec/reference/execute.js';
import { fillLeafs } from '../../../src/exec/reference/fill.js';
import { Memory } from '../../../src/exec/reference/memory.js';
import { Graph } from '../../../src/graph/graph.js';
import { contiguousStrides } from '../../../src/tensor/layout.js';
import { slicedShape, type Slice } from '../../../src/tensor/slice.js';
import { SELF, Tensor } from '../../../src/tensor/tensor.js';
import { createRandom } from '../../../src/solver/random.js';

type Make = (ctx: Context, int: (least: number, most: number) => number) => Tensor;

const f32 = (ctx: Context, ...ne: number[]): Tensor => ctx.newTensor('f32', ne);
const shapeOf = (int: (a: number, b: number) => number): number[] => [int(1, 5), int(1, 5), int(1, 4), int(1, 3)];

const unary =
  (apply: (ctx: Context, a: Tensor) => Tensor): Make =>
  (ctx, int) =>
    apply(ctx, f32(ctx, ...shapeOf(int)));

/** The second operand is repeated along some dimensions. */
const binary =
  (apply: (ctx: Context, a: Tensor, b: Tensor) => Tensor): Make =>
  (ctx, int) => {
    const ne = shapeOf(int);
    return apply(ctx, f32(ctx, ...ne), f32(ctx, ...ne.map((n) => (int(0, 1) === 0 ? n : 1))));
  };

const gated =
  (apply: (ctx: Context, a: Tensor, b: Tensor | null) => Tensor): Make =>
  (ctx, int) => {
    const [n, ...rest] = shapeOf(int);
    if (int(0, 1) === 0) return apply(ctx, f32(ctx, 2 * n, ...rest), null);
    return apply(ctx, f32(ctx, n, ...rest), f32(ctx, n, ...rest));
  };

const rotation = (ctx: Context, int: (a: number, b: number) => number): Tensor => {
  const [heads, tokens] = [int(1, 4), int(1, 5)];
  const mode = int(0, 1) === 0 ? 'normal' : 'neox';
  return ctx.rope(f32(ctx, 8, heads, tokens, int(1, 2)), ctx.newTensor('i32', [tokens]), 6, { mode });
};

const RECIPES: Readonly<Record<string, Make>> = {
  ...Object.fromEntries(
    (
      [
        ['ABS', (c, a) => c.abs(a)],
        ['SGN', (c, a) => c.sgn(a)],
        ['NEG', (c, a) => c.neg(a)],
        ['STEP', (c, a) => c.step(a)],
        ['TANH', (c, a) => c.tanh(a)],
        ['ELU', (c, a) => c.elu(a)],
        ['RELU', (c, a) => c.relu(a)],
        ['SIGMOID', (c, a) => c.sigmoid(a)],
        ['GELU', (c, a) => c.gelu(a)],
        ['GELU_QUICK', (c, a) => c.geluQuick(a)],
        ['GELU_ERF', (c, a) => c.geluErf(a)],
        ['SILU', (c, a) => c.silu(a)],
        ['HARDSWISH', (c, a) => c.hardswish(a)],
        ['HARDSIGMOID', (c, a) => c.hardsigmoid(a)],
        ['EXP', (c, a) => c.exp(a)],
        ['EXPM1', (c, a) => c.expm1(a)],
        ['SOFTPLUS', (c, a) => c.softplus(a)],
        ['FLOOR', (c, a) => c.floor(a)],
        ['CEIL', (c, a) => c.ceil(a)],
        ['ROUND', (c, a) => c.round(a)],
        ['TRUNC', (c, a) => c.trunc(a)],
        ['XIELU', (c, a) => c.xielu(a, 0.8, 0.8, 0.5, -1e-6)],
        ['LEAKY_RELU', (c, a) => c.leakyRelu(a, 0.1)],
        ['SCALE', (c, a) => c.scale(a, 0.3, { bias: 0.1 })],
        ['SQR', (c, a) => c.sqr(a)],
        ['SQRT', (c, a) => c.sqrt(c.sqr(a))],
        ['LOG', (c, a) => c.log(a)],
        ['SIN', (c, a) => c.sin(a)],
        ['COS', (c, a) => c.cos(a)],
        ['NORM', (c, a) => c.norm(a, 1e-5)],
        ['RMS_NORM', (c, a) => c.rmsNorm(a, 1e-5)],
        ['L2_NORM', (c, a) => c.l2Norm(a, 1e-5)],
        ['SUM_ROWS', (c, a) => c.sumRows(a)],
        ['MEAN', (c, a) => c.mean(a)],
        ['ARGSORT', (c, a) => c.argsort(a, 'desc')],
        ['DUP', (c, a) => c.dup(a)],
        ['CPY', (c, a) => c.cast(a, 'f16')],
        ['UPSCALE', (c, a) => c.upscale(a, 2)],
        ['PAD', (c, a) => c.pad(a, [1, 0, 0, 0])],
      ] as [string, (ctx: Context, a: Tensor) => Tensor][]
    ).map(([name, apply]) => [name, unary(apply)]),
  ),
  ADD: binary((c, a, b) => c.add(a, b)),
  SUB: binary((c, a, b) => c.sub(a, b)),
  MUL: binary((c, a, b) => c.mul(a, b)),
  DIV: binary((c, a, b) => c.div(a, b)),
  REGLU: gated((c, a, b) => c.reglu(a, b)),
  GEGLU: gated((c, a, b) => c.geglu(a, b)),
  SWIGLU: gated((c, a, b) => c.swiglu(a, b)),
  GEGLU_ERF: gated((c, a, b) => c.gegluErf(a, b)),
  GEGLU_QUICK: gated((c, a, b) => c.gegluQuick(a, b)),
  SWIGLU_OAI: (c, int) => {
    const ne = shapeOf(int);
    return c.swigluOai(f32(c, ...ne), f32(c, ...ne), 1.7, 7);
  },
  CLAMP: (c, int) => c.clamp(c.neg(f32(c, ...shapeOf(int))), -0.5, 0.5),
  GROUP_NORM: (c, int) => c.groupNorm(f32(c, int(1, 3), int(1, 3), 4, int(2, 3)), 2, 1e-5),
  ADD_ID: (c, int) => {
    const [n, used, tokens, rows] = [int(1, 4), int(1, 3), int(1, 5), 3];
    return c.addId(f32(c, n, used, tokens), f32(c, n, rows), c.newTensor('i32', [used, tokens]));
  },
  CONT: (c, int) => {
    const [a, b, d] = [int(1, 4), int(1, 4), int(1, 4)];
    const permuted = c.permute(f32(c, a, b, d), [0, 2, 1, 3]);
    return int(0, 1) === 0 ? c.cont(permuted) : c.cont(permuted, [a * d, b]);
  },
  GET_ROWS: (c, int) => {
    const [rows, n, p] = [3, int(1, 5), int(1, 3)];
    return c.getRows(f32(c, int(1, 4), rows, p), c.newTensor('i32', [n, p]));
  },
  CONCAT: (c, int) => {
    const ne = shapeOf(int);
    const dim = int(0, 3);
    return c.concat(f32(c, ...ne), f32(c, ...ne.map((n, d) => (d === dim ? int(1, 3) : n))), dim);
  },
  REPEAT: (c, int) => {
    const ne = shapeOf(int);
    return c.repeat(f32(c, ...ne.map((n) => (int(0, 1) === 0 ? n : 1))), ne);
  },
  MUL_MAT: (c, int) => {
    const [k, own, each, p] = [int(1, 5), int(1, 3), int(1, 3), int(1, 2)];
    return c.mulMat(f32(c, k, int(1, 5), own), f32(c, k, int(1, 5), own * each, p));
  },
  MUL_MAT_ID: (c, int) => {
    const [k, used, tokens] = [int(1, 4), int(1, 3), int(1, 5)];
    const b = f32(c, k, int(0, 1) === 0 ? 1 : used, tokens);
    return c.mulMatId(f32(c, k, int(1, 5), 3), b, c.newTensor('i32', [used, tokens]));
  },
  ROPE: rotation,
  ROPE_BACK: (c, int) => {
    const tokens = int(1, 5);
    return c.ropeBack(f32(c, 8, int(1, 3), tokens), c.newTensor('i32', [tokens]), 6);
  },
  SOFT_MAX: (c, int) => {
    const [n, rows, heads] = [int(1, 5), int(1, 5), int(1, 4)];
    const mask = int(0, 2) === 0 ? null : f32(c, n, rows + int(0, 2), int(0, 1) === 0 ? 1 : heads);
    const sinks = int(0, 1) === 0 ? null : f32(c, heads);
    const maxBias = mask !== null && int(0, 2) === 0 ? 8 : 0;
    return c.softMax(f32(c, n, rows, heads), { mask, sinks, scale: 0.7, maxBias });
  },
  FLASH_ATTN_EXT: (c, int) => {
    const [n, tokens, own, each, cells, s] = [4, int(1, 5), int(1, 2), int(1, 3), int(1, 5), int(1, 2)];
    const heads = own * each;
    const mask = int(0, 2) === 0 ? null : c.newTensor('f16', [cells, tokens, int(0, 1) === 0 ? 1 : heads]);
    const [q, k, v] = [f32(c, n, tokens, heads, s), f32(c, n, cells, own, s), f32(c, 3, cells, own, s)];
    return c.flashAttn(q, k, v, { mask, scale: 0.5, maxBias: mask !== null && int(0, 2) === 0 ? 8 : 0 });
  },
  IM2COL: (c, int) => {
    const options = { stride: int(1, 2), padding: int(0, 2), dilation: int(1, 2) };
    const kernel = f32(c, int(1, 3), int(1, 3), 2, 3);
    if (int(0, 2) === 0) return c.im2col(f32(c, 3, 2, 3), f32(c, int(6, 9), 2, int(1, 3)), 1, 'f32', options);
    return c.im2col(kernel, f32(c, int(5, 9), int(5, 12), 2, int(1, 2)), 2, 'f32', options);
  },
  CONV_2D: (c, int) => {
    const options = { stride: int(1, 2), padding: int(0, 2), dilation: int(1, 2) };
    const x = f32(c, int(5, 8), int(5, 10), 2, int(1, 2));
    return c.conv2dDirect(f32(c, int(1, 3), int(1, 3), 2, int(1, 3)), x, options);
  },
  CONV_2D_DW: (c, int) => {
    const options = { stride: int(1, 2), padding: int(0, 2), dilation: int(1, 2) };
    const x = f32(c, int(5, 8), int(5, 10), 3, int(1, 2));
    return c.conv2dDepthwiseDirect(f32(c, int(1, 3), int(1, 3), 1, 3), x, options);
  },
};

/** The slice of a tensor, as a view of it. */
function viewOf(tensor: Tensor, { dim, from, to }: Slice): Tensor {
  const { type, strides, origin, memory } = tensor;
  const view = { of: tensor, offset: from * strides[dim] };
  const operation = OPERATIONS.find(({ name }) => name === 'VIEW')!;
  const shape = slicedShape(tensor.shape, { dim, from, to });
  return new Tensor({ origin, type, shape, strides, memory, operation, sources: [tensor], view });
}

function copyOf(tensor: Tensor): Tensor {
  const { type, shape, origin, memory } = tensor;
  const operation = OPERATIONS.find(({ name }) => name === 'CONT')!;
  const strides = contiguousStrides(type, shape);
  return new Tensor({ origin, type, shape, strides, memory, operation, sources: [tensor], params: { ne: null } });
}

/** What comes out where the node computes a slice; null if it says that it cannot. */
function partOf(node: Tensor, slice: Slice, copies: boolean): { readonly whole: Tensor; readonly part: Tensor } | null {
  const cut = node.operation!.cut!(node, slice);
  if (cut === null) return null;
  const { before = 0, after = 0, operands, params } = cut;
  const sources = node.sources.map((source, slot) => {
    if (source === null || source === node) return source === null ? null : SELF;
    const operand = operands[slot] ?? null;
    if (operand === null) return source;
    return copies ? copyOf(viewOf(source, operand)) : viewOf(source, operand);
  });
  const { type, origin, memory, operation, isView } = node;
  const shape = slicedShape(node.shape, { ...slice, from: slice.from - before, to: slice.to + after });
  const target = sources[0] as Tensor;
  const whole = new Tensor({
    origin,
    type,
    shape,
    strides: isView ? target.strides : contiguousStrides(type, shape),
    memory,
    operation,
    sources,
    params: { ...node.params, ...params },
    view: isView ? { of: target, offset: 0 } : undefined,
  });
  return { whole, part: viewOf(whole, { dim: slice.dim, from: before, to: before + slice.to - slice.from }) };
}

describe('cuts', () => {
  it('cover every operation that says how it is cut', () => {
    const cut = OPERATIONS.filter((operation) => operation.cut !== null).map(({ name }) => name);
    expect(Object.keys(RECIPES).sort()).toEqual([...cut].sort());
  });

  it.each(Object.entries(RECIPES))('%s: parts have the bits of the whole', (name, make) => {
    const random = createRandom(name.length + name.charCodeAt(0));
    const int = (least: number, most: number): number => least + Math.floor(random() * (most - least + 1));
    let cuts = 0;
    for (let round = 0; round < 60; round++) {
      const ctx = Context.deferred();
      const node = make(ctx, int);
      const dim = int(0, 3);
      const from = int(0, node.shape[dim] - 1);
      const slice = { dim, from, to: int(from + 1, node.shape[dim]) };
      const first = partOf(node, slice, false);
      // Some operations want dense operands.
      const isFine = first === null || whyNotExecutable(Graph.forward(first.part)) === null;
      const found = isFine ? first : partOf(node, slice, true);
      if (found === null) continue;
      cuts++;
      // What writes into its operand is run in a graph of its own.
      const run = (tensor: Tensor): number[] => {
        const graph = Graph.forward(tensor);
        const memory = Memory.separate(graph);
        const named = new Map(leafs.map((leaf, index) => [leaf, index]));
        for (const leaf of graph.leafs) memory.write(leaf, values[named.get(leaf)!]);
        executeGraph(graph, memory);
        return memory.read(tensor);
      };
      const whole = Graph.forward(node);
      const leafs = whole.leafs;
      const filled = Memory.separate(whole);
      fillLeafs(whole, filled, round + 1);
      const values = leafs.map((leaf) => filled.read(leaf));
      const expected = run(viewOf(node, slice));
      expect(run(found.part), `${name} ${JSON.stringify(slice)} of [${node.shape.join()}]`).toEqual(expected);
    }
    expect(cuts).toBeGreaterThan(9);
  });

  it('an operation that sums over a dimension is not cut along it', () => {
    const ctx = Context.deferred();
    const a = f32(ctx, 4, 4);
    const slice = { dim: 0, from: 0, to: 2 };
    for (const node of [ctx.rmsNorm(a, 1e-5), ctx.softMax(a), ctx.sumRows(a), ctx.argsort(a, 'asc')]) {
      expect(node.operation!.cut!(node, slice), node.op).toBeNull();
    }
  });
});
