/**
 * `tensor-arena plan FILE`: where does every tensor go?
 */
import type { Placement } from '../alloc/allocator.js';
import { measureModel } from '../models/measure-model.js';
import type { Measurement } from '../plan/measure.js';
import { planGraph, type PlanJson } from '../plan/plan.js';
import { formatPlacementCsv, type CsvProblem } from '../problem/csv.js';
import { exactBytes } from '../report/format.js';
import { formatPlan } from '../report/plan-text.js';
import { EXIT, type ExitCode } from './exit-code.js';
import { CliError, inFile } from './failure.js';
import { planOptionsOf, type Flags } from './flags.js';
import { readInput, type Input } from './inputs.js';
import { checkOutput, writeOutput } from './output.js';
import { placeProblem, type PlacedProblem } from './placed-problem.js';
import { withProgress } from './progress.js';
import { printError, type Terminal } from './terminal.js';

/** A plan, whatever it is of. Sizes in bytes. */
interface Planned extends Pick<Measurement, 'bufferSize' | 'lowerBound' | 'optimal'> {
  readonly load?: number;
  readonly isUndecided?: boolean;
  readonly format: () => string;
}

/** Writes the plan as JSON, that of a CSV problem as MiniMalloc does; nothing if it exceeds `--capacity`. */
export async function plan(file: string, flags: Flags, terminal: Terminal): Promise<ExitCode> {
  const { output, capacity = Infinity } = flags;
  checkOutput(output, file);
  const planned = await withProgress(terminal, [file], 2, (announce) =>
    inFile(file, async () => {
      announce(`reading ${file}`);
      const input = await readInput(file, flags);
      announce(`planning ${file}`);
      return planInput(input, flags);
    }),
  );
  if (planned.bufferSize > capacity) {
    printError(terminal, `${file}: ${describeMisfit(planned, capacity)}`);
    return EXIT.no;
  }
  const text = planned.format();
  if (output === undefined) {
    terminal.write(text);
  } else {
    writeOutput(output, text);
    terminal.write(`${output}: ${exactBytes(planned.bufferSize)}${planned.optimal ? ', optimal' : ''}\n`);
  }
  return EXIT.done;
}

function planInput(input: Input, flags: Flags): Planned {
  switch (input.kind) {
    case 'problem':
      return planProblem(input.csv, flags);
    case 'graph': {
      const graphPlan = planGraph(input.graph, planOptionsOf(flags, 'auto'));
      return { ...graphPlan, format: () => formatPlan(graphPlan.toJSON()) };
    }
    case 'model': {
      const modelPlan = measureModel(input.gguf, flags, planOptionsOf(flags, 'ggml')).plan;
      return { ...modelPlan, format: () => formatPlan(modelPlan.toJSON()) };
    }
  }
}

function planProblem(csv: CsvProblem, flags: Flags): Planned {
  const { placement, load, isUndecided, ...placed } = placeProblem(csv.problem, flags);
  if (flags.json === true)
    return { ...placed, load, isUndecided, format: () => formatPlan(problemPlan(csv, placement, placed)) };
  const { chunks, offsets } = placement;
  const fits = placed.bufferSize <= (flags.capacity ?? Infinity);
  if (fits && chunks.length > 1) {
    throw new CliError(`the plan has ${chunks.length} chunks, which CSV cannot express; add --json`);
  }
  return { ...placed, load, isUndecided, format: () => formatPlacementCsv(csv, offsets) };
}

/** The plan of a problem in the format of graphs; a buffer is its row. */
function problemPlan(
  { problem, ...csv }: CsvProblem,
  { offsets, chunkOf, chunks }: Placement,
  placed: Omit<PlacedProblem, 'placement' | 'load' | 'isUndecided'>,
): PlanJson {
  const tensors = csv.ids.map((name, id) => {
    const place = { chunk: chunkOf[id], offset: offsets[id], size: problem.sizes[id] };
    return { id, name, ...place, start: csv.lowers[id], end: csv.uppers[id] };
  });
  const alignment = problem.alignments.reduce((a, b) => Math.max(a, b), 1);
  return { ...placed, alignment, chunks, tensors };
}

function describeMisfit({ bufferSize, lowerBound, load, isUndecided }: Planned, capacity: number): string {
  const limit = `--capacity is ${exactBytes(capacity)}`;
  if (lowerBound > capacity) {
    const proof = load !== undefined && lowerBound > load ? ', as an exhausted search proves' : '';
    return `does not fit: ${limit}, but no plan needs less than ${exactBytes(lowerBound)}${proof}`;
  }
  const best = `the best plan found needs ${exactBytes(bufferSize)}`;
  if (isUndecided !== true) return `does not fit: ${limit}, but ${best}`;
  return `undecided: ${limit}, ${best}, and no plan needs less than ${exactBytes(lowerBound)}; allow more --max-steps`;
}
