/**
 * How a model turns its heads with the position, from the keys `rope.*`.
 *
 * The settings equal those that llama.cpp's context derives, YaRN's attention factor included. They change no byte of
 * memory, but make the graph equal to llama.cpp's.
 */
import type { RopeMode, RopeOptions } from '../dialects/ggml/ops/attention.js';
import type { MetadataReader } from './metadata-reader.js';

const SCALING_TYPES = ['none', 'linear', 'yarn', 'longrope'];

export interface RopeHyperparameters {
  readonly mode: RopeMode;
  readonly freqBase: number;
  readonly freqScale: number;
  /** What differs in layers with a sliding window; null: nothing. */
  readonly windowed: WindowedTurns | null;
  /** Tokens that the model was trained on before its context was stretched. */
  readonly originalContext: number;
  /** Whether frequencies have divisors of their own for short and for long contexts. */
  readonly isLong: boolean;
  /** How much of the turn follows YaRN; 0: none. */
  readonly yarnShare: number;
  /** Factor of the heads' length that the file gives besides YaRN's own. */
  readonly fileFactor: number;
  readonly betaFast: number;
  readonly betaSlow: number;
  /** YaRN's multiplier of the logarithm of the stretch; 0: none. */
  readonly logMultiplier: number;
  /** YaRN's multiplier in the factor of attention, where `logMultiplier` cancels it. */
  readonly attentionMultiplier: number;
  /** How many pairs turn with each of a token's four positions; null: a token has one position. */
  readonly sections: readonly [number, number, number, number] | null;
}

/** Base and scale in layers with a sliding window, and whether YaRN's other settings hold there. */
export interface WindowedTurns {
  readonly freqBase: number;
  readonly freqScale: number;
  readonly hasYarn: boolean;
}

/** What llama.cpp reads of every model. @throws PlannerError `BAD_MODEL` */
export function readRope(reader: MetadataReader, contextLength: number): RopeHyperparameters {
  const type = reader.text('rope.scaling.type', 'linear');
  if (!SCALING_TYPES.includes(type)) reader.refuse('rope.scaling.type', `one of ${SCALING_TYPES.join(', ')}`);
  const factor = reader.number('rope.scaling.factor', reader.number('rope.scale_linear', 0));
  return {
    mode: 'normal',
    freqBase: reader.number('rope.freq_base', 10000),
    freqScale: factor === 0 || type === 'none' ? 1 : 1 / factor,
    windowed: null,
    originalContext: reader.integer('rope.scaling.original_context_length', contextLength),
    isLong: type === 'longrope',
    yarnShare: type === 'yarn' ? 1 : 0,
    fileFactor: reader.number('rope.scaling.attn_factor', 1),
    betaFast: 32,
    betaSlow: 1,
    logMultiplier: 0,
    attentionMultiplier: 1,
    sections: null,
  };
}

/** With YaRN's limits as some architectures read them. @throws PlannerError `BAD_MODEL` */
export function withYarnLimits(reader: MetadataReader, rope: RopeHyperparameters, betaFast = 32): RopeHyperparameters {
  return {
    ...rope,
    betaFast: reader.number('rope.scaling.yarn_beta_fast', betaFast),
    betaSlow: reader.number('rope.scaling.yarn_beta_slow', 1),
  };
}

/** How many positions the heads of a token turn with. */
export function positionsPerToken({ mode }: RopeHyperparameters): 1 | 4 {
  return mode === 'mrope' || mode === 'imrope' ? 4 : 1;
}

/** Checks a list of positions that an architecture reads but does not use. @throws PlannerError `BAD_MODEL` */
export function withCheckedSections<H>(hp: H, reader: MetadataReader): H {
  if (reader.has('rope.dimension_sections')) reader.sections();
  return hp;
}

/** YaRN's settings of the rotation in a layer. */
export function ropeSettings(rope: RopeHyperparameters, isWindowed: boolean): RopeOptions {
  const windowed = isWindowed ? rope.windowed : null;
  const { freqBase, freqScale } = windowed ?? rope;
  const hasYarn = windowed?.hasYarn ?? true;
  const { mode, sections, originalContext, yarnShare, betaFast, betaSlow } = rope;
  const extFactor = hasYarn ? yarnShare : 0;
  const attnFactor = hasYarn ? attentionFactor(rope) : 1;
  return { freqBase, freqScale, originalContext, extFactor, betaFast, betaSlow, mode, sections, attnFactor };
}

/** YaRN's factor of attention, without the part that the ROPE operation itself multiplies by. */
export function attentionFactor(rope: RopeHyperparameters): number {
  const { yarnShare, freqScale, fileFactor, logMultiplier: all, attentionMultiplier: one } = rope;
  if (yarnShare === 0) return fileFactor;
  const stretch = 1 / freqScale;
  const grow = (weight: number): number => (stretch <= 1 ? 1 : 0.1 * weight * Math.log(stretch) + 1);
  return (fileFactor * (all === 0 ? grow(1) : grow(one) / grow(all))) / (1 + 0.1 * Math.log(stretch));
}
