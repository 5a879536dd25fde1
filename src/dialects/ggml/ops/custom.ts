/**
 * The row of operations that the library does not know, which `custom-ops.ts` makes.
 *
 * Invariant: a node overwrites no operand, under ggml's rules either, unless the node itself declares one.
 */
import { rowsOf } from '../row.js';
import { badOperand } from '../operand-error.js';

const define = rowsOf('other');

export const CUSTOM = define({
  name: 'CUSTOM',
  operands: [],
  isPure: false, // nobody knows what it does
  result: ({ name }) =>
    badOperand(name, 'result', 'unknown', 'what the caller declares', 'Apply it through custom() of a Context.'),
});

/** The rows of this family. */
export const CUSTOM_OPERATIONS = [CUSTOM];
