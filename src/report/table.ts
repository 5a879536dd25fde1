/**
 * Rows of text in aligned columns.
 *
 * Invariant: widths are those of the plain text; decoration is added after padding, so it never shifts a column. No
 * line ends in a space. Where there is not enough room, columns that can be spared are left out, and names are cut.
 */
import { displayWidth, shorten } from './text-width.js';

/** One column of a table of `Row`s. */
export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => string;
  /** Default `left`; numbers read best on the right. */
  readonly align?: 'left' | 'right';
  /** Decorates a padded cell. */
  readonly paint?: (text: string, row: Row) => string;
  /** Left out where there is no room for all, the lowest first. Default: never. */
  readonly spare?: number;
  /** Whether cells can be cut in their middle. */
  readonly isName?: boolean;
}

interface Used<Row> extends Column<Row> {
  readonly cells: readonly string[];
  readonly width: number;
}

const SEPARATOR = '  ';
/** Columns that a name keeps before another column is left out for it, and after that. */
const GOOD_NAME = 24;
const LEAST_NAME = 16;

/**
 * The table as lines, titles first. Columns that are empty in every row are left out.
 *
 * @param room columns of the terminal. Default: as many as the table takes
 */
export function formatTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  paintTitle: (text: string) => string,
  room = Infinity,
): string[] {
  const { titles, line } = layOutTable(columns, rows, paintTitle, room);
  return [titles, ...rows.map(line)];
}

/** A table whose rows are printed one by one. */
export interface TableLayout<Row> {
  readonly titles: string;
  readonly line: (row: Row) => string;
}

/** The layout that suits some rows, for these and for others; what is wider than all of them shifts its line. */
export function layOutTable<Row>(
  columns: readonly Column<Row>[],
  examples: readonly Row[],
  paintTitle: (text: string) => string,
  room = Infinity,
): TableLayout<Row> {
  const filled = columns
    .map((column) =>
      measured(
        column,
        examples.map((row) => printable(column.cell(row))),
      ),
    )
    .filter(({ cells }) => cells.some((cell) => cell !== ''));
  const used = fitInto(filled, room);
  const line = (texts: readonly string[], paint: (text: string, column: number) => string): string => {
    const last = texts.length - 1;
    const padded = texts.map((text, c) => {
      const padding = ' '.repeat(Math.max(0, used[c].width - displayWidth(text)));
      if (used[c].align === 'right') return padding + text;
      return c === last ? text : text + padding;
    });
    return padded.map(paint).join(SEPARATOR).trimEnd();
  };
  const cellOf = ({ cell, isName, width }: Used<Row>, row: Row): string => {
    const text = printable(cell(row));
    return isName === true ? shorten(text, width) : text;
  };
  return {
    titles: line(
      used.map(({ title }) => title),
      (text) => paintTitle(text),
    ),
    line: (row) =>
      line(
        used.map((column) => cellOf(column, row)),
        (text, c) => used[c].paint?.(text, row) ?? text,
      ),
  };
}

function measured<Row>(column: Column<Row>, cells: readonly string[]): Used<Row> {
  return { ...column, cells, width: Math.max(...[column.title, ...cells].map(displayWidth)) };
}

function fitInto<Row>(columns: readonly Used<Row>[], room: number): Used<Row>[] {
  let kept = cutNames(columns, room, GOOD_NAME);
  const spares = columns.flatMap(({ spare }) => spare ?? []).sort((a, b) => a - b);
  for (const least of spares) {
    if (excessOf(kept, room) > 0) kept = kept.filter(({ spare }) => spare !== least);
  }
  return cutNames(kept, room, LEAST_NAME);
}

function excessOf<Row>(columns: readonly Used<Row>[], room: number): number {
  return columns.reduce((sum, { width }) => sum + width, (columns.length - 1) * SEPARATOR.length) - room;
}

function cutNames<Row>(columns: readonly Used<Row>[], room: number, least: number): Used<Row>[] {
  const excess = excessOf(columns, room);
  return columns.map((column) => {
    if (excess <= 0 || column.isName !== true) return column;
    const width = Math.max(column.width - excess, least);
    return measured(
      column,
      column.cells.map((cell) => shorten(cell, width)),
    );
  });
}

/**
 * Names come from files: a character that controls a terminal, or the direction of what follows it, must not reach one.
 */
export function printable(text: string): string {
  return text.replace(
    // eslint-disable-next-line no-control-regex -- control characters are what is looked for
    /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|\p{Surrogate}/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
