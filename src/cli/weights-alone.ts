/**
 * A model whose file can be read and whose graph cannot be understood: what is left to say of it.
 */
import type { PlannerError } from '../errors.js';
import type { UnknownModel } from '../report/measured-file.js';

/** A model of which only the weights are known, and why. */
export class WeightsAlone extends Error {
  /** Bytes. */
  readonly weights: number;

  constructor(weights: number, { message }: PlannerError) {
    super(message);
    this.weights = weights;
  }
}

/** What is known all the same. @throws whatever is no {@link WeightsAlone} */
export function weightsAlone(error: unknown): { readonly weightsAlone: Omit<UnknownModel, 'file'> } {
  if (!(error instanceof WeightsAlone)) throw error;
  return { weightsAlone: { unknownArchitecture: null, reason: error.message, weights: error.weights } };
}
