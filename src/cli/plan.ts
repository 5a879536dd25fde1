/**
 * `tensor-arena plan FILE`: where does every tensor go?
 */
import type { SolveProgress } from '../solver/search/solution.js';
import { measureModel } from '../models/measure-model.js';
import type { Measurement } from '../plan/measure.js';
import { planGraph, type Plan, type PlanJson } from '../plan/plan.js';
import type { CsvProblem } from '../problem/csv.js';
import { formatPlacementCsv } from '../problem/csv-writer.js';
import { exactBytes, FIXED_GIVEN, groupDigits, IN_PLACE_GIVEN } from '../format.js';
import { formatPlan } from './plan-file.js';
import { brokenLimit, oversizeChunk, oversizePool } from './broken-limits.js';
import { EXIT, type ExitCode, CliError } from './cli-error.js';
import { inFile } from './failure.js';
import { modelOptionsOf, planOptionsOf, type Flags } from './flags.js';
import { graphOptionsOf } from './graph-flags.js';
import { readInput, type Input } from './inputs.js';
import { isTflite, kindOf } from './input-kinds.js';
import { checkOutput, writeOutput } from './output.js';
import { searchProblem, type PlacedProblem, type Undecided } from './placed-problem.js';
import { inputOf, optionsOfRun, type PlanRecord, type RecordedOptions } from './plan-record.js';
import { withProgress, type Announce } from './progress.js';
import { refuseRanges } from './shape-flags.js';
import { printError, printNote, type Terminal } from './terminal.js';

/** A plan, whatever it is of. Sizes in bytes. */
interface Planned extends Pick<Measurement, 'bufferSize' | 'lowerBound' | 'isOptimal'> {
  readonly load?: number;
  readonly undecided?: Undecided;
  /** A limit that was asked for and is not kept. */
  readonly broken?: string;
  /** Whether it is CSV, which has no room for its bound. */
  readonly isCsv?: boolean;
  /** What the lower bound takes for granted: completes a sentence, from a space on; empty if nothing. */
  readonly given: string;
  /** How a smaller plan may be had all the same, from a semicolon on; empty if no flag helps. */
  readonly remedy: string;
  readonly format: () => string | Uint8Array;
}

/** Writes the plan as JSON, that of a CSV problem as MiniMalloc does; nothing if it does not keep the limits that were asked for. */
export async function plan(file: string, flags: Flags, terminal: Terminal): Promise<ExitCode> {
  const { output, capacity = Infinity } = flags;
  checkOutput(output, file);
  refuseRanges(flags);
  const planned = await withProgress(terminal, [file], 2, (announce) =>
    inFile(file, async () => {
      announce(`reading ${file}`);
      const input = await readInput(file, flags, terminal);
      announce(`planning ${file}`);
      return input.kind === 'problem'
        ? planProblem(file, input.csv, flags, terminal, announce)
        : planGraphOf(file, input, flags);
    }),
  );
  if (planned.bufferSize > capacity) {
    printError(terminal, `${file}: ${describeMisfit(planned, capacity)}`);
    return EXIT.no;
  }
  if (planned.broken !== undefined) {
    printError(terminal, `${file}: ${planned.broken}`);
    return EXIT.no;
  }
  const text = planned.format();
  if (output === undefined) {
    terminal.write(text as string); // only a file gets bytes
  } else {
    writeOutput(output, text);
    terminal.write(`${output}: ${exactBytes(planned.bufferSize)}, ${describeBound(planned)}\n`);
  }
  // A plan in JSON says it itself, and an interruption says it below.
  if (output === undefined && planned.isCsv === true && !planned.isOptimal && planned.undecided !== 'abort') {
    printNote(terminal, `the plan takes ${exactBytes(planned.bufferSize)}, ${describeBound(planned)}`);
  }
  if (planned.undecided === 'abort') {
    printNote(
      terminal,
      `interrupted: this is the best plan found; none needs less than ${exactBytes(planned.lowerBound)}${planned.given}`,
    );
  }
  return EXIT.done;
}

function planGraphOf(file: string, input: Exclude<Input, { kind: 'problem' }>, flags: Flags): Planned {
  const { output = '' } = flags;
  if (isTflite(output)) return plannedTflite(file, input, flags);
  if (kindOf(output) === 'problem') throw new CliError(`-o ${output}: the plan of a graph is JSON; name it .json`);
  if (input.kind === 'graph') {
    const pools = input.graph.pools ?? undefined;
    const options = { ...input.shapes, ...(input.convention && { convention: input.convention }) };
    return plannedGraph(planGraph(input.graph, { ...graphOptionsOf(input, flags), pools }), file, flags, { options });
  }
  const {
    plan: modelPlan,
    architecture,
    run,
    phase,
  } = measureModel(input.gguf, modelOptionsOf(flags), planOptionsOf(flags, 'ggml'));
  return plannedGraph(modelPlan, file, flags, { architecture, options: optionsOfRun(run, phase) });
}

/** The model itself with the plan in it, which its runtime follows. */
function plannedTflite(file: string, input: Exclude<Input, { kind: 'problem' }>, flags: Flags): Planned {
  const { output = '' } = flags;
  const isModel = input.kind === 'graph' && input.embed !== undefined;
  if (!isModel) throw new CliError(`-o ${output}: only the plan of a .tflite can be written into one`);
  if (Object.keys(input.shapes ?? {}).length > 0)
    throw new CliError(
      `-o ${output}: the runtime runs a .tflite with the shapes of its file; leave out --dim and --input`,
    );
  const graphPlan = planGraph(input.graph, graphOptionsOf(input, flags));
  return { ...plannedGraph(graphPlan, file, flags), format: () => input.embed!(graphPlan) };
}

