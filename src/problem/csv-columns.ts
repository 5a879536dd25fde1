/**
 * The columns of a placement problem in CSV, and the other names under which MiniMalloc reads and writes them.
 */
import { rejectHeader } from './csv-errors.js';

const REQUIRED_COLUMNS = ['id', 'lower', 'upper', 'size'] as const;
/** `hint` is a column of MiniMalloc. It does not affect which placements are valid. */
const OPTIONAL_COLUMNS = ['alignment', 'offset', 'gaps', 'hint'] as const;
export type Column = (typeof REQUIRED_COLUMNS)[number] | (typeof OPTIONAL_COLUMNS)[number];

/** Index of each column; -1 where it is absent. */
export type Columns = Readonly<Record<Column, number>>;

/**
 * MiniMalloc's other column of ends: `end` is the last step of a live range, `upper` the step after it. With `end`,
 * gaps end at their last step as well.
 */
const LAST_STEP = 'end';

const OTHER_NAMES: Readonly<Record<string, Column>> = {
  buffer: 'id',
  buffer_id: 'id',
  begin: 'lower',
  start: 'lower',
  [LAST_STEP]: 'upper',
};

/** The names that a header may have, for messages. */
const COLUMN_NAMES = [...REQUIRED_COLUMNS, ...OPTIONAL_COLUMNS, ...Object.keys(OTHER_NAMES)].join(', ');

/** What separates the fields: a comma, or a semicolon in a text whose header has no comma, as spreadsheets write it. */
export function separatorOf(header: string): ',' | ';' {
  return header.includes(';') && !header.includes(',') ? ';' : ',';
}

/** The names of a header, as they are written. */
export function namesIn(header: string): string[] {
  return header.split(separatorOf(header));
}

/** The column that a name in a header stands for, in any case; `undefined` if none. */
function columnNamed(written: string): Column | undefined {
  const name = written.toLowerCase();
  const own = [...REQUIRED_COLUMNS, ...OPTIONAL_COLUMNS].find((column) => column === name);
  return own ?? (Object.hasOwn(OTHER_NAMES, name) ? OTHER_NAMES[name] : undefined);
}

/**
 * Finds the columns that the first line of a text names.
 *
 * @throws PlannerError `BAD_CSV`
 */
export function readHeader(line: string): Columns {
  if (line === '') rejectHeader('id', line, 'a header that names the columns', 'is missing, for the row is empty');
  const columns: Record<Column, number> = {
    id: -1,
    lower: -1,
    upper: -1,
    size: -1,
    alignment: -1,
    offset: -1,
    gaps: -1,
    hint: -1,
  };
  namesIn(line).forEach((name, index) => {
    const column = columnNamed(name);
    if (column === undefined || columns[column] !== -1) {
      const fault = column === undefined ? 'is unknown' : 'is there twice';
      rejectHeader(name, name, `one of ${COLUMN_NAMES}, each column at most once`, fault);
    }
    columns[column] = index;
  });
  for (const name of REQUIRED_COLUMNS) {
    if (columns[name] === -1) rejectHeader(name, line, `a header with the column "${name}"`, 'is missing');
  }
  return columns;
}

/** Whether a text with this header writes an end as the last step, instead of the step after it. */
export function endsAreInclusive(header: string): boolean {
  return namesIn(header).some((name) => name.toLowerCase() === LAST_STEP);
}
