/**
 * Nemotron Nano V2 VL.
 *
 * Invariant: order and names are those of llama.cpp's `clip_graph_nemotron_v2_vl`.
 */
import { feedForward } from '../blocks/feed-forward.js';
import { mergeSquares } from '../blocks/merge.js';
import { normedBy } from '../blocks/norm.js';
import { patchRows } from '../blocks/patches.js';
import { transformer } from '../blocks/transformer.js';
import type { ProjectorRecipe } from '../recipe.js';

const RECIPE: ProjectorRecipe = {
  merge: { key: 'projector.scale_factor', otherwise: 1 },
  build: (e) => {
    const { ctx, top, numbers, patchCount } = e;
    const registers = top.weight('v.class_embd');
    const placed = top.named(ctx.add(patchRows(e), top.weight('v.position_embd.weight')), 'inp_pos');
    const rows = transformer(e, ctx.concat(registers, placed, 1), { norm: 'layer' });
    const patches = ctx.view(rows, [numbers.length, patchCount], [rows.nb[1]], registers.ne[1] * rows.nb[1]);
    const normed = normedBy(top, mergeSquares(e, patches), ['mm.model.mlp.0.weight', null], 'rms', 1e-6);
    return feedForward(top, normed, { up: 'mm.model.mlp.1', down: 'mm.model.mlp.3' }, 'relu_sqr');
  },
};

export const NEMOTRON = { nemotron_v2_vl: RECIPE } satisfies Readonly<Record<string, ProjectorRecipe>>;
