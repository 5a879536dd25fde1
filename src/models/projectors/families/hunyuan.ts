/**
 * HunyuanVL and HunyuanOCR.
 *
 * Invariant: order and names are those of llama.cpp's `clip_graph_hunyuanvl`.
 */
import type { Tensor } from '../../../tensor/tensor.js';
import { linear } from '../blocks/linear.js';
import { normedBy } from '../blocks/norm.js';
import { patchRows } from '../blocks/patches.js';
import { transformer } from '../blocks/transformer.js';
import type { Encoder } from '../encoder.js';
import type { ProjectorRecipe } from '../recipe.js';

/** A convolution over planes, with a bias for each. */
function convolved({ ctx, top }: Encoder, x: Tensor, part: string, stride: number): Tensor {
  const planes = ctx.conv2d(top.weight(`${part}.weight`), x, { stride });
  const bias = top.weight(`${part}.bias`);
  return ctx.add(planes, ctx.reshape(bias, [1, 1, bias.ne[0]]));
}

/** A token behind each row of the image. */
function withNewlines(e: Encoder, planes: Tensor): Tensor {
  const { ctx, top } = e;
  const [width, height] = [e.columns, e.rows].map((count) => Math.floor(count / e.numbers.merge));
  const length = planes.ne[2];
  const line = ctx.reshape(top.weight('v.image_newline'), [1, 1, length, 1]);
  const joined = ctx.concat(planes, ctx.repeat(line, [1, height, length, 1]), 0);
  return ctx.cont(ctx.permute(joined, [1, 2, 0, 3]), [length, (width + 1) * height]);
}

const RECIPE: ProjectorRecipe = {
  merge: { key: 'spatial_merge_size', otherwise: 2 },
  warmup: 32,
  adjust: (numbers) => ({ ...numbers, activation: 'gelu' }),
  build: (e) => {
    const { ctx, top, numbers, columns, rows } = e;
    const positions = e.input('f32', [numbers.length, e.patchCount], 'hunyuanvl_pos_embd');
    const x = transformer(e, patchRows(e), { norm: 'layer', positions });
    const normed = normedBy(top, x, ['mm.pre_norm.weight', null], 'rms');
    const planes = ctx.cont(ctx.permute(ctx.reshape(normed, [numbers.length, columns, rows]), [2, 0, 1, 3]));
    const active = ctx.gelu(convolved(e, planes, 'mm.0', numbers.merge));
    const tokens = linear(top, 'mm.model.fc', withNewlines(e, convolved(e, active, 'mm.2', 1)));
    const mark = (name: string): Tensor => {
      const weight = top.weight(name);
      return ctx.reshape(weight, [weight.ne[0], 1]);
    };
    const begun = ctx.concat(mark('mm.image_begin'), tokens, 1);
    return normedBy(top, ctx.concat(begun, mark('mm.image_end'), 1), ['mm.post_norm.weight', null], 'rms');
  },
};

export const HUNYUAN = { hunyuanvl: RECIPE } satisfies Readonly<Record<string, ProjectorRecipe>>;
