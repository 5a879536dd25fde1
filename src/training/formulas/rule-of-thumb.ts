/**
 * The rule of thumb of articles on fine-tuning: a few bytes for each parameter, and nothing for activations. In half
 * precision a model of X parameters takes 2X bytes to run, 4X with gradients, 8X with the two states of AdamW.
 */
import { atLeast, checkFields, optional, type FieldRules } from './fields.js';

/** What the rule of thumb asks for. */
export interface RuleOfThumbInput {
  /** Parameters of the model. */
  readonly parameters: number;
  /** Parameters that are trained, and so have a gradient and optimiser states. Default: all. */
  readonly trainable?: number;
  /** Bytes of one element: 2 in half precision, 4 in single precision. Default 2. */
  readonly elementBytes?: number;
  /** Numbers that the optimiser keeps for a parameter: 0 of SGD, 1 with momentum, 2 of AdamW. Default 2. */
  readonly statesPerParameter?: number;
}

const FIELDS: FieldRules<RuleOfThumbInput> = {
  parameters: atLeast(0),
  trainable: optional(0),
  elementBytes: optional(1),
  statesPerParameter: optional(0),
};

/**
 * Parameters, gradients and optimiser states by the rule of thumb, in bytes: `elementBytes` for each number. O(1).
 *
 * @throws PlannerError `BAD_ARGUMENT`
 * @example
 * ```ts
 * import { ruleOfThumb } from 'tensor-arena/training';
 * console.log(ruleOfThumb({ parameters: 7e9 })); // 56e9: eight bytes a parameter
 * ```
 */
export function ruleOfThumb(input: RuleOfThumbInput): number {
  checkFields(input, FIELDS);
  const { parameters, trainable = parameters, elementBytes = 2, statesPerParameter = 2 } = input;
  return elementBytes * (parameters + trainable * (1 + statesPerParameter));
}
