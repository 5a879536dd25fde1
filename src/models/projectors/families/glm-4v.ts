/**
 * GLM-4V and GLM-OCR.
 *
 * Invariant: order and names are those of llama.cpp's `clip_graph_glm4v`.
 */
import type { Tensor } from '../../../tensor/tensor.js';
import { feedForward } from '../blocks/feed-forward.js';
import { norm } from '../blocks/norm.js';
import { framedPatches, inSquares } from '../blocks/patches.js';
import { scaledPositions, turnByPatch } from '../blocks/positions.js';
import { transformer } from '../blocks/transformer.js';
import type { Encoder } from '../encoder.js';
import type { ProjectorRecipe } from '../recipe.js';

/** GLM-OCR has no learned positions. */
function positions(e: Encoder): Tensor | null {
  if (e.top.optionalWeight('v.position_embd.weight') === null) return null;
  return e.top.named(inSquares(e, scaledPositions(e, { mode: 'bicubic' })), 'learned_pos_embd');
}

/** A convolution over each square of patches. */
function merged(e: Encoder, x: Tensor): Tensor {
  const { ctx, top, patchCount } = e;
  const { length, merge } = e.numbers;
  const count = Math.floor(patchCount / merge ** 2);
  const squares = ctx.cont(ctx.permute(ctx.reshape(x, [length, merge, merge, count]), [2, 0, 1, 3]));
  const convolved = ctx.conv2d(top.weight('mm.patch_merger.weight'), squares, { stride: merge });
  return ctx.add(ctx.reshape(convolved, [convolved.ne[2], count]), top.weight('mm.patch_merger.bias'));
}

const RECIPE: ProjectorRecipe = {
  merge: { key: 'spatial_merge_size', otherwise: 2 },
  warmup: 46,
  build: (e) => {
    const { ctx, top, numbers } = e;
    const image = framedPatches(e);
    const biased = top.named(ctx.add(image, top.weight('v.patch_embd.bias')), 'patch_bias');
    const normed = norm(top, 'v.norm_embd', biased, 'rms');
    const recipe = { norm: 'rms', positions: positions(e), turn: turnByPatch(e) } as const;
    const rows = merged(e, top.named(transformer(e, normed, recipe), 'vit_out'));
    const product = ctx.mulMat(top.weight('mm.model.fc.weight'), rows);
    const active = ctx.geluErf(norm(top, 'mm.post_norm', product, 'layer', 1e-5));
    const parts = { up: 'mm.up', gate: 'mm.gate', down: 'mm.down' };
    const tokens = feedForward(top, top.named(active, 'after_fc_proj'), parts, numbers.activation);
    return top.named(tokens, 'after_ffn_proj');
  },
};

export const GLM_4V = { glm4v: RECIPE } satisfies Readonly<Record<string, ProjectorRecipe>>;
