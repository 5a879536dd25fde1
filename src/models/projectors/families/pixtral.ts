/**
 * Pixtral, Mistral Small and LightOnOCR.
 *
 * Invariant: order and names are those of llama.cpp's `clip_graph_pixtral`.
 */
import type { Tensor } from '../../../tensor/tensor.js';
import { feedForward } from '../blocks/feed-forward.js';
import { patchRows } from '../blocks/patches.js';
import { sidePositions, turnHalves } from '../blocks/positions.js';
import { transformer } from '../blocks/transformer.js';
import type { Encoder } from '../encoder.js';
import type { ProjectorRecipe } from '../recipe.js';

/** The patches of each square become one row, if the file has a matrix for that. */
function merged(e: Encoder, x: Tensor): Tensor {
  const { ctx, top, numbers, columns, rows } = e;
  const matrix = top.optionalWeight('mm.patch_merger.weight');
  if (matrix === null) return x;
  const { length, merge, epsilon } = numbers;
  const normed = ctx.mul(ctx.rmsNorm(x, epsilon), top.weight('mm.input_norm.weight'));
  const grid = ctx.cont(ctx.permute(ctx.reshape(normed, [length, columns, rows]), [2, 0, 1, 3]));
  // Only the shape of the kernel counts, so any bytes will do.
  const kernel = ctx.view(grid, [merge, merge, length], [0, 0, 0]);
  const squares = ctx.im2col(kernel, grid, 2, 'f32', { stride: merge });
  return ctx.mulMat(matrix, ctx.reshape(squares, [squares.ne[0], squares.ne[1] * squares.ne[2]]));
}

/** A token behind each row of the image but the last, if the file has one. */
function withBreaks(e: Encoder, x: Tensor): Tensor {
  const { ctx, top } = e;
  const token = top.optionalWeight('v.token_embd.img_break');
  if (token === null) return x;
  const [length] = x.ne;
  const [width, height] = [e.columns, e.rows].map((count) => Math.floor(count / e.numbers.merge));
  const grid = ctx.reshape(x, [length, width, height]);
  const zeros = ctx.scale(ctx.newTensor('f32', [length, 1, height]), 0);
  const joined = ctx.concat(grid, ctx.add(zeros, token), 1);
  return ctx.view(joined, [length, width * height + height - 1], [joined.nb[1]]);
}

const RECIPE: ProjectorRecipe = {
  merge: { key: 'spatial_merge_size', otherwise: 1 },
  warmup: 16,
  build: (e) => {
    const positions = sidePositions(e);
    const turn = (x: Tensor): Tensor => turnHalves(e, x, positions, { freqBase: 10000, isInterleaved: true });
    const rows = merged(e, transformer(e, patchRows(e), { norm: 'rms', turn }));
    return withBreaks(e, feedForward(e.top, rows, { up: 'mm.1', down: 'mm.2' }, 'gelu'));
  },
};

export const PIXTRAL = { pixtral: RECIPE, lightonocr: RECIPE } satisfies Readonly<Record<string, ProjectorRecipe>>;
