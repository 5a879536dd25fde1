/**
 * The encoder of sound of Gemma 4: layers of half networks around attention within blocks and a convolution.
 *
 * Invariant: order and names are those of llama.cpp's `clip_graph_gemma4a`.
 */
import type { Tensor } from '../../../tensor/tensor.js';
import { feedForward } from '../blocks/feed-forward.js';
import { limited, withBias } from '../blocks/linear.js';
import { normedBy } from '../blocks/norm.js';
import type { Encoder, EncoderScope } from '../encoder.js';
import type { ProjectorRecipe } from '../recipe.js';

/** Rows of a block, rows before it that are seen, and both together. */
const BLOCK = 12;
const PAST = 12;
const SEEN = BLOCK + PAST;
/** Distances at which a row is seen. */
const DISTANCES = PAST + 1;
const SOFTCAP = 50;

/** The inputs that all layers read. */
interface Inputs {
  readonly distances: Tensor;
  readonly mask: Tensor;
}

/** The frames of the sound, a quarter as many. */
function subsampled(e: Encoder): Tensor {
  const { ctx, top, numbers } = e;
  let x = ctx.cont(ctx.transpose(e.rawInput(1)));
  for (const part of ['a.conv1d.0', 'a.conv1d.1']) {
    x = withBias(top, part, ctx.conv2d(top.weight(`${part}.weight`), x, { stride: 2, padding: 1 }));
    const weight = top.optionalWeight(`${part}.norm.weight`);
    if (weight !== null) {
      const innermost = ctx.cont(ctx.permute(x, [1, 2, 0, 3]));
      const normed = ctx.mul(ctx.norm(innermost, numbers.epsilon), weight);
      x = ctx.cont(ctx.permute(normed, [2, 0, 1, 3]));
    }
    x = ctx.relu(x);
  }
  const channels = ctx.cont(ctx.permute(x, [1, 2, 0, 3]));
  const rows = ctx.reshape(channels, [channels.ne[0] * channels.ne[1], channels.ne[2]]);
  return withBias(top, 'a.input_projection', limited(top, top.weight('a.input_projection.weight'), rows));
}

function rms(s: EncoderScope, x: Tensor, part: string): Tensor {
  return normedBy(s, x, [`${part}.weight`, null], 'rms');
}

function rmsIf(s: EncoderScope, x: Tensor, part: string): Tensor {
  return s.optionalWeight(`${part}.weight`) === null ? x : rms(s, x, part);
}

/** The residual plus half of what a network makes of it. */
function halfNetwork(s: EncoderScope, x: Tensor, suffix: '' | '_1'): Tensor {
  const { ctx } = s;
  if (s.optionalWeight(`ffn_norm${suffix}.weight`) === null) return x;
  const parts = { up: `ffn_up${suffix}`, down: `ffn_down${suffix}` };
  const fed = feedForward(s, rms(s, x, `ffn_norm${suffix}`), parts, 'silu', limited);
  return ctx.add(x, ctx.scale(rmsIf(s, fed, `ffn_post_norm${suffix}`), 0.5));
}

/** For each block of rows, the rows that it sees. */
function seenByBlocks({ ctx }: EncoderScope, x: Tensor, blocks: number): Tensor {
  const [length, heads, rows] = x.ne;
  const padded = ctx.pad(x, [0, 0, SEEN * blocks - rows]);
  const shifted = ctx.cont(ctx.roll(padded, [0, 0, PAST]));
  const nb = [shifted.nb[1], shifted.nb[2], BLOCK * shifted.nb[2]];
  return ctx.cont(ctx.view(shifted, [length, heads, SEEN, blocks], nb));
}

/** Scores of the distances: `[SEEN, BLOCK, blocks, heads]`. */
function distanceScores(s: EncoderScope, q: Tensor, { distances }: Inputs): Tensor | null {
  const { ctx } = s;
  const weight = s.optionalWeight('attn_k_rel.weight');
  if (weight === null) return null;
  const [length, , blocks, heads] = q.ne;
  const split = ctx.reshape(ctx.mulMat(weight, distances), [length, heads, DISTANCES]);
  const keys = ctx.cont(ctx.permute(split, [0, 2, 1, 3]));
  const flat = ctx.mulMat(keys, ctx.reshape(q, [length, BLOCK * blocks, heads]));
  const scores = ctx.reshape(flat, [DISTANCES, BLOCK, blocks, heads]);
  const padded = ctx.pad(scores, [SEEN + 1 - DISTANCES]);
  const joined = ctx.reshape(padded, [(SEEN + 1) * BLOCK, blocks, heads]);
  const shifted = ctx.cont(ctx.view(joined, [BLOCK * SEEN, blocks, heads], [joined.nb[1], joined.nb[2]]));
  return ctx.reshape(shifted, [SEEN, BLOCK, blocks, heads]);
}

/** Heads of one matrix, times a number, and times one for each element of a head if the file has them. */
function scaledHeads(s: EncoderScope, x: Tensor, part: string, scale: number, factors: string): Tensor {
  const { ctx } = s;
  const { headLength, headCount } = s.numbers;
  const scaled = ctx.scale(
    ctx.reshape(limited(s, s.weight(`${part}.weight`), x), [headLength, headCount, x.ne[1]]),
    scale,
  );
  const weight = s.optionalWeight(`${factors}.weight`);
  return weight === null ? scaled : ctx.mul(scaled, ctx.reshape(weight, [headLength, 1, 1]));
}

