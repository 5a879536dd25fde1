/**
 * LFM2-Audio, whose encoder of sound is a conformer.
 *
 * Invariant: order and names are those of llama.cpp's `clip_graph_conformer`.
 */
import type { Tensor } from '../../../tensor/tensor.js';
import { feedForward } from '../blocks/feed-forward.js';
import { linear } from '../blocks/linear.js';
import { norm } from '../blocks/norm.js';
import type { Encoder, EncoderScope } from '../encoder.js';
import type { ProjectorRecipe } from '../recipe.js';

const EPSILON = Math.fround(1e-5);
/** Elements of the description of a distance. */
const DISTANCE_LENGTH = 512;

/** The frames of the sound, an eighth as many. */
function subsampled(e: Encoder): Tensor {
  const { ctx, top } = e;
  const weight = (index: number): Tensor => top.weight(`a.conv1d.${index}.weight`);
  const biased = (index: number, x: Tensor): Tensor => {
    const sum = ctx.add(x, top.weight(`a.conv1d.${index}.bias`));
    return top.called(`-${index}`).named(sum, 'conformer.pre_encode.conv.{}');
  };
  const halving = { stride: 2, padding: 1 };
  const sound = ctx.cont(ctx.transpose(e.rawInput(1)));
  let x = ctx.relu(biased(0, ctx.conv2d(weight(0), sound, halving)), { inPlace: true });
  for (const index of [2, 5]) {
    const planes = biased(index, ctx.conv2dDepthwiseDirect(weight(index), x, halving));
    x = ctx.relu(biased(index + 1, ctx.conv2dDirect(weight(index + 1), planes)), { inPlace: true });
  }
  const channels = ctx.cont(ctx.permute(x, [0, 2, 1, 3]));
  const rows = ctx.reshape(channels, [channels.ne[0] * channels.ne[1], channels.ne[2]]);
  return top.named(linear(top, 'a.pre_encode.out', rows), 'conformer.pre_encode.out');
}

/** Scores of distances `[distances, rows, heads]` as scores of rows. */
function shifted({ ctx }: EncoderScope, scores: Tensor): Tensor {
  const [distances, rows, heads] = scores.ne;
  const rolled = ctx.roll(ctx.pad(scores, [1]), [1]);
  const turned = ctx.reshape(rolled, [rows, distances + 1, heads]);
  const nb = [turned.nb[1], turned.nb[2]];
  const view = ctx.view(turned, [rows, distances, heads], nb, turned.nb[0] * rows);
  return ctx.cont(view, [distances, rows, heads]);
}

function attention(s: EncoderScope, x: Tensor, distances: Tensor): Tensor {
  const { ctx } = s;
  const { headLength, headCount } = s.numbers;
  const heads = (part: string): Tensor => ctx.reshape(linear(s, part, x), [headLength, headCount, x.ne[1]]);
  const queries = heads('attn_q');
  const [forContent, forDistance] = ['pos_bias_u', 'pos_bias_v'].map((part) =>
    ctx.permute(ctx.add(queries, s.weight(part)), [0, 2, 1, 3]),
  );
  const k = ctx.cont(ctx.permute(heads('attn_k'), [0, 2, 1, 3]));
  const v = ctx.cont(ctx.permute(heads('attn_v'), [1, 2, 0, 3]));
  const turned = (scores: Tensor): Tensor => ctx.cont(ctx.permute(scores, [1, 0, 2, 3]));
  const content = s.named(turned(ctx.mulMat(forContent, k)), 'conformer.layers.{}.self_attn.id3');
  const product = ctx.mulMat(s.weight('linear_pos.weight'), distances);
  const positions = s.named(product, 'conformer.layers.{}.self_attn.linear_pos');
  const split = ctx.permute(ctx.reshape(positions, [headLength, headCount, positions.ne[1]]), [0, 2, 1, 3]);
  const all = shifted(s, turned(ctx.mulMat(forDistance, split)));
  const distance = ctx.view(all, [content.ne[0], all.ne[1], all.ne[2]], [all.nb[1], all.nb[2]]);
  const scaled = ctx.scale(ctx.add(content, distance), 1 / Math.sqrt(headLength));
  const shares = ctx.softMax(s.named(scaled, 'conformer.layers.{}.self_attn.id0'));
  const looked = ctx.permute(ctx.mulMat(shares, v), [2, 0, 1, 3]);
  const joined = ctx.cont(looked, [looked.ne[0] * looked.ne[1], looked.ne[2]]);
  return s.named(linear(s, 'attn_out', joined), 'conformer.layers.{}.self_attn.linear_out');
}

