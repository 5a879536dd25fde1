/**
 * What all reports say of models in the same words: the backend that the figures are for, and what a model remembers.
 */

/** As JSON names it. */
export const BACKEND = 'cpu';

/** Stands below the figures. */
export const BACKEND_NOTE = 'Sizes are those of llama.cpp’s CPU backend; on a GPU they differ.';

/** More sentences than these say less than one about them. */
const MOST_ASSUMPTIONS = 3;

/** What the rows of a table take for granted, each sentence once; one sentence where they differ much. */
export function describeAssumptions(ofRows: Iterable<string>): string[] {
  const found = [...new Set(ofRows)];
  if (found.length <= MOST_ASSUMPTIONS) return found;
  return ['The rows differ in how many tokens of a batch have logits; --json says it as "outputs".'];
}

/** The title of a column or row of context bytes. @param isRecurrent of each model; null where that is not known */
export function contextTitle(isRecurrent: readonly (boolean | null)[]): string {
  if (!isRecurrent.includes(true)) return 'KV cache';
  return isRecurrent.includes(false) ? 'cache or state' : 'recurrent state';
}
