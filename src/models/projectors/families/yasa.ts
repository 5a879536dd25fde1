/**
 * Reka Edge, whose encoder of images is a ConvNeXt.
 *
 * Invariant: order and names are those of llama.cpp's `clip_graph_yasa2`.
 */
import type { Context } from '../../../dialects/ggml/context.js';
import type { Tensor } from '../../../tensor/tensor.js';
import { feedForward } from '../blocks/feed-forward.js';
import { convolved } from '../blocks/patches.js';
import type { Encoder, EncoderScope } from '../encoder.js';
import type { ProjectorRecipe } from '../recipe.js';

/** Tokens along one side of the image. */
const SIDE = 8;
const LARGEST = 1e30;

/** Planes times a number for each, plus another, if the file has them. */
function affine(s: EncoderScope, part: string, x: Tensor): Tensor {
  const { ctx } = s;
  const perPlane = (weight: Tensor): Tensor => ctx.reshape(weight, [1, 1, weight.ne[0], 1]);
  const [weight, bias] = [s.optionalWeight(`${part}.weight`), s.optionalWeight(`${part}.bias`)];
  const scaled = weight === null ? x : ctx.mul(x, perPlane(weight));
  return bias === null ? scaled : ctx.add(scaled, perPlane(bias));
}

function biased(s: EncoderScope, part: string, x: Tensor): Tensor {
  const bias = s.optionalWeight(`${part}.bias`);
  return bias === null ? x : s.ctx.add(x, s.ctx.reshape(bias, [1, 1, bias.ne[0], 1]));
}

/** Each pixel to mean 0 and deviation 1. */
function normed(s: EncoderScope, part: string, x: Tensor): Tensor {
  const { ctx, numbers } = s;
  const pixels = ctx.cont(ctx.permute(x, [2, 1, 0, 3]));
  const centred = ctx.sub(pixels, ctx.mean(pixels));
  const variance = ctx.clamp(ctx.mean(ctx.mul(centred, centred)), numbers.epsilon, LARGEST);
  const standard = ctx.div(centred, ctx.sqrt(variance));
  return affine(s, part, ctx.cont(ctx.permute(standard, [2, 1, 0, 3])));
}

/** Planes plus themselves weighted by how strong they are. */
function respond(s: EncoderScope, part: string, x: Tensor): Tensor {
  const { ctx } = s;
  const [width, height, length, images] = x.ne;
  const squares = ctx.reshape(ctx.mul(x, x), [width * height, length, 1, images]);
  const strengths = ctx.sqrt(ctx.sumRows(squares));
  const mean = ctx.mean(ctx.cont(ctx.permute(strengths, [1, 0, 2, 3])));
  const relative = ctx.div(strengths, ctx.clamp(mean, 1e-6, LARGEST));
  const weighted = ctx.mul(x, ctx.cont(ctx.permute(relative, [0, 2, 1, 3])));
  return ctx.add(x, affine(s, part, weighted));
}

/** A row for each pixel. */
function rowsOf(ctx: Context, planes: Tensor): Tensor {
  const [width, height, length, images] = planes.ne;
  return ctx.cont(ctx.permute(ctx.reshape(planes, [width * height, length, images]), [1, 0, 2, 3]));
}

/** Planes again. */
function planesOf(ctx: Context, rows: Tensor, [width, height]: readonly number[]): Tensor {
  const planes = ctx.cont(ctx.permute(rows, [1, 0, 2, 3]));
  return ctx.reshape(planes, [width, height, rows.ne[0], rows.ne[2]]);
}

/** A matrix over the elements of each pixel. */
function perPixel(s: EncoderScope, part: string, x: Tensor): Tensor {
  const { ctx } = s;
  const rows = ctx.mulMat(s.weight(`${part}.weight`), rowsOf(ctx, x));
  const bias = s.optionalWeight(`${part}.bias`);
  return planesOf(ctx, bias === null ? rows : ctx.add(rows, ctx.reshape(bias, [bias.ne[0], 1, 1])), x.ne);
}

function block(s: EncoderScope, x: Tensor): Tensor {
  const { ctx } = s;
  const planes = biased(s, 'dw', ctx.conv2dDepthwise(s.weight('dw.weight'), x, { padding: 3 }));
  const wide = ctx.geluErf(perPixel(s, 'pw1', normed(s, 'ln', planes)));
  return ctx.add(x, perPixel(s, 'pw2', respond(s, 'grn', wide)));
}

/** A stage ends where the file has neither a kernel that halves the image nor blocks. */
function stages(e: Encoder, image: Tensor): Tensor {
  const { ctx, top } = e;
  let x = image;
  for (let stage = 0; ; stage++) {
    const s = e.layer(stage, 'v.stage').called('');
    const kernel = s.optionalWeight('down.conv.weight');
    const blockAt = (index: number): EncoderScope => e.layer(index, `v.stage.${stage}.blk`).called('');
    if (kernel === null && blockAt(0).optionalWeight('dw.weight') === null) return x;
    if (kernel !== null) {
      const halved = ctx.conv2d(kernel, normed(s, 'down.ln', x), { stride: 2 });
      x = top.named(biased(s, 'down.conv', halved), `yasa2_stage${stage}_down_out`);
    }
    for (let index = 0; blockAt(index).optionalWeight('dw.weight') !== null; index++) {
      x = top.named(block(blockAt(index), x), `yasa2_stage${stage}_blk${index}_out`);
    }
  }
}

/** Pixels plus their learned positions, if the file has as many. */
function placed({ ctx, top }: Encoder, x: Tensor): Tensor {
  const rows = rowsOf(ctx, x);
  const table = top.optionalWeight('v.vision_pos_embed');
  const fits = table !== null && table.ne[1] === rows.ne[1];
  const sum = fits ? ctx.add(rows, ctx.reshape(table, [table.ne[0], table.ne[1], 1])) : rows;
  const planes = ctx.cont(ctx.permute(sum, [1, 0, 2, 3]));
  return ctx.reshape(planes, [x.ne[0], x.ne[1], planes.ne[1], planes.ne[2]]);
}

const RECIPE: ProjectorRecipe = {
  adjust: (numbers) => ({ ...numbers, activation: 'gelu_erf' }),
  build: (e) => {
    const { ctx, top } = e;
    const image = top.named(biased(top, 'v.patch_embd', convolved(e, e.rawInput())), 'yasa2_patch_conv_out');
    const planes = placed(e, stages(e, top.named(normed(top, 'v.patch_ln', image), 'yasa2_patch_ln_out')));
    const window = [planes.ne[0], planes.ne[1]].map((length) =>
      Math.max(1, Math.floor(length / Math.min(SIDE, length))),
    );
    const tokens = top.named(rowsOf(ctx, ctx.pool2d(planes, 'avg', window)), 'yasa2_tokens');
    return top.named(feedForward(top, tokens, { up: 'mm.0', down: 'mm.2' }, 'gelu_erf'), 'yasa2_emb');
  },
};

export const YASA = { yasa2: RECIPE } satisfies Readonly<Record<string, ProjectorRecipe>>;
