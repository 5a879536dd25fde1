/**
 * How an architecture normalises rows.
 */
import type { Presence } from './presence.js';

export interface NormRecipe {
  /** `rms`: by the root mean square; `layer`: to mean 0 and deviation 1. */
  readonly kind: 'rms' | 'layer';
  /** What is added to the mean square or the variance. Default: as the file says. */
  readonly epsilon?: number;
  /** Default: required. */
  readonly weight?: Presence;
  /** Default: none. */
  readonly bias?: Presence;
}

export type NormHyperparameters = Required<NormRecipe>;
