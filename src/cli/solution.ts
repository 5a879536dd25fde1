/**
 * The placement of a CSV problem, read from a file and checked.
 *
 * A solution is MiniMalloc's output (`id,lower,upper,size,offset`), which is a problem whose offsets are all fixed, or a
 * plan in JSON, whose ids are the rows of the problem.
 */
import { parseSolutionCsv, type CsvProblem } from '../problem/csv.js';
import type { PlanEntry, PlanLike } from '../verify/plan-like.js';
import { verifyPlacement, type PlacementLimits, type PlacementViolation } from '../verify/placement.js';
import { CliError } from './cli-error.js';
import { readText } from './inputs.js';

/** Where each buffer is said to be, in the order of the problem; `NaN` where nothing is said. */
export interface Solution {
  readonly offsets: Float64Array;
  readonly chunkOf: Int32Array;
  /** Bytes. */
  readonly chunks: readonly number[];
  /** Bytes. */
  readonly bufferSize: number;
  /** One line for whatever in the file does not belong to the problem. */
  readonly mismatches: readonly string[];
}

/** The solution that a plan file's JSON is. */
export function solutionOfPlan(csv: CsvProblem, plan: PlanLike): Solution {
  const { problem } = csv;
  const { tensors, chunks, bufferSize } = plan;
  const offsets = new Float64Array(problem.bufferCount).fill(NaN);
  const chunkOf = new Int32Array(problem.bufferCount);
  const mismatches: string[] = [];
  for (const entry of tensors) {
    const { id, offset, chunk } = entry;
    if (id >= problem.bufferCount) mismatches.push(`buffer ${id} is not in the problem`);
    else if (!Number.isNaN(offsets[id])) mismatches.push(`buffer ${id} is planned twice`);
    else mismatches.push(...entryMismatches(csv, entry));
    offsets[id] = offset;
    chunkOf[id] = chunk;
  }
  mismatches.push(...sizeMismatches(plan));
  return { offsets, chunkOf, chunks, bufferSize, mismatches };
}

/** What an entry says of its buffer, and the problem does not. What it leaves out is not checked. */
function entryMismatches({ problem, ids, lowers, uppers }: CsvProblem, entry: PlanEntry): string[] {
  const { id, name = ids[id], size = problem.sizes[id], start = lowers[id], end = uppers[id] } = entry;
  return differences(ids[id], [
    ['name', name, ids[id]],
    ['lower', start, lowers[id]],
    ['upper', end, uppers[id]],
    ['size', size, problem.sizes[id]],
  ]);
}

/** What a plan says of its size as a whole, and cannot be so. */
function sizeMismatches({ chunks, bufferSize, lowerBound, optimal }: PlanLike): string[] {
  const sum = chunks.reduce((a, b) => a + b, 0);
  const wrong = sum === bufferSize ? [] : [`bufferSize is ${bufferSize}, but the chunks add up to ${sum}`];
  if (lowerBound === undefined) return wrong;
  if (!Number.isSafeInteger(lowerBound)) {
    return [...wrong, `lowerBound is ${JSON.stringify(lowerBound)}, no number of bytes`];
  }
  if (lowerBound > bufferSize) wrong.push(`lowerBound is ${lowerBound}, above the bufferSize of ${bufferSize}`);
  if (optimal !== undefined && optimal !== (lowerBound === bufferSize)) {
    wrong.push(`optimal is ${optimal}, but bufferSize is ${bufferSize} and lowerBound ${lowerBound}`);
  }
  return wrong;
}

/** One line for each of a buffer's columns that has another value than in the problem. */
function differences(
  id: string,
  columns: readonly (readonly [column: string, value: unknown, wanted: unknown])[],
): string[] {
  return columns
    .filter(([, value, wanted]) => value !== wanted)
    .map(
      ([column, value, wanted]) =>
        `buffer ${id} has the ${column} ${String(value)}, but ${String(wanted)} in the problem`,
    );
}

/** @throws CliError, PlannerError `BAD_CSV`, if the file cannot be read as a solution of anything */
export function solutionOfCsv({ problem, ids, lowers, uppers }: CsvProblem, file: string): Solution {
  const found = parseSolutionCsv(readText(file));
  const { fixedOffsets, sizes } = found.problem;
  if (fixedOffsets === null) throw new CliError('the column "offset" is missing or empty; a solution has it');
  const rowOf = new Map(ids.map((id, row) => [id, row]));
  const offsets = new Float64Array(problem.bufferCount).fill(NaN);
  const mismatches: string[] = [];
  let bufferSize = 0;
  found.ids.forEach((id, index) => {
    const row = rowOf.get(id);
    if (row === undefined) {
      mismatches.push(`buffer ${id} is not in the problem`);
      return;
    }
    const columns = [
      ['lower', found.lowers[index], lowers[row]],
      ['upper', found.uppers[index], uppers[row]],
      ['size', sizes[index], problem.sizes[row]],
    ] as const;
    mismatches.push(...differences(id, columns));
    offsets[row] = fixedOffsets[index];
    if (!Number.isNaN(offsets[row])) bufferSize = Math.max(bufferSize, offsets[row] + problem.sizes[row]);
  });
  return { offsets, chunkOf: new Int32Array(problem.bufferCount), chunks: [bufferSize], bufferSize, mismatches };
}

/** One line per violation. Buffers without a place come first; whether others collide is said once all have one. */
export function verifySolution(csv: CsvProblem, solution: Solution, limits: PlacementLimits): string[] {
  const { mismatches, offsets } = solution;
  const missing = csv.ids.filter((_, row) => Number.isNaN(offsets[row])).map((id) => `buffer ${id} has no offset`);
  if (missing.length > 0) return [...mismatches, ...missing];
  return [...mismatches, ...verifyPlacement(csv.problem, solution, limits).map((v) => describe(v, csv, solution))];
}

/** The verifier counts buffers and steps from 0; users know their ids and steps. */
function describe({ kind, buffers, message }: PlacementViolation, csv: CsvProblem, { offsets }: Solution): string {
  const { ids, lowers, uppers, problem } = csv;
  if (buffers.length === 0) return `${kind}: ${message}`;
  if (kind !== 'overlap') return `${kind}: ${message.replace(/^buffer \d+/, `buffer ${ids[buffers[0]]}`)}`;
  const places = buffers.map((b) => {
    const bytes = `[${offsets[b]}, ${offsets[b] + problem.sizes[b]})`;
    return `${ids[b]} with bytes ${bytes} in steps [${lowers[b]}, ${uppers[b]})`;
  });
  return `overlap: ${places.join(' and ')}`;
}
