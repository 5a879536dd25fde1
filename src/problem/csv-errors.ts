/**
 * Errors about CSV texts: each names the row, the column as the file calls it, and a remedy.
 */
import { PlannerError, shown } from '../errors.js';

/** The remedy for a faulty header. */
const HEADER_REMEDY =
  "Name the columns id,lower,upper,size and optionally alignment,offset,gaps,hint; MiniMalloc's names are read as well: " +
  'buffer or buffer_id for id, begin or start for lower, and end for upper, which is then the last step of a life.';

/** The remedy for a faulty field of `column`. */
export function fieldRemedy(column: string, isInclusive: boolean): string {
  if (column !== 'gaps') return 'Correct this field.';
  const end = isInclusive ? 'last step' : 'step after the last';
  return `Write gaps as 4-6 (first step, ${end}), several with spaces between them; 4-6@0:10 keeps the bytes from 0 to before 10 in use.`;
}

export function rejectHeader(column: string, value: unknown, limit: string, fault: string): never {
  return rejectAt(1, column, value, limit, { fault, remedy: HEADER_REMEDY });
}

/** @param fault ends the sentence "Row 1, column …". Default: "is `value`, but must be `limit`" */
export function rejectAt(
  row: number,
  column: string,
  value: unknown,
  limit: string,
  { fault, remedy = fieldRemedy(column, false) }: { readonly fault?: string; readonly remedy?: string } = {},
): never {
  const found = fault ?? `is ${value === '' ? 'empty' : shown(value)}, but must be ${limit}`;
  throw new PlannerError('BAD_CSV', {
    message: `Row ${row}, column "${column}" ${found}.`,
    culprit: `row ${row}, column "${column}"`,
    value,
    limit,
    remedy,
  });
}
