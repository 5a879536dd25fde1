/**
 * Rows of text in aligned columns.
 *
 * Invariant: widths are those of the plain text; decoration is added after padding, so it never shifts a column. No
 * line ends in a space.
 */

/** One column of a table of `Row`s. */
export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => string;
  /** Default `left`; numbers read best on the right. */
  readonly align?: 'left' | 'right';
  /** Decorates a padded cell. */
  readonly paint?: (text: string, row: Row) => string;
}

const SEPARATOR = '  ';

/** The table as lines, titles first. Columns that are empty in every row are left out. */
export function formatTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  paintTitle: (text: string) => string,
): string[] {
  const used = columns
    .map((column) => ({ ...column, cells: rows.map((row) => printable(column.cell(row))) }))
    .filter(({ cells }) => cells.some((cell) => cell !== ''));
  const widths = used.map(({ title, cells }) =>
    cells.reduce((width, cell) => Math.max(width, cell.length), title.length),
  );
  const line = (texts: readonly string[], paint: (text: string, column: number) => string): string => {
    const last = texts.length - 1;
    const padded = texts.map((text, c) => {
      if (used[c].align === 'right') return text.padStart(widths[c]);
      return c === last ? text : text.padEnd(widths[c]);
    });
    return padded.map(paint).join(SEPARATOR).trimEnd();
  };
  return [
    line(
      used.map(({ title }) => title),
      (text) => paintTitle(text),
    ),
    ...rows.map((row, r) =>
      line(
        used.map(({ cells }) => cells[r]),
        (text, c) => used[c].paint?.(text, row) ?? text,
      ),
    ),
  ];
}

/** Names come from files: a control character must not reach the terminal. */
export function printable(text: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
