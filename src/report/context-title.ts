/**
 * What models remember is called by what it is, in every table alike.
 */

/** The title of a column or row of context bytes. @param isRecurrent of each model; null where that is not known */
export function contextTitle(isRecurrent: readonly (boolean | null)[]): string {
  if (!isRecurrent.includes(true)) return 'KV cache';
  return isRecurrent.includes(false) ? 'cache or state' : 'recurrent state';
}
