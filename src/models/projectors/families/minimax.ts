/**
 * MiniMax-M3.
 *
 * Invariant: order and names are those of llama.cpp's `clip_graph_minimax_m3`.
 */
import type { Tensor } from '../../../tensor/tensor.js';
import { feedForward } from '../blocks/feed-forward.js';
import { framedPatches } from '../blocks/patches.js';
import { transformer } from '../blocks/transformer.js';
import type { Encoder } from '../encoder.js';
import type { ProjectorRecipe } from '../recipe.js';

/** A head has a part for the time, which stays as it is, one for the row of its patch, and one for the column. */
function turned({ ctx }: Encoder, x: Tensor, [h, w]: readonly [Tensor, Tensor]): Tensor {
  const [length, heads, rows] = x.ne;
  const axis = 2 * Math.floor(Math.floor((2 * Math.floor(length / 2)) / 3) / 2);
  const part = (offset: number, count: number): Tensor => {
    const view = ctx.view(x, [count, heads, rows], [x.nb[1], x.nb[2]], offset * x.type.blockBytes);
    return ctx.cont(view);
  };
  const [time, first, second] = [part(0, axis), part(axis, axis), part(2 * axis, length - 2 * axis)];
  const byRow = ctx.rope(first, h, axis, { mode: 'neox' });
  const byColumn = ctx.rope(second, w, axis, { mode: 'neox' });
  return ctx.concat(ctx.concat(time, byRow, 0), byColumn, 0);
}

const RECIPE: ProjectorRecipe = {
  merge: { key: 'spatial_merge_size', otherwise: 2 },
  warmup: 16,
  build: (e) => {
    const { ctx, top, patchCount } = e;
    const { merge } = e.numbers;
    const image = framedPatches(e, merge);
    const positions = ['minimax_pos_h', 'minimax_pos_w'].map((name) => e.input('i32', [patchCount], name));
    const turn = (x: Tensor): Tensor => turned(e, x, [positions[0], positions[1]]);
    const rows = transformer(e, image, { norm: 'layer', activation: 'gelu_erf', turn });
    const each = feedForward(top, rows, { up: 'mm.1', down: 'mm.2' }, 'gelu_erf');
    const joined = ctx.reshape(each, [each.ne[0] * merge ** 2, Math.floor(patchCount / merge ** 2)]);
    return feedForward(top, joined, { up: 'mm.merger.fc1', down: 'mm.merger.fc2' }, 'gelu_erf');
  },
};

export const MINIMAX = { minimax_m3: RECIPE } satisfies Readonly<Record<string, ProjectorRecipe>>;
