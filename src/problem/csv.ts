/**
 * Problems as CSV text, in the format of MiniMalloc (ASPLOS 2023): `id,lower,upper,size[,alignment][,offset][,gaps]`,
 * live ranges half-open, gaps as `lower-upper` or `lower-upper@from:to` with spaces between them.
 *
 * Invariant: text is either read completely or rejected with the row and the column at fault; nothing is half-read.
 * Fields hold no quotes and no commas, which is all that the format needs, so a line is split at its commas here
 * and the core stays without dependencies.
 */
import { PlannerError } from '../errors.js';
import { isPowerOfTwo, MAX_BYTES } from '../units.js';
import { createProblem, type Buffer, type Gap, type Problem } from './problem.js';

/** A problem together with what its CSV text called things. */
export interface CsvProblem {
  readonly problem: Problem;
  /** One per buffer, as written. */
  readonly ids: readonly string[];
  /** Original first steps, inclusive. */
  readonly lowers: Float64Array;
  /** Original ends, exclusive. */
  readonly uppers: Float64Array;
}

const REQUIRED_COLUMNS = ['id', 'lower', 'upper', 'size'] as const;
/** `hint` is MiniMalloc's and has no bearing on what is a valid placement. */
const OPTIONAL_COLUMNS = ['alignment', 'offset', 'gaps', 'hint'] as const;
type Column = (typeof REQUIRED_COLUMNS)[number] | (typeof OPTIONAL_COLUMNS)[number];
type Columns = ReadonlyMap<Column, number>;

/**
 * Reads a problem. The first line names the columns, in any order; empty lines are skipped; `alignment`, `offset` and
 * `gaps` may be absent or empty. O(n log n).
 *
 * @param defaultAlignment of the rows that name none, a power of two. Default 1
 * @throws PlannerError `BAD_CSV` naming row (the first line is 1) and column, `BYTES_TOO_LARGE` if the sizes together
 *   exceed 2^53 - 1.
 */
export function parseProblemCsv(text: string, defaultAlignment = 1): CsvProblem {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  const columns = readHeader(lines[0]);
  const buffers: Buffer[] = [];
  const ids: string[] = [];
  const rowOfId = new Map<string, number>();
  for (let l = 1; l < lines.length; l++) {
    if (lines[l] === '') continue;
    const row = new Row(lines[l].split(','), l + 1, columns);
    const id = row.text('id');
    const earlier = rowOfId.get(id);
    if (id === '' || id.startsWith('"')) row.reject('id', id, 'a name without quotes, not empty');
    if (earlier !== undefined) row.reject('id', id, `unlike the id of row ${earlier}`);
    rowOfId.set(id, l + 1);
    ids.push(id);
    buffers.push(readBuffer(row, defaultAlignment));
  }
  return {
    problem: createProblem(buffers),
    ids,
    lowers: Float64Array.from(buffers, ({ start }) => start),
    uppers: Float64Array.from(buffers, ({ end }) => end),
  };
}

/**
 * Writes offsets as MiniMalloc does: `id,lower,upper,size,offset` with the original ids and steps, one row a buffer, a
 * newline after each.
 *
 * @throws PlannerError `BAD_ARGUMENT` if there is not one offset per buffer.
 */
export function formatPlacementCsv({ problem, ids, lowers, uppers }: CsvProblem, offsets: ArrayLike<number>): string {
  if (offsets.length !== problem.bufferCount) {
    throw new PlannerError('BAD_ARGUMENT', {
      culprit: 'the number of offsets',
      value: offsets.length,
      limit: `the number of buffers (${problem.bufferCount})`,
      remedy: 'Pass the offsets of a placement of this very problem.',
    });
  }
  const rows = ids.map((id, b) => `${id},${lowers[b]},${uppers[b]},${problem.sizes[b]},${offsets[b]}\n`);
  return 'id,lower,upper,size,offset\n' + rows.join('');
}

