/**
 * How an architecture normalises rows.
 */
import type { Presence } from './presence.js';

export interface NormRecipe {
  /** `rms`: by the root mean square; `layer`: to mean 0 and deviation 1. */
  readonly kind: 'rms' | 'layer';
  /** Default: required. */
  readonly weight?: Presence;
  /** Default: none. */
  readonly bias?: Presence;
}

export interface NormHyperparameters extends Required<NormRecipe> {
  readonly epsilon: number;
}
