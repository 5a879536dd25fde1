/**
 * Rotary position embedding, and the factors that stretch it to long contexts.
 */
import type { RopeOptions } from '../../graph/ops/attention.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { Scope } from '../model-builder.js';

/** Turns queries or keys by their tokens' positions. */
export function turn(s: Scope, heads: Tensor, positions: Tensor, options: RopeOptions = {}): Tensor {
  return s.ctx.rope(heads, positions, s.hp.ropeLength, { ...s.hp.rope, ...options });
}

/** Divisors of the frequencies, shared by all layers: one list, or one for short and one for long contexts (LongRope). */
export function ropeFactors({ model, hp }: Scope): Tensor | null {
  const { top, run } = model;
  const ne = [hp.ropeLength / 2];
  const isLong = run.sequenceContext > hp.originalContextLength;
  return (
    top.optionalWeight('rope_freqs.weight', ne) ??
    top.optionalWeight(isLong ? 'rope_factors_long.weight' : 'rope_factors_short.weight', ne)
  );
}
