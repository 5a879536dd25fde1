/**
 * The check of what a formula is given: an object whose fields are numbers that the formula can use.
 */
import { checkArgument, checkOptions } from '../../errors.js';

/** What a field may be. */
interface FieldRule {
  /** The least whole number; null for a field that is no number. */
  readonly least: number | null;
  readonly isOptional: boolean;
}

/** Every field of `T`, once. */
export type FieldRules<T> = Readonly<Record<keyof T, FieldRule>>;

/** A whole number of at least so much. */
export const atLeast = (least: number): FieldRule => ({ least, isOptional: false });

/** The same, or left out. */
export const optional = (least: number): FieldRule => ({ least, isOptional: true });

/** A field that has a check of its own. */
export const OTHER: FieldRule = { least: null, isOptional: true };

/** Checks that `given` has only fields of `rules`, and keeps them. */
export function checkFields<T extends object>(given: T, rules: FieldRules<NoInfer<T>>, owner = 'input'): void {
  const names = Object.fromEntries(Object.keys(rules).map((name) => [name, true]));
  checkOptions(given, names as Record<keyof T, true>, owner);
  for (const [name, { least, isOptional }] of Object.entries(rules) as [keyof T & string, FieldRule][]) {
    const value: unknown = given[name];
    if (least === null || (isOptional && value === undefined)) continue;
    const isWhole = Number.isSafeInteger(value) && (value as number) >= least;
    checkArgument(isWhole, `${name} of ${owner}`, value, `a whole number of at least ${least}`, `Give a count.`);
  }
}

/** Checks a list of counts. */
export function checkCounts(counts: unknown, name: string, owner = 'input'): void {
  const isList = Array.isArray(counts) && counts.every((count) => Number.isSafeInteger(count) && count >= 0);
  checkArgument(isList, `${name} of ${owner}`, counts, 'a list of whole numbers', 'Give an array of counts.');
}
