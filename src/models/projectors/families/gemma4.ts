/**
 * Gemma 4: its encoder of images, and those of its unified models, which are a matrix alone.
 *
 * Invariant: order and names are those of llama.cpp's `clip_graph_gemma4v`, `clip_graph_gemma4uv` and
 * `clip_graph_gemma4ua`.
 */
import type { Tensor } from '../../../tensor/tensor.js';
import { limited, linear, type Product } from '../blocks/linear.js';
import { norm } from '../blocks/norm.js';
import { convolved, rowsOfPlanes } from '../blocks/patches.js';
import { transformer } from '../blocks/transformer.js';
import type { Encoder } from '../encoder.js';
import type { ProjectorRecipe } from '../recipe.js';

/** The column and the row of each patch. */
function places(e: Encoder): readonly [x: Tensor, y: Tensor] {
  return [e.input('i32', [e.patchCount], 'pos_x'), e.input('i32', [e.patchCount], 'pos_y')];
}

/** Rows plus the learned positions of their columns and rows, from two tables in one tensor. */
function placed({ ctx, top, numbers }: Encoder, x: Tensor, [columns, rows]: readonly [Tensor, Tensor]): Tensor {
  const table = top.weight('v.position_embd.weight');
  const [length, size] = [numbers.length, table.ne[1]];
  const found = [columns, rows].map((ids, index) =>
    ctx.getRows(ctx.view(table, [length, size], [table.nb[1]], index * size * table.nb[1]), ids),
  );
  return top.named(ctx.add(ctx.add(x, found[0]), found[1]), 'pos_embd');
}

/** Each half of a head turns by one of the two positions. */
function turned({ ctx }: Encoder, x: Tensor, positions: readonly [Tensor, Tensor]): Tensor {
  const half = Math.floor(x.ne[0] / 2);
  const [first, second] = positions.map((ids, index) => {
    const view = ctx.view(x, [half, x.ne[1], x.ne[2], 1], x.nb.slice(1), index * half * x.type.blockBytes);
    return ctx.rope(view, ids, half, { mode: 'neox', freqBase: 100 });
  });
  return ctx.concat(first, second, 0);
}

/** The mean of each square of patches. */
function pooled(e: Encoder, x: Tensor): Tensor {
  const { ctx, top, columns, rows } = e;
  const { length, merge } = e.numbers;
  const planes = ctx.cont(ctx.transpose(x), [columns, rows, length, 1]);
  const means = ctx.pool2d(planes, 'avg', merge);
  const count = Math.floor(columns / merge) * Math.floor(rows / merge);
  const tokens = ctx.cont(ctx.transpose(ctx.reshape(means, [count, length, 1])));
  return top.named(ctx.scale(tokens, Math.sqrt(length)), 'pooled');
}

function standardised({ ctx, top }: Encoder, x: Tensor): Tensor {
  const [bias, scale] = [top.optionalWeight('v.std_bias'), top.optionalWeight('v.std_scale')];
  if (bias === null || scale === null) return x;
  return top.named(ctx.mul(ctx.sub(x, bias), scale), 'std_scaled');
}

/** From an encoder's rows to those of the model. */
function embedded({ ctx, top, numbers }: Encoder, x: Tensor, part: string, product?: Product): Tensor {
  return top.named(linear(top, part, ctx.rmsNorm(x, numbers.epsilon), product), 'projected');
}

const VISION: ProjectorRecipe = {
  merge: { key: 'projector.scale_factor', otherwise: 3 },
  warmup: 16,
  build: (e) => {
    const { ctx, top } = e;
    const image = top.named(ctx.scale(e.rawInput(), 2, { bias: -1 }), 'inp_raw_scaled');
    const patches = top.named(rowsOfPlanes(e, convolved(e, image)), 'inp');
    const positions = places(e);
    const rows = transformer(e, placed(e, patches, positions), {
      norm: 'rms',
      scale: 1,
      product: limited,
      turn: (x) => turned(e, x, positions),
      values: (s, v) => s.named(ctx.rmsNorm(v, s.numbers.epsilon), 'Vcur_normed'),
    });
    return embedded(e, standardised(e, pooled(e, rows)), 'mm.input_projection', limited);
  },
};

const PATCH_EPSILON = 1e-5;

/** A patch of several: the squares are joined as pixels. */
const UNIFIED_VISION: ProjectorRecipe = {
  merge: { key: 'projector.scale_factor', otherwise: 3 },
  adjust: (numbers) => ({ ...numbers, patchSize: numbers.patchSize * numbers.merge, merge: 1 }),
  warmup: 16,
  build: (e) => {
    const { ctx, top } = e;
    const { patchSize } = e.numbers;
    const image = e.rawInput();
    // Only the shape of the kernel counts.
    const kernel = ctx.newTensor('f32', [patchSize, patchSize, 3]);
    const columns = ctx.im2col(kernel, image, 2, 'f32', { stride: patchSize });
    const pixels = ctx.reshape(columns, [columns.ne[0], columns.ne[1] * columns.ne[2]]);
    const normed = norm(top, 'v.patch_norm.1', pixels, 'layer', PATCH_EPSILON);
    const patches = ctx.add(ctx.mulMat(top.weight('v.patch_embd.weight'), normed), top.weight('v.patch_embd.bias'));
    const x = placed(e, norm(top, 'v.patch_norm.2', patches, 'layer', PATCH_EPSILON), places(e));
    return embedded(e, norm(top, 'v.patch_norm.3', x, 'layer', PATCH_EPSILON), 'mm.input_projection');
  },
};

/** Samples of each frame. */
const FRAME = 640;

const UNIFIED_AUDIO: ProjectorRecipe = {
  modality: 'audio',
  adjust: (numbers) => ({ ...numbers, binCount: FRAME, epsilon: Math.fround(1e-6) }),
  build: (e) => {
    const { ctx } = e;
    const frames = ctx.cont(ctx.permute(e.rawInput(1), [1, 0, 2, 3]));
    return embedded(e, frames, 'mm.a.input_projection');
  },
};

export const GEMMA_4 = {
  gemma4v: VISION,
  gemma4uv: UNIFIED_VISION,
  gemma4ua: UNIFIED_AUDIO,
} satisfies Readonly<Record<string, ProjectorRecipe>>;
