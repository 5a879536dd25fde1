/**
 * Rotary positions beyond the context that a model was trained on, by the method YaRN: what is the same for all pairs.
 */
import type { Settings } from './settings.js';

/** How the angles of pairs are mixed from interpolated and extrapolated ones. */
export interface YarnRamp {
  /** Pairs up to here are extrapolated as far as the setting `extFactor` says. */
  readonly low: number;
  /** Pairs from here on are interpolated. */
  readonly high: number;
  /** The length of every pair, which compensates for the mix. */
  readonly length: number;
}

export function yarnRamp(settings: Settings): YarnRamp {
  const length = settings.number('attnFactor');
  if (settings.number('extFactor') === 0) return { low: 0, high: 1, length };
  return {
    low: Math.max(0, Math.floor(correctedDim(settings, settings.number('betaFast')))),
    high: Math.min(settings.number('dims') - 1, Math.ceil(correctedDim(settings, settings.number('betaSlow')))),
    length: length * (1 + 0.1 * Math.log(1 / settings.number('freqScale'))),
  };
}

function correctedDim(settings: Settings, turns: number): number {
  const original = settings.number('originalContext');
  const pairs = settings.number('dims') * Math.log(original / (turns * 2 * Math.PI));
  return pairs / (2 * Math.log(settings.number('freqBase')));
}
