/**
 * The vision transformer that most projectors begin with, as llama.cpp's `build_vit`.
 */
import type { Tensor } from '../../../tensor/tensor.js';
import type { Encoder } from '../encoder.js';
import { layers, type LayerRecipe } from './layers.js';
import { norm, type NormKind } from './norm.js';

export interface TransformerRecipe extends LayerRecipe {
  /** Learned positions, added to the rows. Default: none. */
  readonly positions?: Tensor | null;
  /** What happens to the rows behind the layers, ahead of the last norm. Default: nothing. */
  readonly conclude?: (rows: Tensor) => Tensor;
}

/** The rows `[length, rows, images]` behind all layers and the norm at the end. */
export function transformer(e: Encoder, x: Tensor, recipe: TransformerRecipe): Tensor {
  const { ctx, top, numbers } = e;
  const { positions = null, conclude = (rows: Tensor): Tensor => rows } = recipe;
  const placed = positions === null ? x : top.named(ctx.add(x, positions), 'pos_embed');
  const flat = ctx.reshape(placed, [numbers.length, x.ne[1] * x.ne[2]]);
  const rows = conclude(layers(e, preNorm(e, flat, recipe.norm, 'pre_ln'), recipe));
  const normed = postNorm(e, rows, recipe.norm);
  return ctx.reshape(normed, [numbers.length, normed.ne[1], 1]);
}

/** The norm ahead of the layers, if the file has one. @param label null: the name of its last step stays */
export function preNorm(e: Encoder, x: Tensor, kind: NormKind, label: string | null): Tensor {
  const { top, numbers } = e;
  const part = `${numbers.prefix}.pre_ln`;
  if (top.optionalWeight(`${part}.weight`) === null) return x;
  const normed = norm(top, part, x, kind);
  return label === null ? normed : top.named(normed, label);
}

/** The norm behind the layers, if the file has one. */
export function postNorm(e: Encoder, x: Tensor, kind: NormKind, scope = e.top): Tensor {
  const part = `${e.numbers.prefix}.post_ln`;
  return scope.optionalWeight(`${part}.weight`) === null ? x : norm(scope, part, x, kind);
}

/** The scope in which llama.cpp names what comes behind the last layer. */
export function lastScope(e: Encoder): Encoder['top'] {
  return e.top.called(`-${e.numbers.layerCount}`);
}
