/**
 * Llama 4.
 *
 * Invariant: order and names are those of llama.cpp's `clip_graph_llama4`.
 */
import type { Tensor } from '../../../tensor/tensor.js';
import { sidePositions, turnHalves } from '../blocks/positions.js';
import { transformer } from '../blocks/transformer.js';
import type { Encoder } from '../encoder.js';
import type { ProjectorRecipe } from '../recipe.js';

function patches(e: Encoder): Tensor {
  const { ctx, top, patchCount } = e;
  const { length, patchSize } = e.numbers;
  const matrix = top.weight('v.patch_embd.weight');
  const image = e.rawInput();
  const kernel = ctx.reshape(matrix, [patchSize, patchSize, 3, length]);
  const columns = ctx.im2col(kernel, image, 2, 'f32', { stride: patchSize });
  return top.named(ctx.reshape(ctx.mulMat(matrix, columns), [length, patchCount]), 'patch_conv');
}

/** The patches of each square become one row. */
function shuffled(e: Encoder, x: Tensor): Tensor {
  const { ctx, top, columns, rows, patchCount } = e;
  const { length, merge } = e.numbers;
  const [width, height] = [Math.floor(columns / merge), Math.floor(rows / merge)];
  const joined = ctx.permute(ctx.reshape(x, [length * merge, width, rows, 1]), [0, 2, 1, 3]);
  const squares = ctx.cont(joined, [length * merge ** 2, width, height, 1]);
  const count = Math.floor(patchCount / merge ** 2);
  return top.named(ctx.cont(squares, [length * merge ** 2, count]), 'pixel_shuffle');
}

const RECIPE: ProjectorRecipe = {
  merge: { key: 'projector.scale_factor', otherwise: 1 },
  build: (e) => {
    const { ctx, top, numbers, patchCount } = e;
    const [h, w] = sidePositions(e, patchCount + 1);
    const image = ctx.concat(patches(e), top.weight('v.class_embd'), 1);
    const rows = transformer(e, image, {
      norm: 'layer',
      positions: top.weight('v.position_embd.weight'),
      turn: (x) => turnHalves(e, x, [w, h], { freqBase: 10000 }),
    });
    let x = shuffled(e, ctx.view(rows, [numbers.length, patchCount]));
    for (const layer of [1, 2]) x = ctx.gelu(ctx.mulMat(top.weight(`mm.model.mlp.${layer}.weight`), x));
    const product = ctx.mulMat(top.weight('mm.model.fc.weight'), top.named(x, 'adapter_mlp'));
    return top.named(product, 'projected');
  },
};

export const LLAMA_4 = { llama4: RECIPE } satisfies Readonly<Record<string, ProjectorRecipe>>;
