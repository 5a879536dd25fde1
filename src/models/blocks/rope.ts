/**
 * Rotary position embedding, and the factors that stretch it to long contexts.
 */
import type { RopeOptions } from '../../dialects/ggml/ops/attention.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { Layer } from '../model-builder.js';
import { ropeSettings } from '../rope-scaling.js';

/**
 * Divisors of the frequencies that a file may have: `plain`, one list; `long`, one list for short and one for long
 * contexts; `by-scaling`: `long` if the file says that positions are stretched by LongRope, else `plain`.
 */
export type FrequencyFactors = 'none' | 'plain' | 'long' | 'by-scaling';

/** Turns queries or keys by their tokens' positions. */
export function turn(s: Layer, heads: Tensor, positions: Tensor, options: RopeOptions = {}): Tensor {
  const { ropeLength, isWindowed } = s.heads;
  const settings = ropeSettings(s.hp.rope, isWindowed);
  return s.ctx.rope(heads, positions, ropeLength, Object.assign(settings, options));
}

/** The divisors of the frequencies of a layer; null if there are none. All layers share the lists of the first. */
export function frequencyFactors(s: Layer, kind: FrequencyFactors): Tensor | null {
  if (kind === 'none') return null;
  const { model, hp, source } = s;
  const isLong = kind === 'long' || (kind === 'by-scaling' && hp.rope.isLong);
  const length = Math.max(...hp.attention.layers.map(({ ropeLength }) => ropeLength));
  const find = (name: string): Tensor | null =>
    model.top.optionalWeight(`${name}.weight`, [Math.floor(length / 2)], source);
  if (!isLong) return find('rope_freqs');
  const [short, long] = [find('rope_factors_short'), find('rope_factors_long')];
  return model.run.sequenceContext > hp.rope.originalContext ? long : short;
}
