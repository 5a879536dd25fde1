/**
 * MiMo-VL of MiMo-V2.5.
 *
 * Invariant: order and names are those of llama.cpp's `clip_graph_mimovl`.
 */
import type { Tensor } from '../../../tensor/tensor.js';
import { feedForward } from '../blocks/feed-forward.js';
import { layers, type LayerRecipe } from '../blocks/layers.js';
import { norm } from '../blocks/norm.js';
import { framedPatches } from '../blocks/patches.js';
import { lastScope } from '../blocks/transformer.js';
import type { Encoder } from '../encoder.js';
import type { ProjectorRecipe } from '../recipe.js';

/** What a layer sees: everything, a window along rows, or a window along columns. */
const [FULL, ALONG_COLUMNS] = [-1, 1];

/** The modes of all layers. @throws PlannerError `BAD_MODEL` */
function modesOf({ reader, numbers }: Encoder): readonly number[] {
  const modes = reader.integers('vision.wa_pattern_mode') ?? [];
  if (modes.length !== numbers.layerCount) {
    reader.refuse('vision.wa_pattern_mode', `one integer for each of ${numbers.layerCount} layers`);
  }
  return modes;
}

/** Heads turn by the row and the column of their patch, in the order of rows or of columns. */
function turning(e: Encoder, modes: readonly number[]): (x: Tensor, layer: number) => Tensor {
  const count = e.patchCount * 4;
  const byRow = e.input('i32', [count], 'mimovl_positions_row');
  const byColumn = e.input('i32', [count], 'mimovl_positions_col');
  const turned = Math.floor(e.numbers.headLength / 2);
  const sections = [Math.floor(turned / 2), Math.floor(turned / 2), 0, 0] as const;
  const yarn = { originalContext: 32768, betaFast: 32, betaSlow: 1 };
  return (x, layer) => {
    const positions = modes[layer] === ALONG_COLUMNS ? byColumn : byRow;
    return e.ctx.rope(x, positions, turned, { mode: 'vision', sections, ...yarn });
  };
}

const RECIPE: ProjectorRecipe = {
  merge: { key: 'spatial_merge_size', otherwise: 2 },
  warmup: 46,
  adjust: (numbers, reader, weights) => {
    const kvHeadCount = reader.positive('vision.attention.head_count_kv');
    const rows = weights.get('v.blk.0.attn_qkv.weight').ne[1];
    return { ...numbers, kvHeadCount, headLength: Math.floor(rows / (numbers.headCount + 2 * kvHeadCount)) };
  },
  build: (e) => {
    const { ctx, top, numbers, patchCount } = e;
    const modes = modesOf(e);
    const image = top.named(framedPatches(e), 'patch_embed');
    const unit = numbers.merge ** 2;
    const units = Math.floor(patchCount / unit);
    const turn = turning(e, modes);
    const order = e.input('f32', [units], 'mimovl_idx_col');
    const toColumns = ctx.cast(order, 'i32');
    const toRows = ctx.argsort(order, 'asc');
    const full = e.input('f32', [patchCount, patchCount], 'mimovl_window_mask');
    const mask = e.flashAttention ? ctx.cast(full, 'f16') : full;
    const reordered = (x: Tensor, ids: Tensor): Tensor => {
      const found = ctx.getRows(ctx.reshape(x, [numbers.length * unit, units]), ids);
      return ctx.reshape(found, [numbers.length, patchCount, 1]);
    };
    const before = (x: Tensor, layer: number): Tensor => {
      const [was, is] = [modes[layer - 1] === ALONG_COLUMNS, modes[layer] === ALONG_COLUMNS];
      if (was === is) return x;
      const label = is ? 'reorder_to_col' : 'reorder_to_row';
      return e.layer(layer).named(reordered(x, is ? toColumns : toRows), label);
    };
    const recipe: LayerRecipe = {
      norm: 'rms',
      turn,
      hasSinks: true,
      mask: (layer) => (modes[layer] === FULL ? null : mask),
      labels: { normed: 'ln1', turned: '_rope' },
    };
    let rows = layers(e, image, recipe, { before });
    if (modes.at(-1) === ALONG_COLUMNS) rows = top.named(reordered(rows, toRows), 'reorder_to_row_final');
    const normed = top.named(norm(lastScope(e), 'v.post_ln', rows, 'layer', 1e-6), 'post_ln');
    const joined = ctx.reshape(normed, [numbers.length * unit, units, 1]);
    return top.named(feedForward(top, joined, { up: 'mm.0', down: 'mm.2' }, 'gelu'), 'vit_out');
  },
};

export const MIMO = { mimovl: RECIPE } satisfies Readonly<Record<string, ProjectorRecipe>>;
