/**
 * The placement problem: which buffers must be in memory when. It is all that an allocator sees.
 *
 * Five buffers over four steps, one column a step, one row 4 bytes; this placement has a peak of 12 bytes:
 *
 *     offset
 *       12 ┤
 *          │ A  B  B  B        buffer  size  start  end
 *        8 ┤                     A       4     0     1
 *          │ C  C  C  D          B       4     1     4
 *        4 ┤                     C       4     0     3
 *          │ E  E  E  E          D       4     3     4
 *        0 ┼──┬──┬──┬──          E       4     0     4
 *          0  1  2  3  4 step
 *
 * Invariant of a `Problem`: one entry per buffer in every column; sizes above zero; `0 <= start < end <= stepCount`;
 * alignments are powers of two; the sum of all sizes, each with the most padding that its own alignment can take, is an
 * exact byte count, and so is every offset and size that an allocator computes.
 */
import { checkArgument, unknownField, wrongValue, type OptionNames } from '../errors.js';
import { checkAlignment, checkBytes, isPowerOfTwo, MAX_BYTES } from '../units.js';

/** Steps of a live range in which the buffer needs only some of its bytes, or none. */
export interface BufferGap {
  /** First step of the gap, inclusive. */
  readonly start: number;
  /** First step after the gap, exclusive. */
  readonly end: number;
  /** First byte still needed, relative to the buffer. Default 0. */
  readonly lower?: number;
  /** First byte no longer needed, relative to the buffer, exclusive. Default `lower`: nothing is needed. */
  readonly upper?: number;
}

/** One buffer as a user writes it. Other fields are refused: keep further data of a buffer elsewhere. */
export interface BufferSpec {
  /** Bytes, above zero. */
  readonly size: number;
  /** First step, inclusive; any safe integer. */
  readonly start: number;
  /** First step after the live range, exclusive; above `start`. */
  readonly end: number;
  /** The offset must be a multiple of this power of two. Default 1. */
  readonly alignment?: number;
  /** The offset, if it is already decided. */
  readonly fixedOffset?: number;
  /** Disjoint, within `[start, end)`, in increasing order. Default: none. */
  readonly gaps?: readonly BufferGap[];
  /** The buffer's name in messages. Default: its number, from 0. */
  readonly name?: string;
}

/** Gaps of all buffers in one table: buffer `b` has the rows `first[b]` to `first[b + 1]` (exclusive). */
export interface GapTable {
  readonly first: Int32Array;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  readonly lowers: Float64Array;
  readonly uppers: Float64Array;
}

/** Column-wise, immutable. A buffer is its index. Steps are dense: `0` to `stepCount`. */
export interface Problem {
  readonly bufferCount: number;
  readonly stepCount: number;
  /** Bytes. */
  readonly sizes: Float64Array;
  /** Inclusive. */
  readonly starts: Int32Array;
  /** Exclusive. */
  readonly ends: Int32Array;
  readonly alignments: Float64Array;
  /** `NaN` where the offset is free; `null` if all offsets are free. */
  readonly fixedOffsets: Float64Array | null;
  readonly gaps: GapTable | null;
  /** The buffers' names in messages; absent if no buffer has a name. */
  readonly names?: readonly (string | undefined)[];
  /** The row of the text that each buffer was read from, for messages; absent without a text. */
  readonly rows?: ArrayLike<number>;
}

/**
 * Builds a {@link Problem} from buffers. Steps may be any safe integers: they are renumbered densely, in order, which
 * changes no overlap. O(n log n).
 *
 * @throws PlannerError `BAD_BUFFER`, also for an unknown field; `BAD_ALIGNMENT`, `BYTES_TOO_LARGE`.
 */
