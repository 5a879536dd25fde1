/**
 * Muse Glimmer.
 *
 * Invariant: order and names are those of llama.cpp's `clip_graph_muse_glimmer`.
 */
import type { Tensor } from '../../../tensor/tensor.js';
import { patchRows } from '../blocks/patches.js';
import { scaledPositions, turnHalves } from '../blocks/positions.js';
import { transformer } from '../blocks/transformer.js';
import type { ProjectorRecipe } from '../recipe.js';

/** Every so many layers, and the last, see the whole image. */
const GLOBAL_EVERY = 4;

const RECIPE: ProjectorRecipe = {
  merge: { key: 'spatial_merge_size', otherwise: 2 },
  warmup: 32,
  build: (e) => {
    const { ctx, top, numbers, patchCount } = e;
    const { length, merge, layerCount } = numbers;
    const ids = (name: string): Tensor => e.input('i32', [patchCount], `muse_glimmer_${name}`);
    const [w, h] = [ids('pos_w'), ids('pos_h')];
    const mask = e.input('f32', [patchCount, patchCount], 'muse_glimmer_sp_mask');
    const image = patchRows(e);
    const placed = top.named(ctx.add(image, scaledPositions(e, { mode: 'bilinear' })), 'after_posemb');
    const grouped = top.named(ctx.getRows(placed, ids('sp_perm')), 'after_sp_perm');
    const isGlobal = (layer: number): boolean => layer === layerCount - 1 || (layer + 1) % GLOBAL_EVERY === 0;
    const rows = transformer(e, grouped, {
      norm: 'layer',
      activation: 'gelu_erf',
      turn: (x) => turnHalves(e, x, [w, h], { freqBase: 10000 }),
      mask: (layer) => (isGlobal(layer) ? null : mask),
    });
    const restored = top.named(ctx.getRows(rows, ids('inv_perm')), 'after_inv_perm');
    const squares = ctx.reshape(ctx.getRows(restored, ids('ds_perm')), [
      length,
      merge ** 2,
      Math.floor(e.columns / merge) * Math.floor(e.rows / merge),
    ]);
    const columns = ctx.cont(ctx.permute(squares, [1, 0, 2, 3]));
    const joined = top.named(ctx.reshape(columns, [length * merge ** 2, columns.ne[2]]), 'encoder_out');
    const first = ctx.geluErf(ctx.mulMat(top.weight('mm.0.weight'), joined));
    const second = ctx.geluErf(ctx.mulMat(top.weight('mm.1.weight'), first));
    return top.named(ctx.mulMat(top.weight('mm.2.weight'), second), 'projected');
  },
};

export const MUSE_GLIMMER = { 'muse-glimmer': RECIPE } satisfies Readonly<Record<string, ProjectorRecipe>>;
