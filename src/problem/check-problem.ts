/**
 * Whether a value is a problem at all, for whatever takes one. The columns hold what `createProblem` has checked.
 */
import { checkArgument } from '../errors.js';
import type { Problem } from './problem.js';

/** O(1). @throws PlannerError `BAD_ARGUMENT` */
export function checkProblem(value: unknown): asserts value is Problem {
  const { bufferCount, sizes, starts, ends } = (value ?? {}) as Partial<Problem>;
  const columns: readonly unknown[] = [sizes, starts, ends];
  const isProblem = columns.every((column) => ArrayBuffer.isView(column)) && sizes?.length === bufferCount;
  checkArgument(isProblem, 'problem', value, 'a Problem', problemRemedy(value));
}

/** What to do about a value that is no problem, such as all that `parseProblemCsv` returns. */
export function problemRemedy(value: unknown): string {
  const { problem } = (value ?? {}) as { readonly problem?: unknown };
  return typeof problem === 'object' && problem !== null
    ? 'Give its field `problem`: parseProblemCsv returns the names of the file beside the problem.'
    : 'Make one with createProblem, or take the field `problem` of what parseProblemCsv returns.';
}
