/**
 * The model whose tokens a draft guesses, as the draft finds it.
 */
import type { Hyperparameters } from './hyperparameters.js';
import type { ModelMemory } from './memory/model-memory.js';
import type { Weights } from './weights.js';

export interface Target {
  readonly weights: Weights;
  /** Read when a draft asks for it: most drafts share weights alone. @throws PlannerError as for a model */
  readonly running: () => RunningTarget;
}

/** A target with the memory that it keeps between runs. */
export interface RunningTarget {
  readonly hp: Hyperparameters;
  readonly memory: ModelMemory;
}
