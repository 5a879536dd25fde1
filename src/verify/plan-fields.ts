/**
 * Fields of a plan that must be numbers and are not, as in a file that was written by hand or by another program.
 *
 * Invariant: JavaScript would take many of them for numbers ("0" - 0 is 0), so they are found before anything is
 * computed.
 */
import type { PlanEntry, PlanLike } from './plan-like.js';

/** What is wrong with the fields of the plan as a whole, one part of a sentence for each field. */
export function strangePlanFields({ alignment, bufferSize, chunks, lowerBound }: PlanLike): string[] {
  const fields: (readonly [name: string, value: unknown])[] = [
    ['alignment', alignment],
    ['bufferSize', bufferSize],
    ...chunks.map((size, chunk) => [`chunk ${chunk}`, size] as const),
    ['lowerBound', lowerBound ?? 0],
  ];
  return fields.flatMap(([name, value]) => (isNumber(value) ? [] : `${name} is ${nameOf(value)}, not a number`));
}

/** What is wrong with the fields of one entry, or null. */
export function strangeEntryFields({ chunk, offset, size, start, end }: PlanEntry): string | null {
  const optional = Object.entries({ size, start, end }).filter(([, value]) => value !== undefined && value !== null);
  const strange = Object.entries({ chunk, offset })
    .concat(optional as [string, number][])
    .filter(([, value]) => !isNumber(value));
  if (strange.length === 0) return null;
  return strange
    .map(([name, value]) => `has ${nameOf(value)} as its ${name}`)
    .join(', ')
    .concat(', not a number');
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number';
}

function nameOf(value: unknown): string {
  return typeof value === 'string' ? `the text ${JSON.stringify(value)}` : String(value);
}
