/**
 * Youtu-VL, whose patches are cut out without a convolution.
 *
 * Invariant: order and names are those of llama.cpp's `clip_graph_youtuvl`.
 */
import type { Tensor } from '../../../tensor/tensor.js';
import { feedForward } from '../blocks/feed-forward.js';
import { layers } from '../blocks/layers.js';
import { normedBy } from '../blocks/norm.js';
import { withBias } from '../blocks/linear.js';
import { turnByPatch } from '../blocks/positions.js';
import { lastScope, postNorm, preNorm } from '../blocks/transformer.js';
import { windows } from '../blocks/windows.js';
import type { Encoder } from '../encoder.js';
import type { ProjectorRecipe } from '../recipe.js';

/** Patches along one side of a token. */
const SIDE = 2;

/** Pixels of each patch as a row, squares of four patches one after the other, times a matrix. */
function patches(e: Encoder): Tensor {
  const { ctx, top, patchCount } = e;
  const { length, patchSize } = e.numbers;
  const [width, height] = [e.columns, e.rows].map((count) => Math.floor(count / SIDE));
  const side = SIDE * patchSize;
  const image = ctx.reshape(e.rawInput(), [width * side, side, height, 3]);
  let x = ctx.cont(ctx.permute(image, [1, 2, 3, 0]), [side * 3, width, side, height]);
  x = ctx.cont(ctx.permute(x, [0, 2, 1, 3]), [side * 3, patchSize, SIDE, height * width]);
  x = ctx.cont(ctx.permute(x, [1, 0, 2, 3]), [patchSize, 3, patchSize, height * width * SIDE ** 2]);
  x = ctx.cont(ctx.permute(x, [2, 0, 1, 3]), [3 * patchSize ** 2, height * width * SIDE ** 2, 1]);
  const rows = withBias(top, 'v.patch_embd', ctx.mulMat(top.weight('v.patch_embd.weight'), x));
  return ctx.reshape(rows, [length, patchCount]);
}

const RECIPE: ProjectorRecipe = {
  merge: { key: 'spatial_merge_size', otherwise: SIDE },
  warmup: 16,
  build: (e) => {
    const { ctx, top, numbers, patchCount } = e;
    const whole = e.reader.integers('vision.wa_layer_indexes') ?? [];
    const start = preNorm(e, patches(e), 'layer', null);
    const turn = turnByPatch(e);
    const windowed = whole.length > 0 ? windows(e) : null;
    const mask = (layer: number): Tensor | null => (whole.includes(layer) ? null : windowed!.mask);
    const x = layers(e, windowed === null ? start : windowed.gather(start), {
      ...{ norm: 'layer', turn, labels: null },
      mask: windowed === null ? undefined : mask,
    });
    let rows = x;
    if (windowed !== null) {
      const ordered = windowed.scatter(x, numbers.length * SIDE ** 2);
      rows = top.named(ctx.reshape(ordered, [numbers.length, patchCount, 1]), 'window_order_restored');
    }
    const behind = postNorm(e, rows, 'layer', lastScope(e));
    const normed = top.named(normedBy(top, behind, ['mm.input_norm.weight', null], 'rms', 1e-6), 'merger_normed');
    const squares = ctx.reshape(normed, [numbers.length * SIDE ** 2, Math.floor(patchCount / SIDE ** 2), 1]);
    return feedForward(top, top.named(squares, 'merger_reshaped'), { up: 'mm.0', down: 'mm.2' }, 'gelu');
  },
};

export const YOUTU = { youtuvl: RECIPE } satisfies Readonly<Record<string, ProjectorRecipe>>;
