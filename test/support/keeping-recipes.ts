/**
 * One random node per operation that may overwrite none of its operands. Shapes are such that operands have the result's
 * layout wherever the operation allows it, so that it can be tried.
 */
import type { Context } from '../../src/dialects/ggml/context.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import type { Maker, Recipe } from './operation-recipes.js';

/** An f32 tensor of any small shape. */
const any = (m: Maker): Tensor => m.dense('f32', m.shape());

/** Linear attention of one head, one token and one sequence per row of the result, so that a state can have its shape. */
function linear(m: Maker, count: number): Tensor[] {
  const [size, heads, tokens] = [m.int(1, 2), m.int(1, 2), m.int(1, 2)];
  return Array.from({ length: count }, () => m.dense('f32', [size, heads, tokens]));
}

/** A state of as many sequences that go with these operands; of the shape of the result where that is possible. */
const stateOf = (m: Maker, [{ ne }]: readonly Tensor[]): Tensor => m.dense('f32', [ne[0] * ne[0] * ne[1], m.int(1, 2)]);

/** A square kernel of side 1 or 2 over as many channels as it has outputs, so that the shape may stay. */
function square(m: Maker): { side: number; channels: number } {
  return { side: m.int(1, 2), channels: m.int(1, 2) };
}

const matrices =
  (apply: (ctx: Context, a: Tensor, b: Tensor) => Tensor): Recipe =>
  (m) => {
    const n = m.int(2, 4);
    const a = m.dense('f32', [n, n]);
    return apply(
      m.ctx,
      a,
      m.maybeSame(a, () => m.dense('f32', [n, n])),
    );
  };

