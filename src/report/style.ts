/**
 * How a terminal may decorate text.
 */

/** Decorations of a terminal. */
export interface Style {
  readonly strong: (text: string) => string;
  readonly faint: (text: string) => string;
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
}

const same = (text: string): string => text;

/** No decoration: for files, pipes and `NO_COLOR`. */
export const PLAIN: Style = { strong: same, faint: same, good: same, bad: same };