function readHeader(line: string): Columns {
  const columns = new Map<Column, number>();
  const known: readonly string[] = [...REQUIRED_COLUMNS, ...OPTIONAL_COLUMNS];
  line.split(',').forEach((name, index) => {
    const fresh = known.includes(name) && !columns.has(name as Column);
    if (!fresh) rejectAt(1, name, name, `one of ${known.join(', ')}, at most once`);
    columns.set(name as Column, index);
  });
  for (const name of REQUIRED_COLUMNS) {
    if (!columns.has(name)) rejectAt(1, name, line, `a header with the column "${name}"`);
  }
  return columns;
}

function readBuffer(row: Row, defaultAlignment: number): Buffer {
  const start = row.integer('lower', -MAX_BYTES);
  const end = row.integer('upper', -MAX_BYTES);
  if (end <= start) row.reject('upper', end, `above lower (${start})`);
  const size = row.integer('size', 1);
  const alignment = row.isEmpty('alignment') ? defaultAlignment : row.integer('alignment', 1);
  if (!isPowerOfTwo(alignment)) row.reject('alignment', alignment, 'a power of two');
  const gaps = row.isEmpty('gaps') ? undefined : readGaps(row, start, end, size);
  if (row.isEmpty('offset')) return { size, start, end, alignment, gaps };
  const fixedOffset = row.integer('offset', 0);
  if (fixedOffset % alignment !== 0) row.reject('offset', fixedOffset, `a multiple of the alignment (${alignment})`);
  return { size, start, end, alignment, gaps, fixedOffset };
}

function readGaps(row: Row, start: number, end: number, size: number): Gap[] {
  const text = row.text('gaps');
  let free = start;
  return text
    .split(' ')
    .filter(Boolean)
    .map((part) => {
      const match = /^(-?\d+)-(-?\d+)(?:@(\d+):(\d+))?$/.exec(part);
      if (match === null) row.reject('gaps', part, 'written lower-upper or lower-upper@from:to');
      const [from, to, lower = 0, upper = lower] = match.slice(1).flatMap((digits) => (digits ? [Number(digits)] : []));
      const inOrder = Number.isSafeInteger(from) && Number.isSafeInteger(to) && free <= from && from < to && to <= end;
      if (!inOrder) row.reject('gaps', part, `non-empty, in order and within [${start}, ${end})`);
      if (lower > upper || upper > size) row.reject('gaps', part, `a gap whose window is within [0, ${size}]`);
      free = to;
      return { start: from, end: to, lower, upper };
    });
}

/** One line of the text, which knows where it stands. */
class Row {
  constructor(
    private readonly fields: readonly string[],
    private readonly line: number,
    private readonly columns: Columns,
  ) {
    if (fields.length === columns.size) return;
    const missing = [...columns].find(([, index]) => index >= fields.length)?.[0] ?? 'after the last';
    this.reject(missing, `${fields.length} fields`, `one of ${columns.size} fields`);
  }

  text(column: Column): string {
    return this.fields[this.columns.get(column)!];
  }

  isEmpty(column: Column): boolean {
    return !this.columns.has(column) || this.text(column) === '';
  }

  integer(column: Column, least: number): number {
    const text = this.text(column);
    const value = Number(text);
    const valid = /^-?\d+$/.test(text) && Number.isSafeInteger(value) && value >= least;
    return valid ? value : this.reject(column, text, `an integer from ${least} to 2^53 - 1`);
  }

  reject(column: string, value: unknown, limit: string): never {
    return rejectAt(this.line, column, value, limit);
  }
}

function rejectAt(row: number, column: string, value: unknown, limit: string): never {
  throw new PlannerError('BAD_CSV', {
    culprit: `row ${row}, column "${column}"`,
    value,
    limit,
    remedy: 'Correct this field; the columns are id,lower,upper,size and optionally alignment,offset,gaps.',
  });
}
