/**
 * Problems as CSV text, in the format of MiniMalloc (ASPLOS 2023): `id,lower,upper,size[,alignment][,offset][,gaps]`,
 * live ranges half-open, gaps as `lower-upper` or `lower-upper@from:to` with spaces between them.
 *
 * Invariant: text is either read completely or rejected with the row and the column at fault. Fields hold no quotes and
 * no separators, so this file splits lines itself, and the core needs no CSV library.
 */
import { checkArgument, shown } from '../errors.js';
import { checkAlignment, isPowerOfTwo, MAX_BYTES } from '../units.js';
import { endsAreInclusive, namesIn, readHeader, separatorOf, type Column, type Columns } from './csv-columns.js';
import { fieldRemedy, rejectAt } from './csv-errors.js';
import { createProblem, type BufferSpec, type BufferGap, type Problem } from './problem.js';

/** A problem with the ids and the steps of its CSV text. */
export interface CsvProblem {
  readonly problem: Problem;
  /** One per buffer, as written. */
  readonly ids: readonly string[];
  /** Original first steps, inclusive. */
  readonly lowers: Float64Array;
  /** Original ends, exclusive. */
  readonly uppers: Float64Array;
  /** The text's step for each step of the problem, 0 to `stepCount`; ascending. */
  readonly steps: Float64Array;
}

/**
 * Reads a problem. The first line names the columns, in any order and case; a semicolon may separate fields in place of
 * the comma; empty lines are skipped; `alignment`, `offset` and
 * `gaps` may be absent or empty. MiniMalloc's other names are read as well: `buffer` and `buffer_id` for `id`, `begin`
 * and `start` for `lower`, and `end` for `upper`. The header `end` says that all ends, also of gaps, are last steps
 * (inclusive). O(n log n).
 *
 * @param defaultAlignment a power of two, for rows without an alignment. Default 1
 * @throws PlannerError `BAD_CSV` naming row (the first line is 1) and column, `BAD_ALIGNMENT` if `defaultAlignment` is
 *   not a power of two.
 */
export function parseProblemCsv(text: string, defaultAlignment = 1): CsvProblem {
  checkArgument(typeof text === 'string', 'text', text, 'a string', 'Decode the bytes of the file first.');
  checkAlignment(defaultAlignment, 'defaultAlignment');
  return readProblem(text, defaultAlignment);
}

/**
 * Reads a placement. Its offsets need not be aligned: the problem has alignment 1 throughout.
 *
 * @throws PlannerError `BAD_CSV`
 */
export function parseSolutionCsv(text: string): CsvProblem {
  return readProblem(text, null);
}

/** @param defaultAlignment null: ignore every alignment */
function readProblem(text: string, defaultAlignment: number | null): CsvProblem {
  const row = new Row(text.startsWith('\uFEFF') ? text.slice(1) : text);
  const buffers: BufferSpec[] = [];
  const ids: string[] = [];
  const rowOfId = new Map<string, number>();
  const total = new Total();
  while (row.next()) {
    const id = row.text('id');
    if (id === '') row.reject('id', id, 'a name', 'is empty, but each buffer has a name');
    if (id.startsWith('"')) row.reject('id', id, 'a name without quotes');
    if (id.includes(',')) row.reject('id', id, 'a name without commas'); // of a text with semicolons
    const earlier = rowOfId.get(id);
    if (earlier !== undefined)
      row.reject('id', id, 'an id of its own', `is ${shown(id)}, as in row ${earlier} already`);
    rowOfId.set(id, row.line);
    ids.push(id);
    const buffer = readBuffer(row, id, defaultAlignment);
    total.add(buffer, row.line);
    buffers.push(buffer);
  }
  total.checkFixed();
  const problem = { ...createProblem(buffers), rows: Int32Array.from(rowOfId.values()) };
  const lowers = new Float64Array(buffers.length);
  const uppers = new Float64Array(buffers.length);
  buffers.forEach(({ start, end }, b) => {
    lowers[b] = start;
    uppers[b] = end;
  });
  return { problem, ids, lowers, uppers, steps: stepsOf(problem, buffers) };
}

/** Checks that every offset of every placement is an exact integer, as `createProblem` does, but by row and column. */
class Total {
  #bytes = 0;
  #highestFixed = 0;
  #rowOfFixed = 0;

