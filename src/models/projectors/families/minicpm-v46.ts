/**
 * MiniCPM-V 4.6, which joins squares of patches between its layers, and again behind them.
 *
 * Invariant: order and names are those of llama.cpp's `clip_graph_minicpmv4_6`.
 */
import type { Tensor } from '../../../tensor/tensor.js';
import { attend } from '../blocks/attention.js';
import { feedForward } from '../blocks/feed-forward.js';
import { layers } from '../blocks/layers.js';
import { linear } from '../blocks/linear.js';
import { norm } from '../blocks/norm.js';
import { patchRows } from '../blocks/patches.js';
import { postNorm, preNorm } from '../blocks/transformer.js';
import type { Encoder } from '../encoder.js';
import type { ProjectorRecipe } from '../recipe.js';

/** The four patches of each square, by their place in it. */
function corners(e: Encoder, x: Tensor, name: string, count: number): readonly [Tensor, Tensor, Tensor, Tensor] {
  const corner = (index: number): Tensor => e.ctx.getRows(x, e.input('i32', [count], `${name}_${index}`));
  return [corner(0), corner(1), corner(2), corner(3)];
}

function sideBySide({ ctx }: Encoder, [first, ...others]: readonly [Tensor, ...Tensor[]]): Tensor {
  return others.reduce((all, each) => ctx.concat(all, each, 0), first);
}

/** Attention within each square of patches. */
function attendInSquares(e: Encoder, x: Tensor): Tensor {
  const { ctx, top, numbers, patchCount } = e;
  const ids = (name: string): Tensor => e.input('i32', [patchCount], `vit_merger_${name}`);
  const full = e.input('f32', [patchCount, patchCount], 'vit_merger_window_mask');
  const mask = e.flashAttention ? ctx.cast(full, 'f16') : full;
  const normed = top.named(norm(top, 'v.vit_merger.ln1', x, 'layer'), 'vit_merger_attn_inp_normed');
  const rows = top.named(ctx.getRows(normed, ids('window_idx')), 'vit_merger_window_reorder');
  const heads = (part: 'q' | 'k' | 'v'): Tensor => {
    const flat = linear(top, `v.vit_merger.attn_${part}`, rows);
    const split = ctx.reshape(flat, [numbers.headLength, numbers.headCount, patchCount]);
    return top.named(split, `vit_merger_${part.toUpperCase()}cur`);
  };
  const all = { q: heads('q'), k: heads('k'), v: heads('v') };
  const looked = top.named(attend(top, all, { output: 'v.vit_merger.attn_out', mask }), 'vit_merger_attn_out');
  return top.named(ctx.add(ctx.getRows(looked, ids('inv_window_idx')), x), 'vit_merger_attn_residual');
}

/** Each square of patches becomes one row: its mean, and what a network makes of all four. */
function halved(e: Encoder, x: Tensor, count: number): Tensor {
  const { ctx, top } = e;
  const four = corners(e, x, 'vit_merger_ds_idx', count);
  const [first, ...others] = four;
  const sum = others.reduce((all, each) => ctx.add(all, each), first);
  const mean = top.named(ctx.scale(sum, 0.25), 'vit_merger_ds_mean_res');
  const normed = norm(top, 'v.vit_merger.ds_ln', sideBySide(e, four), 'layer');
  const parts = { up: 'v.vit_merger.ds_ffn_up', down: 'v.vit_merger.ds_ffn_down' };
  const fed = feedForward(top, top.named(normed, 'vit_merger_ds_normed'), parts, 'gelu');
  return top.named(ctx.add(top.named(fed, 'vit_merger_ds_mlp_out'), mean), 'vit_merger_ds_out');
}

/** Squares of patches are joined twice, unless the file says that they are joined once. */
const TWICE = 4;

const RECIPE: ProjectorRecipe = {
  merge: { key: 'projector.scale_factor', otherwise: TWICE },
  build: (e) => {
    const { ctx, top, numbers, columns, rows } = e;
    const [height, width] = [Math.floor(rows / 2), Math.floor(columns / 2)];
    const isTwice = numbers.merge === TWICE;
    const chosen = e.input('i32', [e.patchCount], 'positions');
    const positions = ctx.getRows(top.weight('v.position_embd.weight'), chosen);
    const placed = top.named(ctx.add(patchRows(e), positions), 'pos_embed');
    let x = preNorm(e, placed, 'layer', 'pre_ln');
    let first = 0;
    if (isTwice) {
      first = (e.reader.integers('vision.wa_layer_indexes')?.[0] ?? 0) + 1;
      x = attendInSquares(e, layers(e, x, { norm: 'layer' }, { end: first }));
      x = halved(e, x, height * width);
    }
    x = postNorm(e, layers(e, x, { norm: 'layer' }, { first }), 'layer');
    if (top.optionalWeight('v.post_ln.weight') !== null) top.named(x, 'post_ln');
    const count = isTwice ? Math.floor(height / 2) * Math.floor(width / 2) : height * width;
    const joined = sideBySide(e, corners(e, x, 'merger_ds_idx', count));
    const normed = top.named(norm(top, 'mm.input_norm', joined, 'layer'), 'merger_normed');
    return top.named(feedForward(top, normed, { up: 'mm.up', down: 'mm.down' }, 'gelu_erf'), 'merger_out');
  },
};

export const MINICPM_V46 = { minicpmv4_6: RECIPE } satisfies Readonly<Record<string, ProjectorRecipe>>;