function attention(s: EncoderScope, residual: Tensor, inputs: Inputs): Tensor {
  const { ctx } = s;
  const { headLength, headCount } = s.numbers;
  const rows = residual.ne[1];
  const blocks = Math.ceil(rows / BLOCK);
  const missing = blocks * BLOCK - rows;
  const hasOwnNorm = s.optionalWeight('attn_pre_norm.weight') !== null;
  const normed = rmsIf(s, residual, hasOwnNorm ? 'attn_pre_norm' : 'ln1');
  const queries = scaledHeads(s, normed, 'attn_q', 1 / Math.sqrt(headLength) / Math.LN2, 'per_dim_scale');
  const keys = scaledHeads(s, normed, 'attn_k', Math.log(1 + Math.E) / Math.LN2, 'per_dim_k_scale');
  const values = ctx.reshape(limited(s, s.weight('attn_v.weight'), normed), [headLength, headCount, rows]);
  const filled = ctx.reshape(ctx.pad(queries, [0, 0, missing]), [headLength, headCount, BLOCK, blocks]);
  const q = ctx.cont(ctx.permute(filled, [0, 3, 1, 2]));
  const k = ctx.cont(ctx.permute(seenByBlocks(s, keys, blocks), [0, 3, 1, 2]));
  const v = ctx.cont(ctx.permute(seenByBlocks(s, values, blocks), [1, 3, 0, 2]));
  const content = ctx.mulMat(k, q);
  const distance = distanceScores(s, q, inputs);
  const scores = distance === null ? content : ctx.add(content, distance);
  const capped = ctx.scale(ctx.tanh(ctx.scale(scores, 1 / SOFTCAP)), SOFTCAP);
  const shares = ctx.softMax(ctx.add(capped, inputs.mask));
  const looked = ctx.cont(ctx.permute(ctx.mulMat(v, shares), [0, 2, 3, 1]));
  let x = ctx.cont(looked, [headLength * headCount, BLOCK * blocks]);
  if (missing > 0) x = ctx.cont(ctx.view(x, [headLength * headCount, rows], [x.nb[1]]));
  const output = withBias(s, 'attn_out', limited(s, s.weight('attn_out.weight'), x));
  return ctx.add(residual, rmsIf(s, output, 'attn_post_norm'));
}

/** A gated convolution over the rows before; the file has the names of its two norms swapped. */
function convolution(s: EncoderScope, residual: Tensor): Tensor {
  const { ctx, numbers } = s;
  if (s.optionalWeight('conv_norm.weight') === null) return residual;
  const both = limited(s, s.weight('conv_pw1.weight'), rms(s, residual, 'conv_norm'));
  const length = both.ne[0] / 2;
  const half = (index: number): Tensor =>
    ctx.view(both, [length, both.ne[1]], [both.nb[1]], index * length * both.nb[0]);
  const gate = ctx.sigmoid(ctx.cont(half(1)));
  const series = ctx.cont(ctx.transpose(ctx.mul(half(0), gate)));
  const delayed = ctx.roll(ctx.pad(series, [4]), [4]);
  let x = withBias(s, 'conv_dw', ctx.ssmConv(delayed, s.weight('conv_dw.weight')));
  const weight = s.optionalWeight('norm_conv.weight');
  if (weight !== null) x = ctx.mul(ctx.rmsNorm(x, numbers.epsilon), weight);
  return ctx.add(residual, limited(s, s.weight('conv_pw2.weight'), ctx.silu(x)));
}

function layer(s: EncoderScope, x: Tensor, inputs: Inputs): Tensor {
  const convolved = convolution(s, attention(s, halfNetwork(s, x, ''), inputs));
  return rmsIf(s, halfNetwork(s, convolved, '_1'), 'ln2');
}

const RECIPE: ProjectorRecipe = {
  modality: 'audio',
  adjust: (numbers) => ({ ...numbers, epsilon: Math.fround(1e-6) }),
  build: (e) => {
    const { ctx, top, numbers } = e;
    let x = subsampled(e);
    const blocks = Math.ceil(x.ne[1] / BLOCK);
    const inputs = {
      distances: e.input('f32', [numbers.headCount * numbers.headLength, DISTANCES], 'pos_emb'),
      mask: e.input('f32', [SEEN, BLOCK, blocks], 'kq_mask'),
    };
    for (let index = 0; index < numbers.layerCount; index++) x = layer(e.layer(index), x, inputs);
    const output = top.optionalWeight('a.pre_encode.out.weight');
    if (output !== null) x = withBias(top, 'a.pre_encode.out', limited(top, output, x));
    x = ctx.rmsNorm(x, numbers.epsilon);
    const weight = top.optionalWeight('mm.a.soft_emb_norm.weight');
    if (weight !== null) x = ctx.mul(x, weight);
    const matrix = top.optionalWeight('mm.a.input_projection.weight');
    return matrix === null ? x : limited(top, matrix, x);
  },
};

export const GEMMA_4_AUDIO = { gemma4a: RECIPE } satisfies Readonly<Record<string, ProjectorRecipe>>;
