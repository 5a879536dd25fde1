/**
 * Gemma 3n, whose encoder of images is a MobileNet V5.
 *
 * Invariant: order and names are those of llama.cpp's `clip_graph_mobilenetv5`.
 */
import type { Tensor } from '../../../tensor/tensor.js';
import type { Encoder, EncoderScope } from '../encoder.js';
import type { ProjectorRecipe } from '../recipe.js';

const EPSILON = 1e-6;
const STAGES = 4;
/** Tokens along one side of the image. */
const SIDE = 16;

/** Planes normalised pixel by pixel, if the file has weights for that. */
function normedIf(s: EncoderScope, part: string, x: Tensor): Tensor {
  const { ctx } = s;
  const weight = s.optionalWeight(`${part}.weight`);
  if (weight === null) return x;
  const pixels = ctx.mul(ctx.rmsNorm(ctx.cont(ctx.permute(x, [2, 1, 0, 3])), EPSILON), weight);
  return ctx.cont(ctx.permute(pixels, [2, 1, 0, 3]));
}

/** Zeros around the planes, so that a kernel with this stride meets each pixel; more behind than in front. */
function padded({ ctx }: EncoderScope, x: Tensor, side: number, stride: number): Tensor {
  const sizes = [x.ne[0], x.ne[1]].map((length) =>
    Math.max(0, (Math.ceil(length / stride) - 1) * stride + side - length),
  );
  if (sizes.every((size) => size === 0)) return x;
  const before = sizes.map((size) => Math.floor(size / 2));
  return ctx.pad(
    x,
    sizes.map((size, dim) => size - before[dim]),
    { before },
  );
}

/** A convolution of each pixel by itself, and its norm. */
function pointwise(s: EncoderScope, part: string, x: Tensor): Tensor {
  const product = s.ctx.conv2dDirect(s.weight(`${part}.conv.weight`), x);
  return normedIf(s, `${part}.bn`, product);
}

/** A convolution of each plane by itself, and its norm. */
function depthwise(s: EncoderScope, kernelName: string, normPart: string, x: Tensor, stride: number): Tensor {
  const kernel = s.weight(kernelName);
  const [side] = kernel.ne;
  const planes =
    stride > 1
      ? s.ctx.conv2dDepthwise(kernel, padded(s, x, side, stride), { stride })
      : s.ctx.conv2dDepthwise(kernel, x, { padding: Math.floor(side / 2) });
  return normedIf(s, normPart, planes);
}

/** Whether a block's result is as large as what it was given. */
function isAlike(a: Tensor, b: Tensor): boolean {
  return a.ne[0] === b.ne[0] && a.ne[1] === b.ne[1] && a.ne[2] === b.ne[2];
}

function edgeResidual(s: EncoderScope, x: Tensor, stride: number): Tensor {
  const { ctx } = s;
  const kernel = s.weight('conv_exp.weight');
  const wide =
    stride === 2
      ? ctx.conv2dDirect(kernel, padded(s, x, 3, stride), { stride })
      : ctx.conv2dDirect(kernel, x, { stride, padding: 1 });
  const active = ctx.gelu(normedIf(s, 'bn1', wide));
  const narrow = normedIf(s, 'bn2', ctx.conv2dDirect(s.weight('conv_pwl.weight'), active));
  return stride === 1 && narrow.ne[2] === x.ne[2] && narrow.ne[0] === x.ne[0] ? ctx.add(narrow, x) : narrow;
}

function invertedResidual(s: EncoderScope, x: Tensor, stride: number): Tensor {
  const { ctx } = s;
  const has = (part: string): boolean => s.optionalWeight(`${part}.conv.weight`) !== null;
  let y = x;
  if (has('dw_start')) y = depthwise(s, 'dw_start.conv.weight', 'dw_start.bn', y, 1);
  if (has('pw_exp')) y = ctx.gelu(pointwise(s, 'pw_exp', y));
  if (has('dw_mid')) y = ctx.gelu(depthwise(s, 'dw_mid.conv.weight', 'dw_mid.bn', y, stride));
  if (has('pw_proj')) y = pointwise(s, 'pw_proj', y);
  const scale = s.optionalWeight('layer_scale.gamma');
  if (scale !== null) y = ctx.mul(y, scale);
  return isAlike(x, y) ? ctx.add(y, x) : y;
}

/** Keys or values of a quarter of the pixels. */
function keysOrValues(s: EncoderScope, part: 'key' | 'value', x: Tensor): Tensor {
  const down = `attn.${part}.down_conv.weight`;
  const few = s.optionalWeight(down) === null ? x : depthwise(s, down, `attn.${part}.norm`, x, 2);
  const planes = s.ctx.conv2dDirect(s.weight(`attn.${part}.proj.weight`), few);
  const [width, height, length, images] = planes.ne;
  const flat = s.ctx.reshape(planes, [width * height, length, images]);
  return s.ctx.reshape(flat, [width * height, length, 1, images]);
}

