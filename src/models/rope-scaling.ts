/**
 * How a model turns its heads with the position, from the keys `rope.*`.
 *
 * The settings equal those that llama.cpp's context derives, YaRN's attention factor included. They change no byte of
 * memory, but make the graph equal to llama.cpp's.
 */
import type { RopeOptions } from '../dialects/ggml/ops/attention.js';
import type { MetadataReader } from './metadata-reader.js';

const SCALING_TYPES = ['none', 'linear', 'yarn', 'longrope'];

/** How positions are stretched. @throws PlannerError `BAD_MODEL` */
export function readScalingType(reader: MetadataReader): string {
  const key = 'rope.scaling.type';
  const type = reader.text(key, 'linear');
  return SCALING_TYPES.includes(type) ? type : reader.refuse(key, `one of ${SCALING_TYPES.join(', ')}`);
}

/** @throws PlannerError `BAD_MODEL` */
export function readRope(reader: MetadataReader, contextLength: number): RopeOptions {
  const type = readScalingType(reader);
  const factor = reader.number('rope.scaling.factor', reader.number('rope.scale_linear', 0));
  const freqScale = factor === 0 || type === 'none' ? 1 : 1 / factor;
  const isYarn = type === 'yarn';
  return {
    freqBase: reader.number('rope.freq_base', 10000),
    freqScale,
    originalContext: reader.integer('rope.scaling.original_context_length', contextLength),
    extFactor: isYarn ? 1 : 0,
    attnFactor: reader.number('rope.scaling.attn_factor', 1) * (isYarn ? yarnAttention(reader, freqScale) : 1),
    betaFast: reader.number('rope.scaling.yarn_beta_fast', 32),
    betaSlow: reader.number('rope.scaling.yarn_beta_slow', 1),
  };
}

/** YaRN's factor of attention, without the part that the ROPE operation itself multiplies by. */
function yarnAttention(reader: MetadataReader, freqScale: number): number {
  const stretch = 1 / freqScale;
  const grow = (weight: number): number => (stretch <= 1 ? 1 : 0.1 * weight * Math.log(stretch) + 1);
  const all = yarnLogMultiplier(reader);
  const one = reader.architecture === 'deepseek2' && all !== 1 ? all : 1;
  return (all === 0 ? grow(1) : grow(one) / grow(all)) / (1 + 0.1 * Math.log(stretch));
}

/** YaRN's multiplier of the logarithm. Only DeepSeek's attention reads it; its converter stores a tenth of it. */
export function yarnLogMultiplier(reader: MetadataReader): number {
  return reader.architecture === 'deepseek2' ? reader.number('rope.scaling.yarn_log_multiplier', 0) / 0.1 : 0;
}
