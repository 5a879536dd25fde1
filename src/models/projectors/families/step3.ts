/**
 * Step3-VL.
 *
 * Invariant: order and names are those of llama.cpp's `clip_graph_step3vl`.
 */
import type { Tensor } from '../../../tensor/tensor.js';
import { patchRows } from '../blocks/patches.js';
import { scaledPositions, sidePositions, turnHalves } from '../blocks/positions.js';
import { transformer } from '../blocks/transformer.js';
import type { Encoder } from '../encoder.js';
import type { ProjectorRecipe } from '../recipe.js';

/** Half as many pixels along each side. */
function halved({ ctx, top }: Encoder, x: Tensor, part: string, label: string): Tensor {
  const planes = ctx.conv2d(top.weight(`${part}.weight`), x, { stride: 2, padding: 1 });
  const bias = top.optionalWeight(`${part}.bias`);
  if (bias === null) return top.named(planes, label);
  const [width, height, length] = planes.ne;
  const rows = ctx.cont(ctx.transpose(ctx.reshape(planes, [width * height, length])));
  const biased = ctx.cont(ctx.transpose(ctx.add(rows, bias)));
  return top.named(ctx.reshape(biased, [width, height, length]), label);
}

const RECIPE: ProjectorRecipe = {
  merge: { key: 'projector.scale_factor', otherwise: 4 },
  build: (e) => {
    const { ctx, top, numbers, columns, rows } = e;
    const [h, w] = sidePositions(e);
    const image = patchRows(e);
    const turn = (x: Tensor): Tensor => turnHalves(e, x, [w, h], { freqBase: 10000 });
    const x = top.named(transformer(e, image, { norm: 'layer', positions: scaledPositions(e), turn }), 'vit_out');
    const planes = ctx.cont(ctx.permute(x, [1, 0, 2, 3]), [columns, rows, numbers.length]);
    const small = halved(e, halved(e, planes, 'mm.0', 'downsample_0'), 'mm.1', 'downsample_1');
    const flat = ctx.reshape(small, [small.ne[0] * small.ne[1], small.ne[2], small.ne[3]]);
    const tokens = top.named(ctx.cont(ctx.permute(flat, [1, 0, 2, 3])), 'downsample_flatten');
    return top.named(ctx.mulMat(top.weight('mm.model.fc.weight'), tokens), 'projector_out');
  },
};

export const STEP_3 = { step3vl: RECIPE } satisfies Readonly<Record<string, ProjectorRecipe>>;
