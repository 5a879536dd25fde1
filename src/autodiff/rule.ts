/**
 * What a rule of differentiation is: for one operation, what its result's gradient adds to the gradients of its operands.
 *
 * Invariant: rules are data, found by the operation's row. A rule touches the graph through its {@link Site} alone.
 */
import type { Operation } from '../tensor/operation.js';
import type { Site } from './site.js';

/**
 * Where a rule comes from: `ggml` has the nodes of `ggml_compute_backward`, one for one; `textbook` is of our own, for an
 * operation that ggml cannot differentiate.
 */
export type RuleSource = 'ggml' | 'textbook';

/** How one operation is differentiated. */
export interface GradientRule {
  readonly operation: Operation;
  readonly source: RuleSource;
  /** Slots of operands of which the result does not depend in a way that has a gradient, such as indices. */
  readonly constantIn: readonly number[];
  /** Adds to the gradients of the operands that need one, in the order of the slots. @internal */
  readonly differentiate: (site: Site) => void;
}

const NOWHERE: readonly number[] = [];

function ruleOf(source: RuleSource) {
  return (
    operation: Operation,
    differentiate: (site: Site) => void,
    constantIn: readonly number[] = NOWHERE,
  ): GradientRule => ({ operation, source, constantIn, differentiate });
}

/** A rule whose nodes are those of ggml. */
export const asGgml = ruleOf('ggml');

/** A rule of our own. */
export const asTextbook = ruleOf('textbook');

/** The rule of an operation whose result never changes with its operand, or only in jumps. */
export function withoutGradient(make: typeof asGgml, operation: Operation): GradientRule {
  return make(operation, () => {}, [0]);
}