  add({ size, alignment = 1, fixedOffset = 0 }: BufferSpec, row: number): void {
    this.#bytes += size + alignment - 1;
    if (this.#bytes > MAX_BYTES)
      rejectAt(row, 'size', this.#bytes, MOST, {
        fault: `brings all sizes with padding to ${this.#bytes}, above 2^53 - 1`,
      });
    if (fixedOffset <= this.#highestFixed) return;
    this.#highestFixed = fixedOffset;
    this.#rowOfFixed = row;
  }

  /** In the worst case every buffer is stacked above the highest fixed one. */
  checkFixed(): void {
    const highest = this.#highestFixed + this.#bytes;
    if (highest <= MAX_BYTES) return;
    rejectAt(this.#rowOfFixed, 'offset', highest, MOST, {
      fault: `comes with all sizes to ${highest}, above 2^53 - 1`,
    });
  }
}

/** The step of the text for each renumbered step of the problem. */
function stepsOf({ stepCount, starts, ends, gaps }: Problem, buffers: readonly BufferSpec[]): Float64Array {
  const steps = new Float64Array(stepCount + 1);
  let row = 0;
  buffers.forEach((buffer, b) => {
    steps[starts[b]] = buffer.start;
    steps[ends[b]] = buffer.end;
    for (const gap of buffer.gaps ?? []) {
      steps[gaps!.starts[row]] = gap.start;
      steps[gaps!.ends[row++]] = gap.end;
    }
  });
  return steps;
}

function readBuffer(row: Row, name: string, defaultAlignment: number | null): BufferSpec {
  const start = row.integer('lower', -MAX_BYTES);
  const end = row.integer('upper', -MAX_BYTES, MAX_BYTES - row.lastStep) + row.lastStep;
  if (end <= start) {
    const limit = row.lastStep === 1 ? 'at least' : 'above';
    row.reject('upper', row.text('upper'), `${limit} ${row.nameOf('lower')} (${start})`);
  }
  const size = row.integer('size', 1);
  const asked = row.isEmpty('alignment') ? (defaultAlignment ?? 1) : row.integer('alignment', 1);
  if (!isPowerOfTwo(asked)) row.reject('alignment', asked, 'a power of two');
  const alignment = defaultAlignment === null ? 1 : asked;
  const gaps = row.isEmpty('gaps') ? undefined : readGaps(row, start, end, size);
  if (row.isEmpty('offset')) return { name, size, start, end, alignment, gaps };
  const fixedOffset = row.integer('offset', 0);
  if (fixedOffset % alignment !== 0) row.reject('offset', fixedOffset, `a multiple of the alignment (${alignment})`);
  return { name, size, start, end, alignment, gaps, fixedOffset };
}

function readGaps(row: Row, start: number, end: number, size: number): BufferGap[] {
  const text = row.text('gaps');
  let free = start;
  return text
    .split(' ')
    .filter(Boolean)
    .map((part) => {
      const match = /^(-?\d+)-(-?\d+)(?:@(\d+):(\d+))?$/.exec(part);
      if (match === null) row.reject('gaps', part, 'written lower-upper or lower-upper@from:to');
      const [from, last, lower = 0, upper = lower] = match
        .slice(1)
        .flatMap((digits) => (digits ? [Number(digits)] : []));
      const to = last + row.lastStep;
      const inOrder = Number.isSafeInteger(from) && Number.isSafeInteger(to) && free <= from && from < to && to <= end;
      const liveRange = row.lastStep === 1 ? `[${start}, ${end - 1}]` : `[${start}, ${end})`;
      if (from < free && from >= start)
        row.reject(
          'gaps',
          part,
          OVERLAP_LIMIT,
          `has ${shown(part)}, which overlaps the gap before it or comes too late`,
        );
      if (!inOrder) row.reject('gaps', part, `a non-empty gap within the life, ${liveRange}`);
      if (lower > upper || upper > size) row.reject('gaps', part, `a gap whose window is within [0, ${size}]`);
      free = to;
      return { start: from, end: to, lower, upper };
    });
}

const OVERLAP_LIMIT = 'a gap after the one before it';
const MOST = 'at most 2^53 - 1';
const NEWLINE = '\n';
const CARRIAGE_RETURN = '\r';
const MINUS = 45;
const ZERO = 48;