/** A gated convolution over the rows around. */
function convolution(s: EncoderScope, x: Tensor): Tensor {
  const { ctx } = s;
  const both = s.named(linear(s, 'conv_pw1', x), 'conformer.layers.{}.conv.pointwise_conv1');
  const length = Math.floor(both.ne[0] / 2);
  const half = (index: number): Tensor =>
    ctx.view(both, [length, both.ne[1]], [both.nb[1]], index * length * both.nb[0]);
  const gate = ctx.sigmoid(half(1));
  const series = ctx.cont(ctx.transpose(ctx.mul(half(0), gate)));
  const padded = ctx.pad(ctx.roll(ctx.pad(series, [4]), [4]), [4]);
  const convolved = ctx.add(ctx.ssmConv(padded, s.weight('conv_dw.weight')), s.weight('conv_dw.bias'));
  const normed = ctx.add(ctx.mul(convolved, s.weight('conv_norm.weight')), s.weight('conv_norm.bias'));
  return linear(s, 'conv_pw2', ctx.silu(normed));
}

function layer(s: EncoderScope, x: Tensor, distances: Tensor): Tensor {
  const { ctx } = s;
  const normed = (part: string, rows: Tensor, label: string): Tensor =>
    s.named(norm(s, part, rows, 'layer', EPSILON), `conformer.layers.{}.${label}`);
  const fed = (rows: Tensor, suffix: '' | '_1', label: string): Tensor => {
    const parts = { up: `ffn_up${suffix}`, down: `ffn_down${suffix}` };
    return s.named(feedForward(s, rows, parts, 'silu'), `conformer.layers.{}.${label}.linear2`);
  };
  const input = s.named(x, 'layer.in');
  const first = fed(normed('ffn_norm', input, 'norm_feed_forward1'), '', 'feed_forward1');
  let sum = ctx.add(input, ctx.scale(first, 0.5));
  sum = ctx.add(sum, attention(s, normed('ln1', sum, 'norm_self_att'), distances));
  sum = ctx.add(sum, convolution(s, normed('norm_conv', sum, 'norm_conv')));
  const second = fed(normed('ffn_norm_1', sum, 'norm_feed_forward2'), '_1', 'feed_forward2');
  sum = s.named(ctx.add(sum, ctx.scale(second, 0.5)), 'conformer.layers.{}.conv.id');
  return normed('ln2', sum, 'norm_out');
}

const RECIPE: ProjectorRecipe = {
  modality: 'audio',
  build: (e) => {
    const { top, numbers, given } = e;
    let rows = given.width;
    for (let halving = 0; halving < 3; halving++) rows = Math.floor((rows + 1) / 2);
    const distances = e.input('f32', [DISTANCE_LENGTH, rows * 2 - 1], 'pos_emb');
    e.graph.expand(distances);
    let x = subsampled(e);
    for (let index = 0; index < numbers.layerCount; index++) x = layer(e.layer(index), x, distances);
    const normed = norm(top, 'mm.a.mlp.0', x, 'layer', EPSILON);
    const parts = { up: 'mm.a.mlp.1', down: 'mm.a.mlp.3' };
    return top.named(feedForward(top, top.named(normed, 'audio_adapter.model.{}-0'), parts, 'gelu_erf'), 'projected');
  },
};

export const LFM2_AUDIO = { lfm2a: RECIPE } satisfies Readonly<Record<string, ProjectorRecipe>>;