/** Attention whose heads share their keys and values. */
function attention(s: EncoderScope, x: Tensor): Tensor {
  const { ctx } = s;
  const input = normedIf(s, 'norm', x);
  const [width, height, , images] = input.ne;
  const queries = ctx.conv2dDirect(s.weight('attn.query.proj.weight'), input);
  const keys = keysOrValues(s, 'key', input);
  const values = keysOrValues(s, 'value', input);
  const length = keys.ne[1];
  const heads = Math.floor(queries.ne[2] / length);
  const flat = ctx.reshape(queries, [width * height, length * heads, images]);
  const split = ctx.reshape(flat, [width * height, length, heads, images]);
  const q = ctx.cont(ctx.permute(split, [1, 0, 2, 3]));
  const k = ctx.cont(ctx.permute(keys, [1, 0, 2, 3]));
  const shares = ctx.softMax(ctx.scale(ctx.mulMat(k, q), Math.fround(1 / Math.fround(Math.sqrt(length)))));
  const looked = ctx.cont(ctx.permute(ctx.mulMat(ctx.cont(values), shares), [1, 0, 2, 3]));
  const rows = ctx.reshape(looked, [width * height, length * heads, images]);
  const planes = ctx.cont(ctx.reshape(rows, [width, height, length * heads, images]));
  const output = ctx.conv2dDirect(s.weight('attn.output.proj.weight'), planes);
  if (x.ne[0] !== output.ne[0] || x.ne[2] !== output.ne[2]) return output;
  const scale = s.optionalWeight('layer_scale.gamma');
  return ctx.add(scale === null ? output : ctx.mul(output, scale), x);
}

/** The kind of a block shows in its tensors; null: there is no such block. */
function kindOf(s: EncoderScope): ((s: EncoderScope, x: Tensor, stride: number) => Tensor) | null {
  const has = (name: string): boolean => s.optionalWeight(`${name}.weight`) !== null;
  if (has('conv_exp')) return edgeResidual;
  if (has('attn.query.proj')) return attention;
  return has('dw_start.conv') || has('pw_exp.conv') ? invertedResidual : null;
}

/** The results of the stages that have blocks. */
function stages(e: Encoder, x: Tensor): readonly Tensor[] {
  const results: Tensor[] = [];
  let y = x;
  for (let stage = 0; stage < STAGES; stage++) {
    for (let index = 0; ; index++) {
      const block = e.layer(index, `v.blk.${stage}`).called('');
      const apply = kindOf(block);
      if (apply === null) break;
      y = apply(block, y, index === 0 ? 2 : 1);
      if (index === 0) results.push(y);
      else results[results.length - 1] = y;
    }
  }
  return results;
}

/** The last two of four stages, or else the last, as planes of the first one's size. */
function fused({ ctx, top }: Encoder, results: readonly Tensor[]): Tensor {
  const used = results.slice(results.length >= STAGES ? 2 : -1);
  const [first] = used;
  const resized = used.map((each) => {
    const isSmaller = each.ne[0] < first.ne[0] || each.ne[1] < first.ne[1];
    return isSmaller ? ctx.upscale(each, Math.floor(first.ne[0] / each.ne[0])) : each;
  });
  let x = resized.reduce((all, each) => ctx.concat(all, each, 2));
  if (top.optionalWeight('v.msfa.ffn.pw_exp.conv.weight') !== null)
    x = ctx.gelu(pointwise(top, 'v.msfa.ffn.pw_exp', x));
  if (top.optionalWeight('v.msfa.ffn.pw_proj.conv.weight') !== null) x = pointwise(top, 'v.msfa.ffn.pw_proj', x);
  if (x.ne[0] > SIDE) x = ctx.pool2d(x, 'avg', Math.floor(x.ne[0] / SIDE));
  return normedIf(top, 'v.msfa.norm', x);
}

const RECIPE: ProjectorRecipe = {
  merge: { key: 'projector.scale_factor', otherwise: 1 },
  build: (e) => {
    const { ctx, top } = e;
    const stem = ctx.conv2dDirect(top.weight('v.conv_stem.conv.weight'), padded(top, e.rawInput(), 3, 2), {
      stride: 2,
    });
    const bias = top.optionalWeight('v.conv_stem.conv.bias');
    const start = ctx.gelu(normedIf(top, 'v.conv_stem.bn', bias === null ? stem : ctx.add(stem, bias)));
    const results = stages(e, start);
    const planes = results.length === 0 ? start : fused(e, results);
    const [width, height, length, images] = planes.ne;
    const rows = ctx.cont(ctx.permute(ctx.permute(planes, [2, 1, 0, 3]), [0, 2, 1, 3]));
    const tokens = ctx.cont(ctx.reshape(rows, [length, width * height, images]));
    const scaled = ctx.rmsNorm(ctx.scale(tokens, Math.sqrt(length)), EPSILON);
    const weighted = ctx.mul(scaled, top.weight('mm.soft_emb_norm.weight'));
    return ctx.rmsNorm(ctx.mulMat(top.weight('mm.input_projection.weight'), weighted), EPSILON);
  },
};

export const GEMMA_3N = { gemma3nv: RECIPE } satisfies Readonly<Record<string, ProjectorRecipe>>;