function plannedGraph(
  graphPlan: Plan,
  file: string,
  flags: Flags,
  { architecture, options }: { readonly architecture?: string; readonly options?: RecordedOptions } = {},
): Planned {
  const { bufferSize, lowerBound, isOptimal, reuse, chunks, nodeCount: nodes } = graphPlan;
  const record: PlanRecord = {
    input: inputOf(file, { architecture, nodes }),
    options: { ...options, inPlace: reuse, maxChunkSize: flags.maxChunkSize },
  };
  const broken = oversizeChunk(chunks, flags) ?? oversizePool(graphPlan);
  const bound = { given: IN_PLACE_GIVEN, remedy: remedyOfGraph(graphPlan) };
  return { bufferSize, lowerBound, isOptimal, broken, ...bound, format: () => formatPlan(graphPlan.toJSON(), record) };
}

function remedyOfGraph({ allocator, reuse }: Plan): string {
  if (allocator === 'ggml') return '; --allocator auto may need less';
  return reuse === 'full' ? '' : '; --in-place full may need less';
}

/** How often a search says how far it is. */
const PROGRESS_INTERVAL_MS = 100;

async function planProblem(
  file: string,
  csv: CsvProblem,
  flags: Flags,
  terminal: Terminal,
  announce: Announce,
): Promise<Planned> {
  let nextTime = 0;
  const onProgress = ({ bufferSize, lowerBound, effort }: SolveProgress): void => {
    if (performance.now() < nextTime) return;
    nextTime = performance.now() + PROGRESS_INTERVAL_MS;
    const found = bufferSize === Infinity ? 'nothing' : `${groupDigits(bufferSize)} bytes`;
    announce(`${found} found, ${groupDigits(lowerBound)} bytes proven, ${groupDigits(effort)} steps`, false);
  };
  const placed = await searchProblem(csv.problem, flags, terminal, onProgress);
  const { placement, bufferSize } = placed;
  const broken = brokenLimit(csv, placement, flags);
  const isJson = flags.json === true || kindOf(flags.output ?? '') === 'graph';
  if (!isJson && broken === undefined && bufferSize <= (flags.capacity ?? Infinity) && placement.chunks.length > 1) {
    throw new CliError(
      `the plan has ${placement.chunks.length} chunks, which CSV cannot express; add --json, or -o a name that ends in .json`,
    );
  }
  const { alignment, maxChunkSize } = flags;
  const record: PlanRecord = { input: inputOf(file), options: { alignment, maxChunkSize } };
  return {
    ...placed,
    broken,
    isCsv: !isJson,
    given: csv.problem.fixedOffsets === null ? '' : FIXED_GIVEN,
    remedy: remedyOfProblem(placed, flags),
    format: () => (isJson ? formatPlan(problemPlan(csv, placed), record) : formatPlacementCsv(csv, placement.offsets)),
  };
}

/** The plan of a problem in the format of graphs; a buffer is its row. */
function problemPlan({ problem, ...csv }: CsvProblem, placed: PlacedProblem): PlanJson {
  const { placement, allocator, bufferSize, lowerBound, isOptimal: optimal } = placed;
  const { offsets, chunkOf, chunks } = placement;
  const tensors = csv.ids.map((name, id) => {
    const place = { chunk: chunkOf[id], offset: offsets[id], size: problem.sizes[id] };
    return { id, name, ...place, start: csv.lowers[id], end: csv.uppers[id] };
  });
  const alignment = problem.alignments.reduce((a, b) => Math.max(a, b), 1);
  return { allocator, bufferSize, lowerBound, optimal, alignment, chunks, tensors };
}

/** Only the default allocator searches. */
function remedyOfProblem({ allocator }: PlacedProblem, { maxEffort, timeLimitMs }: Flags): string {
  if (allocator === 'auto') return '';
  const given = [maxEffort === undefined ? [] : '--max-steps', timeLimitMs === undefined ? [] : '--time-limit'].flat();
  const useless = given.length === 0 ? '' : `, and alone heeds ${given.join(' and ')}`;
  return `; --allocator auto may need less${useless}`;
}

function describeBound({ isOptimal, lowerBound, given }: Planned): string {
  return isOptimal
    ? `optimal${given}`
    : `not proven optimal: no plan needs less than ${exactBytes(lowerBound)}${given}`;
}

function describeMisfit(planned: Planned, capacity: number): string {
  const { bufferSize, lowerBound, load, undecided = null, given, remedy } = planned;
  const limit = `--capacity is ${exactBytes(capacity)}`;
  if (lowerBound > capacity) {
    const proof = load !== undefined && load < lowerBound ? `, though only ${exactBytes(load)} are live at once` : '';
    // Another allocator helps only where it comes with other choices.
    const rest = load === undefined ? remedy : '';
    return `does not fit: ${limit}, but no plan needs less than ${exactBytes(lowerBound)}${given}${proof}${rest}`;
  }
  const best = `the best plan found needs ${exactBytes(bufferSize)}`;
  if (undecided === null) return `does not fit: ${limit}, but ${best}${remedy}`;
  const more = undecided === 'abort' ? 'the search was interrupted' : 'allow more --max-steps or --time-limit';
  return `undecided: ${limit}, ${best}, and no plan needs less than ${exactBytes(lowerBound)}${given}; ${more}`;
}
