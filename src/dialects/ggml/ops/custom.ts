/**
 * The row of operations that the library does not know, which `custom-ops.ts` makes.
 *
 * Invariant: nothing is overwritten, and ggml's rules never run it in place, unless the node itself says so.
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
