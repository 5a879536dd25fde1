/**
 * Rotary position embedding, and the factors that stretch it to long contexts.
 */
import type { RopeOptions } from '../../dialects/ggml/ops/attention.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { Scope } from '../model-builder.js';

/** Turns queries or keys by their tokens' positions. */
export function turn(s: Scope, heads: Tensor, positions: Tensor, options: RopeOptions = {}): Tensor {
  return s.ctx.rope(heads, positions, s.hp.ropeLength, { ...s.hp.rope, ...options });
}

/** Divisors of the frequencies, shared by all layers, if the file has them. */
export function ropeFactors({ model, hp, layer }: Scope): Tensor | null {
  return model.top.optionalWeight('rope_freqs.weight', [Math.floor(hp.ropeLength / 2)], layer);
}

/** As {@link ropeFactors}, one list for short and one for long contexts (LongRope). */
export function longRopeFactors({ model, hp, layer }: Scope): Tensor | null {
  const { top, run } = model;
  const ne = [Math.floor(hp.ropeLength / 2)];
  const short = top.optionalWeight('rope_factors_short.weight', ne, layer);
  const long = top.optionalWeight('rope_factors_long.weight', ne, layer);
  return run.sequenceContext > hp.originalContextLength ? long : short;
}
