/**
 * Kimi-VL and Kimi K2.5.
 *
 * Invariant: order and names are those of llama.cpp's `clip_graph_kimivl` and `clip_graph_kimik25`.
 */
import type { Tensor } from '../../../tensor/tensor.js';
import { feedForward } from '../blocks/feed-forward.js';
import { mergeSquares } from '../blocks/merge.js';
import { patchRows } from '../blocks/patches.js';
import { scaledPositions, sidePositions, turnHalves } from '../blocks/positions.js';
import { transformer } from '../blocks/transformer.js';
import type { Encoder } from '../encoder.js';
import type { ProjectorRecipe } from '../recipe.js';

const MERGE = { key: 'projector.scale_factor', otherwise: 1 } as const;

/** Heads turn by the column of their patch, and by its row. */
function turning(e: Encoder): (x: Tensor) => Tensor {
  const [h, w] = sidePositions(e);
  return (x) => turnHalves(e, x, [w, h], { freqBase: 10000 });
}

/** The patches of each square become one row; each is normalised by itself. */
function projected(e: Encoder, x: Tensor, epsilon: number): Tensor {
  const { ctx, top } = e;
  const { length, merge } = e.numbers;
  top.named(x, 'vit_out');
  const squares = mergeSquares(e, x);
  const apart = ctx.view(squares, [length, squares.ne[1] * merge ** 2]);
  const weighted = ctx.mul(ctx.norm(apart, epsilon), top.weight('mm.input_norm.weight'));
  const normed = ctx.add(weighted, top.weight('mm.input_norm.bias'));
  const joined = top.named(ctx.view(normed, [squares.ne[0], squares.ne[1]]), 'proj_inp_normed');
  return top.named(feedForward(top, joined, { up: 'mm.1', down: 'mm.2' }, 'gelu'), 'proj_out');
}

const KIMI_VL: ProjectorRecipe = {
  merge: MERGE,
  warmup: 16,
  build: (e) => {
    const recipe = { norm: 'layer', positions: scaledPositions(e), turn: turning(e) } as const;
    return projected(e, transformer(e, patchRows(e), recipe), 1e-5);
  },
};

/** The table of positions, which has a row for each patch of a grid, scaled to the image unless it fits. */
function gridPositions({ ctx, top, columns, rows, numbers: { length } }: Encoder): Tensor {
  const table = top.weight('v.position_embd.weight');
  const [, width, height] = table.ne;
  if (columns === width && rows === height) return ctx.cont(table, [length, columns * rows]);
  const scaled = ctx.interpolate(ctx.permute(table, [2, 1, 0, 3]), [rows, columns, length, 1], { mode: 'bicubic' });
  return ctx.cont(ctx.permute(scaled, [2, 1, 0, 3]), [length, columns * rows]);
}

const KIMI_K25: ProjectorRecipe = {
  merge: MERGE,
  warmup: ({ patchSize, merge }, reader) => {
    const [least, most] = [reader.integer('vision.image_min_pixels', 0), reader.integer('vision.image_max_pixels', 0)];
    return least > 0 && most > 0 ? Math.floor(Math.sqrt(most)) : 64 * patchSize * merge;
  },
  build: (e) => {
    const placed = e.ctx.add(patchRows(e), gridPositions(e));
    return projected(e, transformer(e, placed, { norm: 'layer', turn: turning(e) }), e.numbers.epsilon);
  },
};

export const KIMI = { kimivl: KIMI_VL, kimik25: KIMI_K25 } satisfies Readonly<Record<string, ProjectorRecipe>>;
