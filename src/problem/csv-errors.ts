/**
 * What is said about a CSV text that cannot be read: row, column under the name that the file has for it, and a remedy.
 */
import { PlannerError, shown } from '../errors.js';

/** What to do about a header. */
const HEADER_REMEDY =
  "Name the columns id,lower,upper,size and optionally alignment,offset,gaps,hint; MiniMalloc's names are read as well: " +
  'buffer or buffer_id for id, begin or start for lower, and end for upper, which is then the last step of a life.';

/** What to do about a field of the column. */
export function fieldRemedy(column: string, isInclusive: boolean): string {
  if (column !== 'gaps') return 'Correct this field.';
  const end = isInclusive ? 'last step' : 'step after the last';
  return `Write gaps as 4-6 (first step, ${end}), several with spaces between them; 4-6@0:10 keeps the bytes from 0 to before 10 in use.`;
}

export function rejectHeader(column: string, value: unknown, limit: string, fault: string): never {
  return rejectAt(1, column, value, limit, { fault, remedy: HEADER_REMEDY });
}

/** @param fault completes the sentence "Row 1, column … …". Default: it is `value`, but must be `limit` */
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
