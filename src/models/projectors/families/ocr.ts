/**
 * dots.ocr and PaddleOCR-VL.
 *
 * Invariant: order and names are those of llama.cpp's `clip_graph_dotsocr` and `clip_graph_paddleocr`.
 */
import { feedForward } from '../blocks/feed-forward.js';
import { mergeSquares } from '../blocks/merge.js';
import { norm, normedBy } from '../blocks/norm.js';
import { patchRows } from '../blocks/patches.js';
import { scaledPositions, turnByPatch } from '../blocks/positions.js';
import { transformer } from '../blocks/transformer.js';
import type { ProjectorRecipe } from '../recipe.js';

const DOTS: ProjectorRecipe = {
  merge: { key: 'projector.scale_factor' },
  warmup: 46,
  build: (e) => {
    const { top } = e;
    const rows = transformer(e, patchRows(e), {
      norm: 'rms',
      turn: turnByPatch(e),
      conclude: (x) => normedBy(top, x, ['mm.post_norm.weight', null], 'rms'),
    });
    const normed = norm(top, 'mm.input_norm', top.named(rows, 'vit_out'), 'layer', 1e-6);
    const squares = top.named(mergeSquares(e, normed), 'after_patch_merger');
    return top.named(feedForward(top, squares, { up: 'mm.0', down: 'mm.2' }, 'gelu_erf'), 'after_projector');
  },
};

const PADDLE: ProjectorRecipe = {
  merge: { otherwise: 2 },
  warmup: 28,
  build: (e) => {
    const { top, numbers } = e;
    const recipe = { norm: 'layer', positions: scaledPositions(e), turn: turnByPatch(e) } as const;
    const rows = top.named(transformer(e, patchRows(e), recipe), 'vit_out');
    const squares = mergeSquares(e, norm(top, 'mm.input_norm', rows, 'layer', 1e-5));
    return top.named(feedForward(top, squares, { up: 'mm.1', down: 'mm.2' }, numbers.activation), 'mlp_out');
  },
};

export const OCR = { dots_ocr: DOTS, paddleocr: PADDLE } satisfies Readonly<Record<string, ProjectorRecipe>>;