export function createProblem(buffers: readonly BufferSpec[]): Problem {
  const isList: boolean = Array.isArray(buffers);
  checkArgument(isList, 'buffers', buffers, 'a list of buffers', 'Give an empty list for none.');
  const n = buffers.length;
  const sizes = new Float64Array(n);
  const alignments = new Float64Array(n);
  let totalBytes = 0;
  let fixedOffsets: Float64Array | null = null;
  let names: (string | undefined)[] | undefined;
  let gapCount = 0;
  let highestFixed = 0;
  for (let b = 0; b < n; b++) {
    const buffer = buffers[b];
    checkBuffer(buffer, b);
    sizes[b] = buffer.size;
    const { alignment = 1 } = buffer;
    alignments[b] = isPowerOfTwo(alignment)
      ? alignment
      : checkAlignment(alignment, `alignment of ${labelOf(buffer, b)}`);
    totalBytes += buffer.size + alignments[b] - 1;
    if (totalBytes > MAX_BYTES) checkBytes(totalBytes, `the sum of padded sizes up to ${labelOf(buffer, b)}`);
    if (buffer.fixedOffset !== undefined) {
      fixedOffsets ??= new Float64Array(n).fill(NaN);
      fixedOffsets[b] = buffer.fixedOffset;
      if (!(fixedOffsets[highestFixed] > buffer.fixedOffset)) highestFixed = b;
    }
    if (buffer.name !== undefined) (names ??= new Array<string | undefined>(n))[b] = buffer.name;
    gapCount += buffer.gaps?.length ?? 0;
  }
  // Checked last: in the worst case every buffer is stacked above the highest fixed one.
  if (fixedOffsets !== null) {
    const culprit = `fixed offset of ${labelOf(buffers[highestFixed], highestFixed)} plus all sizes`;
    checkBytes(fixedOffsets[highestFixed] + totalBytes, culprit);
  }

  const { rankOf, stepCount } = rankSteps(buffers, gapCount);
  const starts = new Int32Array(n);
  const ends = new Int32Array(n);
  for (let b = 0; b < n; b++) {
    starts[b] = rankOf(buffers[b].start);
    ends[b] = rankOf(buffers[b].end);
  }
  return {
    bufferCount: n,
    stepCount,
    sizes,
    starts,
    ends,
    alignments,
    fixedOffsets,
    gaps: gapCount === 0 ? null : gapTable(buffers, gapCount, rankOf),
    names,
  };
}

/**
 * A buffer in messages: `buffer` and its name, or its number from 0 if it is unnamed, and its row in a text, if any.
 */
export function labelOfBuffer({ names, rows }: Pick<Problem, 'names' | 'rows'>, b: number): string {
  const row = rows === undefined ? '' : ` (row ${rows[b]})`;
  return `buffer ${names?.[b] ?? b}${row}`;
}

/** Numbers the distinct starts and ends 0, 1, 2, … in ascending order. At the last number nothing starts. */
function rankSteps(buffers: readonly BufferSpec[], gapCount: number): Ranks {
  const steps = new Float64Array(2 * (buffers.length + gapCount));
  let count = 0;
  for (const { start, end, gaps } of buffers) {
    steps[count++] = start;
    steps[count++] = end;
    if (gaps === undefined) continue;
    for (const gap of gaps) {
      steps[count++] = gap.start;
      steps[count++] = gap.end;
    }
  }
  return rankByTable(steps) ?? rankBySorting(steps);
}

/** The new number of each step, and the number of steps. */
interface Ranks {
  readonly rankOf: (step: number) => number;
  readonly stepCount: number;
}

/** Most table entries per named step: steps that lie further apart are sorted instead. */
const TABLE_FACTOR = 4;

function rankByTable(steps: Float64Array): Ranks | null {
  let least = Infinity;
  let most = -Infinity;
  for (const step of steps) {
    least = Math.min(least, step);
    most = Math.max(most, step);
  }
  if (steps.length === 0 || most - least >= TABLE_FACTOR * steps.length) return null;
  const ranks = new Int32Array(most - least + 1);
  for (const step of steps) ranks[step - least] = 1;
  let distinct = 0;
  for (let i = 0; i < ranks.length; i++) if (ranks[i] === 1) ranks[i] = distinct++;
  return { rankOf: (step) => ranks[step - least], stepCount: distinct - 1 };
}

