/**
 * Qwen2-VL, Qwen2.5-VL and Qwen3-VL.
 *
 * Invariant: order and names are those of llama.cpp's `clip_graph_qwen2vl` and `clip_graph_qwen3vl`.
 */
import type { Tensor } from '../../../tensor/tensor.js';
import { feedForward } from '../blocks/feed-forward.js';
import { layers, type LayerLabels } from '../blocks/layers.js';
import { norm, type NormKind } from '../blocks/norm.js';
import { framedPatches, inSquares, withPatchBias } from '../blocks/patches.js';
import { scaledPositions, turnByPatch } from '../blocks/positions.js';
import { lastScope, postNorm, preNorm } from '../blocks/transformer.js';
import { windows } from '../blocks/windows.js';
import type { Encoder } from '../encoder.js';
import type { ProjectorRecipe } from '../recipe.js';

const LABELS: LayerLabels = { normed: 'ln1', turned: '_rope' };
/** Patches that become one token. */
const FOUR = 4;

const COMMON = { merge: { key: 'spatial_merge_size', otherwise: 2 }, warmup: 46 } as const;

/** Attention within windows in all layers but each `n_wa_pattern`th, if the file says so. */
function qwen2(kind: NormKind, hasPattern: boolean): ProjectorRecipe {
  return {
    ...COMMON,
    build: (e) => {
      const image = framedPatches(e);
      const pattern = e.reader.integer('vision.n_wa_pattern', hasPattern ? undefined : 0);
      const turn = turnByPatch(e);
      const windowed = pattern > 0 ? windows(e) : null;
      const start = preNorm(e, image, kind, null);
      const mask = (layer: number): Tensor | null => ((layer + 1) % pattern === 0 ? null : windowed!.mask);
      const rows = layers(e, windowed === null ? start : windowed.gather(start), {
        ...{ norm: kind, turn, labels: LABELS },
        mask: windowed === null ? undefined : mask,
      });
      const tokens = projected(e, postNorm(e, rows, kind, lastScope(e)));
      if (windowed === null) return tokens;
      const { projectionLength } = e.numbers;
      return e.ctx.reshape(windowed.scatter(tokens, projectionLength), [projectionLength, e.patchCount / FOUR, 1]);
    },
  };
}

/** Four rows become one, and pass a network. */
function projected(e: Encoder, x: Tensor): Tensor {
  const joined = e.ctx.reshape(x, [e.numbers.length * FOUR, Math.floor(e.patchCount / FOUR), 1]);
  return feedForward(e.top, joined, { up: 'mm.0', down: 'mm.2' }, 'gelu');
}

/** Some layers give a further part of each token. */
const QWEN3: ProjectorRecipe = {
  ...COMMON,
  build: (e) => {
    const { ctx, top, numbers } = e;
    const image = withPatchBias(e, framedPatches(e));
    const positions = inSquares(e, scaledPositions(e, { mode: 'bilinear', alignCorners: true }));
    const placed = top.named(ctx.add(image, positions), 'inp_pos_emb');
    const turn = turnByPatch(e);
    const parts: Tensor[] = [];
    const after = (rows: Tensor, layer: number): void => {
      const s = e.layer(layer, 'v.deepstack').called(`-${layer}`);
      if (s.optionalWeight('fc1.weight') === null) return;
      const joined = ctx.reshape(rows, [numbers.length * numbers.merge ** 2, e.patchCount / numbers.merge ** 2, 1]);
      parts.push(feedForward(s, norm(s, 'norm', joined, 'layer'), { up: 'fc1', down: 'fc2' }, 'gelu'));
    };
    const recipe = { norm: 'layer', turn, labels: LABELS } as const;
    const rows = layers(e, preNorm(e, placed, 'layer', null), recipe, { after });
    const tokens = projected(e, postNorm(e, rows, 'layer', lastScope(e)));
    if (parts.length === 0) return tokens;
    return ctx.concat(
      tokens,
      parts.reduce((all, part) => ctx.concat(all, part, 0)),
      0,
    );
  },
};

export const QWEN_VL = {
  qwen2vl_merger: qwen2('layer', false),
  'qwen2.5vl_merger': qwen2('rms', true),
  qwen3vl_merger: QWEN3,
  // EXAONE 4.5 has the encoder of Qwen2.5-VL with fewer heads of keys and values.
  exaone4_5: qwen2('rms', false),
} satisfies Readonly<Record<string, ProjectorRecipe>>;
