/**
 * The columns of a placement problem in CSV, and the other names under which MiniMalloc reads and writes them.
 */

export const REQUIRED_COLUMNS = ['id', 'lower', 'upper', 'size'] as const;
/** `hint` is a column of MiniMalloc. It does not affect which placements are valid. */
export const OPTIONAL_COLUMNS = ['alignment', 'offset', 'gaps', 'hint'] as const;
export type Column = (typeof REQUIRED_COLUMNS)[number] | (typeof OPTIONAL_COLUMNS)[number];

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
export const COLUMN_NAMES = [...REQUIRED_COLUMNS, ...OPTIONAL_COLUMNS, ...Object.keys(OTHER_NAMES)].join(', ');

/** The column that a name in a header stands for; `undefined` if none. */
export function columnNamed(name: string): Column | undefined {
  const own = [...REQUIRED_COLUMNS, ...OPTIONAL_COLUMNS].find((column) => column === name);
  return own ?? (Object.hasOwn(OTHER_NAMES, name) ? OTHER_NAMES[name] : undefined);
}

/** Whether a text with this header writes an end as the last step, instead of the step after it. */
export function endsAreInclusive(header: string): boolean {
  return header.split(',').includes(LAST_STEP);
}
