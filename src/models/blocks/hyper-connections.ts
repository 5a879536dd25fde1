/**
 * Hyper-connections: the residual has several lanes. Each token mixes them into the input of a part of a layer, and
 * spreads its result over them.
 *
 * Invariant: the order of operations, names and graph entries is that of llama.cpp's graph of `deepseek4`.
 */
import type { Tensor } from '../../tensor/tensor.js';
import type { Hyperparameters } from '../hyperparameters.js';
import type { Layer, ModelBuilder, Scope } from '../model-builder.js';

export interface HyperConnectionHyperparameters extends Hyperparameters {
  readonly lanes: number;
  /** Added to shares and sums. */
  readonly laneEpsilon: number;
  /** How often the matrix that mixes lanes is normalised. */
  readonly laneIterations: number;
}

/** What a part of a layer reads of the lanes, and how its result goes back. */
export interface LaneMix {
  readonly input: Tensor;
  readonly post: Tensor;
  readonly comb: Tensor;
}

/** The embeddings in every lane. */
export function spreadLanes({ ctx, hp }: Scope<HyperConnectionHyperparameters>, x: Tensor): Tensor {
  const [width, tokens] = x.ne;
  return ctx.repeat(ctx.reshape(x, [width, 1, tokens]), [width, hp.lanes, tokens, 1]);
}

/** @param part of the layer, as in the names of its weights */
export function mixLanes(s: Layer<HyperConnectionHyperparameters>, part: 'attn' | 'ffn', x: Tensor): LaneMix {
  const { ctx, hp } = s;
  const { lanes, laneEpsilon, laneIterations } = hp;
  const count = (2 + lanes) * lanes;
  const matrix = s.weight(`hc_${part}_fn.weight`, [lanes * hp.embeddingLength, count]);
  const mixes = s.named(ctx.mulMat(matrix, flatRows(s, x)), 'hc_mixes');
  const scale = s.weight(`hc_${part}_scale.weight`, [3]);
  const base = s.weight(`hc_${part}_base.weight`, [count]);
  const gate = (index: number): Tensor => {
    const own = ctx.view(mixes, [lanes, mixes.ne[1]], [mixes.nb[1]], index * lanes * mixes.nb[0]);
    const scaled = ctx.mul(own, ctx.view(scale, [1], [], index * scale.nb[0]));
    return ctx.sigmoid(ctx.add(scaled, ctx.view(base, [lanes], [], index * lanes * base.nb[0])));
  };
  const pre = s.named(ctx.scale(gate(0), 1, { bias: laneEpsilon }), 'hc_pre');
  const post = s.named(ctx.scale(gate(1), 2), 'hc_post');
  const comb = s.named(ctx.dsv4HcComb(mixes, scale, base, laneEpsilon, laneIterations), 'hc_comb');
  return { input: s.named(ctx.dsv4HcPre(x, pre), `hc_${part}_pre`), post, comb };
}

/** All lanes of a token as one row, normalised without weights. */
function flatRows({ ctx, hp }: Scope, x: Tensor): Tensor {
  const [width, lanes, tokens] = x.ne;
  return ctx.rmsNorm(ctx.reshape(x, [width * lanes, tokens]), hp.norm.epsilon);
}

/** Every lane with the part's result, and with what it takes over of the other lanes. */
export function joinLanes({ ctx }: Scope, result: Tensor, residual: Tensor, { post, comb }: LaneMix): Tensor {
  return ctx.dsv4HcPost(result, residual, post, comb);
}

/** The lanes of each token as one row. */
export function flatLanes({ ctx }: Scope, x: Tensor): Tensor {
  const [width, lanes, tokens] = x.ne;
  return ctx.reshape(x, [width * lanes, tokens]);
}

/** One row for each wanted token, out of its lanes. */
export function concludeLanes(m: ModelBuilder<HyperConnectionHyperparameters>, x: Tensor, wanted: Tensor): Tensor {
  return headOfLanes(m, m.ctx.getRows(flatLanes(m.top, x), wanted));
}

/** One row for each token. @param rows the lanes of each token as one row */
export function headOfLanes(m: ModelBuilder<HyperConnectionHyperparameters>, rows: Tensor): Tensor {
  const { ctx, top, hp } = m;
  const { lanes, laneEpsilon, embeddingLength: width } = hp;
  const raised = ctx.reshape(rows, [width, lanes, rows.ne[1]]);
  const matrix = top.weight('output_hc_fn.weight', [width * lanes, lanes]);
  const mixes = top.named(ctx.mulMat(matrix, flatRows(top, raised)), 'hc_head_mixes');
  const scaled = ctx.mul(mixes, top.weight('output_hc_scale.weight', [1]));
  const gates = ctx.sigmoid(ctx.add(scaled, top.weight('output_hc_base.weight', [lanes])));
  const pre = top.named(ctx.scale(gates, 1, { bias: laneEpsilon }), 'hc_head_pre');
  const parts = Array.from({ length: lanes }, (_, lane) => {
    const own = ctx.view(raised, [width, raised.ne[2]], [raised.nb[2]], lane * raised.nb[1]);
    return ctx.mul(own, ctx.view(pre, [1, pre.ne[1]], [pre.nb[1]], lane * pre.nb[0]));
  });
  return top.named(
    parts.reduce((sum, part) => ctx.add(sum, part)),
    'hc_head',
  );
}
