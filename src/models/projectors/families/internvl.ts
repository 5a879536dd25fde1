/**
 * InternVL.
 *
 * Invariant: order and names are those of llama.cpp's `clip_graph_internvl`.
 */
import type { Tensor } from '../../../tensor/tensor.js';
import { feedForward } from '../blocks/feed-forward.js';
import { norm } from '../blocks/norm.js';
import { patchRows } from '../blocks/patches.js';
import { transformer } from '../blocks/transformer.js';
import type { Encoder } from '../encoder.js';
import type { EncoderNumbers } from '../numbers.js';
import type { ProjectorRecipe } from '../recipe.js';

const PROJECTOR_EPSILON = 1e-5;

/** The encoder of six billion weights differs from the others in its norms. */
function isLarge({ length, layerCount }: EncoderNumbers): boolean {
  return length === 3200 && layerCount === 45;
}

/** Squares of patches become one row. */
function shuffled(e: Encoder, x: Tensor): Tensor {
  const { ctx, columns, rows } = e;
  const { length, merge } = e.numbers;
  const [width, height] = [Math.floor(columns / merge), Math.floor(rows / merge)];
  const joined = ctx.permute(ctx.reshape(x, [length * merge, height, columns, 1]), [0, 2, 1, 3]);
  const squares = ctx.permute(ctx.cont(joined, [length * merge ** 2, height, width, 1]), [0, 2, 1, 3]);
  return ctx.cont(squares, [squares.ne[0], squares.ne[1] * squares.ne[2], 1]);
}

const INTERNVL_RECIPE: ProjectorRecipe = {
  merge: { key: 'projector.scale_factor', otherwise: 1 },
  build: (e) => {
    const { ctx, top, numbers, patchCount } = e;
    const image = patchRows(e);
    const ofClass = top.weight('v.class_embd');
    const joined = ctx.concat(image, ctx.repeat(ofClass, [ofClass.ne[0], 1, 1, 1]), 1);
    const positions = top.weight('v.position_embd.weight');
    const rows = transformer(e, joined, { norm: isLarge(numbers) ? 'rms' : 'layer', positions });
    const patches = ctx.cont(ctx.view(rows, [numbers.length, patchCount, 1], [rows.nb[1], rows.nb[2]]));
    const normed = norm(top, 'mm.model.mlp.0', shuffled(e, patches), 'layer', PROJECTOR_EPSILON);
    return feedForward(top, normed, { up: 'mm.model.mlp.1', down: 'mm.model.mlp.3' }, 'gelu');
  },
};

export const INTERNVL = { internvl: INTERNVL_RECIPE } satisfies Readonly<Record<string, ProjectorRecipe>>;