export const KEEPING: Readonly<Record<string, Recipe>> = {
  MUL_MAT: matrices((ctx, a, b) => ctx.mulMat(a, b)),
  OUT_PROD: matrices((ctx, a, b) => ctx.outProd(a, b)),
  SOLVE_TRI: matrices((ctx, a, b) => ctx.solveTri(a, b)),
  GET_ROWS: (m) => {
    const rows = m.int(2, 4);
    return m.ctx.getRows(m.dense('f32', [m.int(1, 3), rows]), m.dense('i32', [rows]));
  },
  ROLL: (m) => {
    const ne = m.shape();
    const shifts = ne.map((n) => m.int(0, n - 1));
    return m.ctx.roll(m.dense('f32', ne), shifts);
  },
  REPEAT_BACK: (m) => {
    const a = any(m);
    return m.ctx.repeatBack(a, m.divisor(a.ne));
  },
  POOL_1D: (m) => m.ctx.pool1d(any(m), m.pick('max', 'avg'), 3, { stride: 1, padding: 1 }),
  POOL_2D: (m) => m.ctx.pool2d(any(m), m.pick('max', 'avg'), 3, { stride: 1, padding: 1 }),
  CONV_2D: (m) => {
    const channels = m.int(1, 2);
    const options = { padding: 1 };
    const x = m.dense('f32', [m.int(1, 4), m.int(1, 4), channels, m.int(1, 2)]);
    return m.ctx.conv2dDirect(m.dense('f32', [3, 3, channels, channels]), x, options);
  },
  CONV_2D_DW: (m) => {
    const channels = m.int(1, 2);
    const x = m.dense('f32', [m.pick(3, m.int(1, 4)), m.pick(3, m.int(1, 4)), channels, m.int(1, 2)]);
    return m.ctx.conv2dDepthwiseDirect(m.dense('f32', [3, 3, 1, channels]), x, { padding: 1 });
  },
  SSM_CONV: (m) => {
    const n = m.int(2, 4);
    return m.ctx.ssmConv(m.dense('f32', [n, n]), m.dense('f32', [1, n]));
  },
  CONCAT: (m) => {
    const [a, dim] = [m.shape(), m.int(0, 3)];
    const b = a.map((n, i) => (i === dim ? m.int(0, 2) : n));
    return m.ctx.concat(m.strided('f32', a), m.dense('f32', b), dim);
  },
  MUL_MAT_ID: (m) => {
    const [n, used, tokens] = [m.int(2, 3), m.int(1, 2), m.int(1, 2)];
    const experts = m.dense('f32', [n, n, used * tokens]);
    return m.ctx.mulMatId(experts, m.dense('f32', [n, used, tokens]), m.dense('i32', [used, tokens]));
  },
  DIAG: (m) => m.ctx.diag(m.dense('f32', [m.int(1, 2), 1, m.int(1, 3)])),
  FLASH_ATTN_EXT: (m) => {
    const [head, heads, tokens] = [m.int(1, 3), m.int(1, 2), m.int(1, 2)];
    const q = m.dense('f32', [head, tokens, heads]);
    const [k, v] = [0, 1].map(() => m.dense('f32', [head, tokens, heads]));
    const sinks = m.pick(null, m.dense('f32', [heads]));
    return m.ctx.flashAttn(q, k, v, { scale: 0.5, sinks, mask: m.pick(null, m.dense('f16', [tokens, tokens])) });
  },
  SUM: (m) => m.ctx.sum(m.dense('f32', [m.int(1, 2)])),
  SUM_ROWS: (m) => m.ctx.sumRows(m.dense('f32', [m.int(1, 2), m.int(1, 3)])),
  MEAN: (m) => m.ctx.mean(m.dense('f32', [m.int(1, 2), m.int(1, 3)])),
  ARGMAX: (m) => m.ctx.argmax(m.dense('f32', [m.int(1, 3), m.int(1, 3)])),
  COUNT_EQUAL: (m) => {
    const ne = [m.int(1, 2)];
    return m.ctx.countEqual(m.dense('i32', ne), m.dense('i32', ne));
  },
  ARGSORT: (m) => m.ctx.argsort(any(m), m.pick('asc', 'desc')),
  TOP_K: (m) => {
    const a = any(m);
    return m.ctx.topK(a, m.int(0, a.ne[0]));
  },
  SSM_SCAN: (m) => {
    const [n, head, heads, tokens] = [m.int(1, 2), m.int(1, 2), m.int(1, 2), m.int(1, 3)];
    const f32 = (...ne: number[]): Tensor => m.dense('f32', ne);
    const [dt, a] = [f32(heads, tokens, 1), f32(m.pick(1, n), heads)];
    const [b, c] = [f32(n, 1, tokens, 1), f32(n, 1, tokens, 1)];
    return m.ctx.ssmScan(f32(n, head, heads, 2), f32(head, heads, tokens, 1), dt, a, b, c, m.dense('i32', [1]));
  },
  RWKV_WKV6: (m) => {
    const [k, v, r, td] = linear(m, 4);
    return m.ctx.rwkvWkv6(k, v, r, m.dense('f32', [k.ne[0], k.ne[1]]), td, stateOf(m, [k]));
  },
  RWKV_WKV7: (m) => {
    const [r, w, k, v, a, b] = linear(m, 6);
    return m.ctx.rwkvWkv7(r, w, k, v, a, b, stateOf(m, [k]));
  },
  GATED_LINEAR_ATTN: (m) => {
    const [k, v, q, g] = linear(m, 4);
    return m.ctx.gatedLinearAttn(k, v, q, g, stateOf(m, [k]), 0.5);
  },
  GATED_DELTA_NET: (m) => {
    const [size, heads, tokens] = [m.int(1, 2), m.int(1, 2), m.int(1, 2)];
    const [q, k, v] = [0, 1, 2].map(() => m.dense('f32', [size, heads, tokens]));
    const [gate, beta] = [0, 1].map(() => m.dense('f32', [1, heads, tokens]));
    return m.ctx.gatedDeltaNet(q, k, v, gate, beta, m.dense('f32', [size, size, heads]));
  },
  LIGHTNING_INDEXER: (m) => {
    const [length, heads, tokens, cells] = [m.int(1, 2), m.int(1, 2), m.int(1, 2), m.int(1, 3)];
    const [q, k] = [m.dense('f32', [length, heads, tokens]), m.dense(m.pick('f32', 'f16'), [length, 1, cells])];
    return m.ctx.lightningIndexer(q, k, m.dense('f32', [heads, tokens]), m.dense('f16', [cells, tokens]));
  },
  DSV4_HC_COMB: (m) => {
    const mixes = m.dense('f32', [24, m.int(1, 3)]);
    return m.ctx.dsv4HcComb(mixes, m.dense('f32', [3]), m.dense('f32', [24]), 1e-6, m.int(1, 3));
  },
  DSV4_HC_PRE: (m) => {
    const [width, lanes, tokens] = [m.int(1, 3), m.int(1, 3), m.int(1, 3)];
    return m.ctx.dsv4HcPre(m.dense('f32', [width, lanes, tokens]), m.dense('f32', [lanes, tokens]));
  },
  DSV4_HC_POST: (m) => {
    const [width, lanes, tokens] = [m.int(1, 3), m.int(1, 3), m.int(1, 3)];
    const [x, residual] = [m.dense('f32', [width, tokens]), m.dense('f32', [width, lanes, tokens])];
    return m.ctx.dsv4HcPost(x, residual, m.dense('f32', [lanes, tokens]), m.dense('f32', [lanes, lanes, tokens]));
  },
  IM2COL: (m) => {
    // Patches of one element move the channels to the front: of a cube, the shape stays.
    const [side, channels] = m.pick([1, 2], [m.int(1, 2), m.int(1, 2)]);
    const x = m.dense('f32', [2, m.pick(2, 3), channels, m.int(1, 2)]);
    const kernel = m.dense('f32', [side, side, channels, channels]);
    return m.ctx.im2col(kernel, x, 2, m.pick('f32', 'f16'), { padding: m.pick(0, 0, 1) });
  },
  IM2COL_3D: (m) => {
    const side = m.int(1, 2);
    const x = m.dense('f32', [m.int(2, 3), m.int(2, 3), m.int(2, 3), 1]);
    return m.ctx.im2col3d(m.dense('f32', [side, side, side, 1]), x, 1, 'f32', { padding: m.int(0, 1) });
  },
  IM2COL_BACK: (m) => {
    // Patches of one element are the elements themselves, in another order: rows of channels.
    const [width, height] = [m.int(2, 3), m.int(2, 3)];
    const gradient = m.dense('f32', [1, width, height, 1]);
    const kernel = m.dense('f32', [1, 1, 1, 1]);
    return m.ctx.im2colBack(kernel, gradient, m.pick([1, width, height, 1], [width, height, 1, 1]), 2);
  },
  CONV_3D: (m) => {
    const x = m.dense('f32', [3, 3, 3, 1]);
    return m.ctx.conv3dDirect(m.dense('f32', [3, 3, 3, 1]), x, 1, { padding: m.int(0, 1) });
  },
  CONV_TRANSPOSE_1D: (m) => {
    const n = m.int(1, 3);
    return m.ctx.convTranspose1d(m.dense('f32', [m.int(1, 2), n, n]), m.dense('f32', [m.int(2, 3), n]), 1);
  },
  CONV_TRANSPOSE_2D: (m) => {
    const { side, channels } = square(m);
    const x = m.dense('f32', [m.int(1, 3), m.int(1, 3), channels, m.int(1, 2)]);
    return m.ctx.convTranspose2d(m.dense('f32', [side, side, channels, channels]), x, 1);
  },
  COL2IM_1D: (m) => {
    const n = m.int(2, 3);
    return m.ctx.col2im1d(m.dense('f32', [n, n]), 1, n);
  },
  POOL_2D_BACK: (m) => {
    const a = m.dense('f32', [m.int(2, 4), m.int(2, 4), m.int(1, 2)]);
    const gradient = m.dense('f32', a.ne);
    return m.ctx.pool2dBack(gradient, a, m.pick('max', 'avg'), 3, { stride: 1, padding: 1 });
  },
  UPSCALE: (m) => {
    const a = any(m);
    const ne = a.ne.map((n, dim) => (dim < 2 ? m.pick(n, n + 1) : n));
    return m.ctx.interpolate(a, ne, {
      mode: m.pick('nearest', 'bilinear', 'bicubic'),
      alignCorners: m.pick(true, false),
    });
  },
  PAD: (m) => m.ctx.pad(m.strided('f32', m.shape()), [m.int(0, 1), m.int(0, 1)], { circular: m.pick(true, false) }),
  PAD_REFLECT_1D: (m) => m.ctx.padReflect1d(m.dense('f32', [m.int(2, 4), m.int(1, 3)]), m.int(0, 1), m.int(0, 1)),
  ARANGE: (m) => m.ctx.arange(0, m.int(1, 5)),
  EMPTY: (m) => m.ctx.empty('f32', m.shape()),
  TIMESTEP_EMBEDDING: (m) => m.ctx.timestepEmbedding(m.dense('f32', [m.int(1, 3)]), m.int(1, 4)),
  WIN_PART: (m) => {
    const n = m.int(2, 3);
    return m.ctx.winPart(m.dense('f32', [m.int(1, 3), n, n]), m.pick(n, n, 2));
  },
  WIN_UNPART: (m) => {
    const n = m.int(2, 3);
    return m.ctx.winUnpart(m.dense('f32', [m.int(1, 3), n, n]), n, n, n);
  },
  GET_REL_POS: (m) => {
    const size = m.int(1, 3);
    return m.ctx.getRelPos(m.dense(m.pick('f32', 'f16'), [m.int(1, 3), 2 * size - 1]), size);
  },
  CROSS_ENTROPY_LOSS: (m) => {
    const ne = [m.int(1, 2), 1];
    return m.ctx.crossEntropyLoss(m.dense('f32', ne), m.dense('f32', ne));
  },
  GET_ROWS_BACK: (m) => {
    const rows = m.int(2, 4);
    return m.ctx.getRowsBack(m.dense('f32', [m.int(1, 3), rows]), m.dense('i32', [rows]), rows);
  },
};
