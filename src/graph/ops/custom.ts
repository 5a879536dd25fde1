/**
 * The row of operations that the library does not know, which `custom-ops.ts` makes.
 *
 * Invariant: nothing is overwritten, and ggml's rules never run it in place, unless the node itself says so.
 */
import { badOperand, defineOperation } from '../operation.js';

export const CUSTOM = defineOperation({
  name: 'CUSTOM',
  result: () => badOperand('CUSTOM', 'result', 'unknown', 'what the caller declares'),
});

/** The rows of this family. */
export const CUSTOM_OPERATIONS = [CUSTOM];
