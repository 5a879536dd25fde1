/**
 * Projectors behind a SigLIP: Gemma 3, Idefics3 and SmolVLM, LFM2-VL, Janus-Pro and Phi-4.
 *
 * Invariant: order and names are those of llama.cpp's `clip_graph_siglip`.
 */
import type { Tensor } from '../../../tensor/tensor.js';
import { feedForward } from '../blocks/feed-forward.js';
import { linear } from '../blocks/linear.js';
import { mergeSquares } from '../blocks/merge.js';
import { patchRows } from '../blocks/patches.js';
import { scaledPositions } from '../blocks/positions.js';
import { transformer } from '../blocks/transformer.js';
import type { Encoder } from '../encoder.js';
import type { ProjectorRecipe } from '../recipe.js';

type Rest = Pick<ProjectorRecipe, 'merge' | 'warmup'>;

/** @param hasScaledPositions whether learned positions are scaled to the image */
function siglip(project: (e: Encoder, x: Tensor) => Tensor, rest: Rest, hasScaledPositions = false): ProjectorRecipe {
  return {
    ...rest,
    build: (e) => {
      const image = patchRows(e);
      const positions = hasScaledPositions ? scaledPositions(e) : e.top.optionalWeight('v.position_embd.weight');
      return project(e, transformer(e, image, { norm: 'layer', positions }));
    },
  };
}

const SCALE_FACTOR = 'projector.scale_factor';

/** Squares of patches become one token, the mean of their rows. */
const GEMMA_3 = siglip(
  (e, x) => {
    const { ctx, top, numbers, columns } = e;
    const { length, merge } = numbers;
    const planes = ctx.cont(ctx.transpose(x), [columns, columns, length, 1]);
    const pooled = ctx.pool2d(planes, 'avg', merge);
    const rows = ctx.cont(ctx.transpose(ctx.reshape(pooled, [pooled.ne[0] ** 2, length, 1])));
    const normed = ctx.mul(ctx.rmsNorm(rows, numbers.epsilon), top.weight('mm.soft_emb_norm.weight'));
    return ctx.mulMat(ctx.cont(ctx.transpose(top.weight('mm.input_projection.weight'))), normed);
  },
  { merge: { key: SCALE_FACTOR, otherwise: 4 } },
);

const IDEFICS_3 = siglip((e, x) => linear(e.top, 'mm.model.fc', mergeSquares(e, x)), {
  merge: { key: SCALE_FACTOR, otherwise: 1 },
});

const LFM_2 = siglip(
  (e, x) => {
    const { ctx, top } = e;
    let rows = mergeSquares(e, x);
    const weight = top.optionalWeight('mm.input_norm.weight');
    if (weight !== null) rows = ctx.mul(ctx.norm(rows, 1e-5), weight);
    const bias = top.optionalWeight('mm.input_norm.bias');
    if (bias !== null) rows = ctx.add(rows, bias);
    return feedForward(top, rows, { up: 'mm.1', down: 'mm.2' }, 'gelu');
  },
  { merge: { key: SCALE_FACTOR, otherwise: 1 }, warmup: 16 },
  true,
);

const JANUS_PRO = siglip((e, x) => feedForward(e.top, x, { up: 'mm.0', down: 'mm.1' }, e.numbers.activation), {});

const PHI_4 = siglip((e, x) => feedForward(e.top, x, { up: 'mm.0', down: 'mm.2' }, 'gelu'), { warmup: 16 }, true);

export const SIGLIP = {
  gemma3: GEMMA_3,
  idefics3: IDEFICS_3,
  lfm2: LFM_2,
  janus_pro: JANUS_PRO,
  phi4: PHI_4,
} satisfies Readonly<Record<string, ProjectorRecipe>>;
