/**
 * The table of all rules of differentiation, by the operation's row.
 */
import type { Operation } from '../tensor/operation.js';
import type { GradientRule } from './rule.js';
import { ARITHMETIC_RULES } from './rules/arithmetic.js';
import { ATTENTION_RULES } from './rules/attention.js';
import { CONVOLUTION_RULES } from './rules/convolution.js';
import { GATED_RULES } from './rules/gated.js';
import { MATRIX_RULES } from './rules/matrix.js';
import { MEMORY_RULES } from './rules/memory.js';
import { NORM_RULES } from './rules/norm.js';
import { REDUCTION_RULES } from './rules/reduction.js';
import { TRAINING_RULES } from './rules/training.js';
import { UNARY_RULES } from './rules/unary.js';
import { VIEW_RULES } from './rules/views.js';

/** Every rule; an operation has one at most. */
export const GRADIENT_RULES: readonly GradientRule[] = [
  VIEW_RULES,
  MEMORY_RULES,
  ARITHMETIC_RULES,
  UNARY_RULES,
  GATED_RULES,
  NORM_RULES,
  MATRIX_RULES,
  ATTENTION_RULES,
  REDUCTION_RULES,
  CONVOLUTION_RULES,
  TRAINING_RULES,
].flat();

const TABLE: ReadonlyMap<Operation, GradientRule> = new Map(GRADIENT_RULES.map((rule) => [rule.operation, rule]));

/** The rule of an operation; `undefined` if there is none. */
export function findGradientRule(operation: Operation): GradientRule | undefined {
  return TABLE.get(operation);
}
