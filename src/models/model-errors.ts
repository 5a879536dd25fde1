/**
 * Errors of operands, as errors of the file that the operands come from.
 */
import { PlannerError, type ErrorCode } from '../errors.js';

/**
 * Runs `build`, and reports wrong operands as errors of the file: the operands of a model's graph come from its file.
 */
export function asModelErrors<T>(build: () => T): T {
  try {
    return build();
  } catch (error) {
    if (!(error instanceof PlannerError && OPERAND_ERRORS.includes(error.code))) throw error;
    const { culprit, value, limit } = error;
    const message = `The keys and tensors of the file do not fit each other: ${culprit} is ${String(value)}, but must be ${limit}.`;
    throw new PlannerError('BAD_MODEL', { message, culprit, value, limit, remedy: 'Convert the model again.' });
  }
}

const OPERAND_ERRORS: readonly ErrorCode[] = ['BAD_OPERAND', 'BAD_SHAPE', 'BAD_VIEW'];