/** A cursor over the lines of a text. It cuts a field out of the text only when asked for the field. */
class Row {
  /** The first line is 1. */
  line = 1;
  /** Steps from an end as written to the exclusive end: 1 if the text writes last steps, else 0. */
  readonly lastStep: number;
  readonly #columns: Columns;
  readonly #columnCount: number;
  readonly #names: readonly string[];
  /** Where the next line starts. */
  #position = 0;
  /** The character code of what separates fields. */
  readonly #separator: number;
  /** Positions of the separators, with one before the line and one behind it: field f lies between entries f and f + 1. */
  readonly #bounds: Int32Array;
  readonly #file: string;

  /** Reads the header. */
  constructor(file: string) {
    this.#file = file;
    const header = file.slice(0, this.#endOfLine());
    this.#columns = readHeader(header);
    this.lastStep = endsAreInclusive(header) ? 1 : 0;
    this.#names = namesIn(header);
    this.#separator = separatorOf(header).charCodeAt(0);
    this.#columnCount = this.#names.length;
    this.#bounds = new Int32Array(this.#columnCount + 1);
  }

  /** Goes to the next line that is not empty; false if there is none. */
  next(): boolean {
    while (this.#position <= this.#file.length) {
      const start = this.#position;
      const end = this.#endOfLine();
      this.line++;
      if (start === end) continue;
      this.#split(start, end);
      return true;
    }
    return false;
  }

  text(column: Column): string {
    const index = this.#columns[column];
    return this.#file.slice(this.#bounds[index] + 1, this.#bounds[index + 1]);
  }

  isEmpty(column: Column): boolean {
    const index = this.#columns[column];
    return index === -1 || this.#bounds[index] + 1 === this.#bounds[index + 1];
  }

  /** Reads digits, with or without a minus. Rejects a value beyond 2^53, which would be inexact. */
  integer(column: Column, least: number, most = MAX_BYTES): number {
    const file = this.#file;
    const bounds = this.#bounds;
    const index = this.#columns[column];
    const end = bounds[index + 1];
    let i = bounds[index] + 1;
    const isNegative = file.charCodeAt(i) === MINUS;
    if (isNegative) i++;
    let value = i < end ? 0 : NaN;
    for (; i < end; i++) {
      const digit = file.charCodeAt(i) - ZERO;
      value = digit >= 0 && digit <= 9 ? value * 10 + digit : NaN;
    }
    if (isNegative) value = -value;
    const valid = Number.isSafeInteger(value) && value >= least && value <= most;
    if (valid) return value;
    const lowest = least === -MAX_BYTES ? '-2^53 + 1' : least;
    return this.reject(column, this.text(column), `an integer from ${lowest} to 2^53 - 1`);
  }

  /** The file's name for a column. */
  nameOf(column: Column): string {
    return this.#names[this.#columns[column]] ?? column;
  }

  reject(column: Column, value: unknown, limit: string, fault?: string): never {
    const remedy = fieldRemedy(column, this.lastStep === 1);
    return rejectAt(this.line, this.nameOf(column), value, limit, { fault, remedy });
  }

  /** Moves the position to the next line and returns the end of the current one. */
  #endOfLine(): number {
    const file = this.#file;
    const position = this.#position;
    const newline = file.indexOf(NEWLINE, position);
    const end = newline === -1 ? file.length : newline;
    this.#position = end + 1;
    return newline > position && file[newline - 1] === CARRIAGE_RETURN ? end - 1 : end;
  }

  #split(start: number, end: number): void {
    const file = this.#file;
    const bounds = this.#bounds;
    const names = this.#names;
    const separator = this.#separator;
    const columnCount = this.#columnCount;
    let count = 0;
    bounds[0] = start - 1;
    for (let i = start; i < end; i++) {
      if (file.charCodeAt(i) === separator && ++count < columnCount) bounds[count] = i;
    }
    bounds[columnCount] = end;
    const fieldCount = count + 1;
    if (fieldCount === columnCount) return;
    const missing = names[fieldCount] ?? 'after the last';
    const fault = `cannot be read, for the row has ${fieldCount} fields instead of ${columnCount}`;
    const remedy = 'Give each row a field, which may be empty, for each column of the header.';
    rejectAt(this.line, missing, `${fieldCount} fields`, `one of ${columnCount} fields`, { fault, remedy });
  }
}
