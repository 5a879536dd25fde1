/**
 * What all reports say of models in the same words: the backend that the figures are for, and what a model remembers.
 */

/** As JSON names it. */
export const BACKEND = 'cpu';

/** Stands below the figures. */
export const BACKEND_NOTE = 'Sizes are those of llama.cpp’s CPU backend; on a GPU they differ.';

/** The title of a column or row of context bytes. @param isRecurrent of each model; null where that is not known */
export function contextTitle(isRecurrent: readonly (boolean | null)[]): string {
  if (!isRecurrent.includes(true)) return 'KV cache';
  return isRecurrent.includes(false) ? 'cache or state' : 'recurrent state';
}