function rankBySorting(steps: Float64Array): Ranks {
  steps.sort();
  let distinct = 0;
  for (const step of steps) if (distinct === 0 || steps[distinct - 1] !== step) steps[distinct++] = step;
  const rankOf = (step: number): number => {
    let low = 0;
    for (let high = distinct - 1; low < high;) {
      const middle = Math.floor((low + high) / 2);
      if (steps[middle] < step) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return { rankOf, stepCount: Math.max(0, distinct - 1) };
}

function gapTable(buffers: readonly BufferSpec[], gapCount: number, rankOf: (step: number) => number): GapTable {
  const first = new Int32Array(buffers.length + 1);
  const starts = new Int32Array(gapCount);
  const ends = new Int32Array(gapCount);
  const lowers = new Float64Array(gapCount);
  const uppers = new Float64Array(gapCount);
  let row = 0;
  buffers.forEach(({ gaps = [] }, b) => {
    first[b] = row;
    for (const { start, end, lower = 0, upper = lower } of gaps) {
      starts[row] = rankOf(start);
      ends[row] = rankOf(end);
      lowers[row] = lower;
      uppers[row] = upper;
      row++;
    }
  });
  first[buffers.length] = row;
  return { first, starts, ends, lowers, uppers };
}

const NO_GAPS: readonly BufferGap[] = [];

const BUFFER_FIELDS: OptionNames<BufferSpec> = {
  size: true,
  start: true,
  end: true,
  alignment: true,
  fixedOffset: true,
  gaps: true,
  name: true,
};
const GAP_FIELDS: OptionNames<BufferGap> = { start: true, end: true, lower: true, upper: true };

/** Refuses unknown fields: a misspelt `alignment` or `fixedOffset` would be ignored in silence. */
function checkFields<T extends object>(thing: T, names: OptionNames<T>, label: () => string): void {
  for (const field in thing) {
    if (names[field] !== true) {
      throw unknownField('BAD_BUFFER', { owner: label(), field, names: Object.keys(names) });
    }
  }
}

function checkBuffer(buffer: BufferSpec, b: number): void {
  const isObject = typeof buffer === 'object' && (buffer as BufferSpec | null) !== null;
  checkArgument(isObject, `buffer ${b}`, buffer, 'an object', 'Give it a size, a start and an end.');
  checkFields(buffer, BUFFER_FIELDS, () => labelOf(buffer, b));
  const { size, start, end, fixedOffset, gaps = NO_GAPS, alignment = 1, name = '' } = buffer;
  const reject = (field: string, value: unknown, limit: string): never =>
    rejectBuffer(labelOf(buffer, b), field, value, limit);
  if (typeof name !== 'string') rejectBuffer(`buffer ${b}`, 'name', name, 'a string');
  if (!Number.isSafeInteger(size) || size <= 0) reject('size', size, 'an integer from 1 to 2^53 - 1');
  if (!Number.isSafeInteger(start)) reject('start', start, 'a safe integer');
  if (!Number.isSafeInteger(end) || end <= start) reject('end', end, `a safe integer above start (${start})`);
  if (fixedOffset !== undefined) {
    const aligned = Number.isSafeInteger(fixedOffset) && fixedOffset >= 0 && fixedOffset % alignment === 0;
    if (!aligned) reject('fixedOffset', fixedOffset, `a multiple of the alignment (${alignment}), at least 0`);
  }
  const isList: boolean = Array.isArray(gaps);
  if (!isList) reject('gaps', gaps, 'a list');
  let free = start;
  for (const gap of gaps) {
    if (typeof gap !== 'object' || (gap as BufferGap | null) === null)
      reject('gap', gap, 'an object with start and end');
    checkFields(gap, GAP_FIELDS, () => `a gap of ${labelOf(buffer, b)}`);
    const { start: from, end: to, lower = 0, upper = lower } = gap;
    const inOrder = Number.isSafeInteger(from) && Number.isSafeInteger(to) && free <= from && from < to && to <= end;
    if (!inOrder) reject('gap', [from, to], `non-empty, in order and within [${start}, ${end})`);
    const inside = Number.isSafeInteger(lower) && Number.isSafeInteger(upper) && 0 <= lower && lower <= upper;
    if (!inside || upper > size) reject('gap window', [lower, upper], `within [0, ${size}]`);
    free = to;
  }
}

/** As {@link labelOfBuffer}, while there is no problem yet. */
function labelOf({ name }: BufferSpec, b: number): string {
  return `buffer ${name ?? b}`;
}

function rejectBuffer(label: string, field: string, value: unknown, limit: string): never {
  const remedy = 'Correct the buffer, or leave it out of the problem.';
  throw wrongValue('BAD_BUFFER', { culprit: `${field} of ${label}`, value, limit, remedy });
}
