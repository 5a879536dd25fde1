/**
 * Placements as CSV, in MiniMalloc's format.
 *
 * Invariant: the text can be read again, as the placed problem with every offset fixed.
 */
import { checkArgument, isListLike, PlannerError } from '../errors.js';
import type { CsvProblem } from './csv.js';
import type { Problem } from './problem.js';

/**
 * Writes a placement as MiniMalloc does: the columns `id,lower,upper,size,offset` with the original ids and steps, and
 * one row a buffer, each with a newline. If any buffer has an alignment or gaps, a column `alignment` or `gaps`
 * precedes `offset`. The text can be read again, as a problem in which every offset is fixed. O(buffers + gaps).
 *
 * @param csv the problem and its names; without `steps`, gaps are written in the steps of the problem
 * @throws PlannerError `BAD_ARGUMENT` if there is not one offset per buffer.
 */
export function formatPlacementCsv(
  csv: Omit<CsvProblem, 'steps'> & Partial<Pick<CsvProblem, 'steps'>>,
  offsets: ArrayLike<number>,
): string {
  checkCsvProblem(csv);
  const { problem, ids, lowers, uppers } = csv;
  checkArgument(isListLike(offsets), 'offsets', offsets, 'a list of numbers', 'Give the offsets of a placement.');
  if (offsets.length !== problem.bufferCount) {
    throw new PlannerError('BAD_ARGUMENT', {
      message: `The number of offsets is ${offsets.length}, but the number of buffers is ${problem.bufferCount}.`,
      culprit: 'number of offsets',
      value: offsets.length,
      limit: `the number of buffers (${problem.bufferCount})`,
      remedy: 'Pass the offsets of a placement of this very problem.',
    });
  }
  const columns: [title: string, cell: (buffer: number) => string | number][] = [
    ['id', (b) => ids[b]],
    ['lower', (b) => lowers[b]],
    ['upper', (b) => uppers[b]],
    ['size', (b) => problem.sizes[b]],
  ];
  if (problem.alignments.some((bytes) => bytes !== 1)) columns.push(['alignment', (b) => problem.alignments[b]]);
  if (problem.gaps !== null) columns.push(['gaps', (b) => gapsText(problem, csv.steps, b)]);
  columns.push(['offset', (b) => offsets[b]]);
  const rows = ids.map((_, b) => `${columns.map(([, cell]) => cell(b)).join(',')}\n`);
  return `${columns.map(([title]) => title).join(',')}\n${rows.join('')}`;
}

/** @throws PlannerError `BAD_ARGUMENT` for a problem without ids */
function checkCsvProblem(csv: unknown): void {
  const { problem, ids, lowers, uppers } = (csv ?? {}) as Partial<Record<keyof CsvProblem, unknown>>;
  const isRead = typeof problem === 'object' && problem !== null && [ids, lowers, uppers].every(isListLike);
  const limit = 'what parseProblemCsv returns: { problem, ids, lowers, uppers }';
  checkArgument(isRead, 'csv', csv, limit, 'Give all that was read, not the problem alone.');
}

/** The gaps of a buffer as text: `lower-upper`, or `lower-upper@from:to` for a gap that keeps bytes in use. */
function gapsText({ gaps }: Problem, steps: CsvProblem['steps'] | undefined, b: number): string {
  if (gaps === null) return '';
  const { first, starts, ends, lowers, uppers } = gaps;
  const stepOf = (step: number): number => steps?.[step] ?? step;
  const parts: string[] = [];
  for (let g = first[b]; g < first[b + 1]; g++) {
    const window = uppers[g] > lowers[g] ? `@${lowers[g]}:${uppers[g]}` : '';
    parts.push(`${stepOf(starts[g])}-${stepOf(ends[g])}${window}`);
  }
  return parts.join(' ');
}
