/**
 * What is known about an operation, but for the shapes that it yields.
 *
 * Invariant: plain facts that never change. Whoever plans or checks a graph reads them at the tensor, so that no table
 * of operations is needed.
 */

import type { CutNode, CutRule } from './slice.js';

/** What operations have in common with each other: they do the same kind of work. */
export type OperationFamily =
  'matrix' | 'attention' | 'norm' | 'element-wise' | 'copy' | 'convolution' | 'recurrence' | 'other';

/** An operation: its name, its operands, and what it does with their bytes. */
export interface Operation {
  /** The dialect's name, or one that the caller or a graph file gave to an operation of its own. */
  readonly name: string;
  readonly family: OperationFamily;
  /** Whether the library knows what it does. If not, a graph file says all that is known of each node. */
  readonly isKnown: boolean;
  /** Names of the operands by source slot. */
  readonly operands: readonly string[];
  /** How many of the operands, from the first on, must be there; the others may be left out. */
  readonly requiredCount: number;
  /** Whether it computes nothing and only looks at bytes in another way. */
  readonly isView: boolean;
  /**
   * Whether its result depends on nothing but operands and settings, and nothing else is written: to run it again changes
   * nothing. A result that lies over an operand's bytes destroys these all the same.
   */
  readonly isPure: boolean;
  /** Whether the program of its dialect lets the result reuse any one operand of the same layout, safely or not. */
  readonly reusesAny: boolean;
  /**
   * Source slots whose bytes the result may overwrite when both have the same layout: every element of the result
   * depends, among that operand, on elements that are read before any of them is written.
   */
  readonly overwrites: readonly number[];
  /** Source slots that are written as well, besides the result. */
  readonly updates: readonly number[];
  /** Whether bytes of an overwritten operand may stay as they are. */
  readonly writesPart: boolean;
  /** Source slots in which the result may name itself, as what is written into: it is not read there. */
  readonly namesItself: readonly number[];
  /** How slices of its result are computed; null if only all of it can be. */
  readonly cut: CutRule | null;
  /** Multiplications of an element of the result, each with an addition; null for an operation that does not sum up products. */
  readonly termsOf: ((node: CutNode) => number) | null;
}

/** An operation of a graph file that the library does not know: what the file says about a node is all that is known. */
export function unknownOperation(name: string): Operation {
  return {
    name,
    family: 'other',
    isKnown: false,
    operands: [],
    requiredCount: 0,
    isView: false,
    isPure: false,
    reusesAny: false,
    overwrites: [],
    updates: [],
    writesPart: true,
    namesItself: [],
    cut: null,
    termsOf: null,
  };
}

/** What messages call the operand in a source slot. */
export function operandName({ operands }: Operation, slot: number): string {
  return operands[slot] ?? `operand ${slot}`;
}
