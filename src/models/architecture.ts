/**
 * The interface of an architecture: how to read its description, and how to build its forward pass.
 */
import type { GraphRoom } from './graph-limit.js';
import type { Hyperparameters } from './hyperparameters.js';
import type { MetadataReader } from './metadata-reader.js';
import type { ModelBuilder } from './model-builder.js';

export interface Architecture<H extends Hyperparameters = Hyperparameters> {
  /** How large llama.cpp lets its graphs be. Default: as large as most. */
  readonly graphRoom?: GraphRoom | undefined;
  /** @throws PlannerError `BAD_MODEL` */
  readonly read: (reader: MetadataReader) => H;
  /** Adds the whole forward pass to the builder's graph. @throws PlannerError `BAD_MODEL` */
  readonly build: (m: ModelBuilder<H>) => void;
  /**
   * As `build`, of the layers alone that predict further tokens. Default: llama.cpp has no graph of them, and builds the
   * whole model in their context.
   */
  readonly predict?: ((m: ModelBuilder<H>) => void) | undefined;
  /** Whether all layers predict further tokens, so that the model is the same in their context. Default false. */
  readonly isPredictor?: boolean;
}
