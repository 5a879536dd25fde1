/**
 * `tensor-arena shrink FILE…`: how few bytes can a graph do with, and which graph is that?
 */
import { exactBytes, groupDigits } from '../format.js';
import type { Graph } from '../graph/graph.js';
import { graphToJson } from '../json/write.js';
import { measureModel } from '../models/measure-model.js';
import type { OrderedGraph, OrderProgress } from '../passes/order/options.js';
import { orderGraphAsync } from '../passes/order/order-graph.js';
import { fitGraphAsync } from '../passes/fit/fit-graph.js';
import type { FitProgress, FittedGraph } from '../passes/fit/options.js';
import type { SplitGraph } from '../passes/split/options.js';
import { splitGraph } from '../passes/split/split-graph.js';
import { measureGraph, type Measurement } from '../plan/measure.js';
import type { PlanOptions } from '../plan/options.js';
import { fitsBudget, formatShrunk, shrunkFileJson, type ShrunkFile } from '../report/shrink-report.js';
import { CliError, EXIT, weightiest, type ExitCode } from './cli-error.js';
import { exitCodeOf, inFile, printFailure } from './failure.js';
import { modelOptionsOf, type Flags } from './flags.js';
import { graphOptionsOf } from './graph-flags.js';
import { readInput, type Input } from './inputs.js';
import { kindOf } from './input-kinds.js';
import { checkOutput, writeOutput } from './output.js';
import { withProgress, type Announce } from './progress.js';
import { refuseRanges } from './shape-flags.js';
import { printNote, type Terminal } from './terminal.js';

/** How often a search says how far it is. */
const PROGRESS_INTERVAL_MS = 100;

interface Shrunk {
  readonly shrunk: ShrunkFile;
  readonly graph: Graph;
  readonly isInterrupted: boolean;
}

/** Prints what each file needs before and after, and writes the graph of one; files that cannot be used are left out. */
export async function shrink(files: readonly string[], flags: Flags, terminal: Terminal): Promise<ExitCode> {
  const { output } = flags;
  refuseRanges(flags);
  if (output !== undefined) checkGraphOutput(output, files);
  const codes: ExitCode[] = [];
  const done: ShrunkFile[] = [];
  await withProgress(terminal, files, 2 * files.length, async (announce) => {
    for (const file of files) {
      try {
        const { shrunk, graph, isInterrupted } = await inFile(file, () => shrinkFile(file, flags, terminal, announce));
        done.push(shrunk);
        if (output !== undefined) writeOutput(output, `${JSON.stringify(graphToJson(graph))}\n`);
        if (isInterrupted) printNote(terminal, `${file}: interrupted: this is the best that was found`);
        if (fitsBudget(shrunk) === false) codes.push(EXIT.no);
      } catch (error) {
        if (files.length === 1) throw error;
        printFailure(terminal, error);
        codes.push(exitCodeOf(error));
      }
    }
  });
  const { style, columns } = terminal;
  terminal.write(
    flags.json === true
      ? `${JSON.stringify(done.map(shrunkFileJson), null, 2)}\n`
      : done.map((shrunk) => formatShrunk(shrunk, style, columns)).join('\n'),
  );
  if (output !== undefined && flags.json !== true) {
    terminal.write(`${output}: a graph that takes ${exactBytes(done[0].after.bufferSize)}\n`);
  }
  return weightiest(codes);
}

function checkGraphOutput(output: string, files: readonly string[]): void {
  if (files.length > 1) throw new CliError(`-o ${output}: is for the graph of one FILE`);
  checkOutput(output, files[0]);
  if (kindOf(output) !== 'graph') throw new CliError(`-o ${output}: a graph is JSON; name it .json or .json.gz`);
}

async function shrinkFile(file: string, flags: Flags, terminal: Terminal, announce: Announce): Promise<Shrunk> {
  announce(`reading ${file}`);
  const input = await readInput(file, flags, terminal);
  const given = graphOf(input, flags);
  const planning = graphOptionsOf(input.kind === 'graph' ? input : {}, flags);
  const work: Work = { file, planning, flags, terminal, announce };
  const { budget = null } = flags;
  const asksNothing = flags.order !== true && flags.split !== true && flags.recompute !== true;
  const before = measureGraph(given, planning);
  let best: Best = { graph: given, measurement: before };

  const ordered = flags.order === true || asksNothing ? await order(given, work) : null;
  if (ordered !== null) best = smaller(best, ordered, planning);
  const orderedSize = ordered === null ? null : best.measurement;
  let isInterrupted = ordered?.stopped === 'abort';

  const split = (flags.split === true || asksNothing) && !isInterrupted ? inParts(best.graph, work) : null;
  const whole = best;
  if (split !== null && split.regionCount > 0) best = smaller(best, split, planning);
  const parts = best === whole ? NOTHING : (split ?? NOTHING);
  const partsSize = best.measurement;

  const again = flags.recompute === true && !isInterrupted ? await recompute(best.graph, work) : null;
  const once = best;
  if (again !== null) best = smaller(best, again, planning);
  isInterrupted ||= again?.limitedBy === 'abort';
  const { extraOps, rereadBytes, regionCount } = parts;
  const shrunk: ShrunkFile = {
    file,
    nodes: given.nodes.length,
    before,
    after: best.measurement,
    ordered: orderedSize,
    split: split === null ? null : { measurement: partsSize, extraOps, rereadBytes, regionCount },
    recomputed:
      again === null
        ? null
        : { measurement: best.measurement, ...(best === once ? NOTHING : again.cost), frontier: again.frontier },
    orderBound: ordered?.bound ?? 0,
    orderOptimal: ordered?.isOptimal ?? false,
    budget,
  };
  return { shrunk, graph: best.graph, isInterrupted };
}

const NOTHING = { extraOps: 0, rereadBytes: 0, regionCount: 0 };

/** What the passes work on, and with. */
interface Work {
  readonly file: string;
  readonly planning: PlanOptions;
  readonly flags: Flags;
  readonly terminal: Terminal;
  readonly announce: Announce;
}

interface Best {
  readonly graph: Graph;
  readonly measurement: Measurement;
}

/** What a pass has made, if it takes fewer bytes. */
function smaller(best: Best, { graph }: Pick<Best, 'graph'>, planning: PlanOptions): Best {
  const measurement = measureGraph(graph, planning);
  return measurement.bufferSize < best.measurement.bufferSize ? { graph, measurement } : best;
}

async function order(graph: Graph, { file, planning, flags, terminal, announce }: Work): Promise<OrderedGraph> {
  announce(`ordering ${file}`);
  const { reuse, runtime, alignment } = planning;
  const onProgress = inIntervals(announce, ({ peak, bound, effort }: OrderProgress) => {
    return `${groupDigits(peak)} bytes found, ${groupDigits(bound)} bytes proven, ${groupDigits(effort)} steps`;
  });
  const limits = { ...limitsOf(flags), onProgress };
  return terminal.untilInterrupted((signal) =>
    orderGraphAsync(graph, { reuse, runtime, alignment, minimise: 'size', ...limits, signal }),
  );
}

function inParts(graph: Graph, { file, planning, flags, announce }: Work): SplitGraph {
  announce(`splitting ${file}`);
  const { reuse, runtime, alignment } = planning;
  const { budget = 0, maxExtraOps } = flags;
  return splitGraph(graph, { reuse, runtime, alignment, budget, maxExtraOps });
}

async function recompute(graph: Graph, { file, planning, flags, terminal, announce }: Work): Promise<FittedGraph> {
  announce(`computing values of ${file} again`);
  const { reuse, runtime, alignment } = planning;
  const { budget = 0, maxExtraOps } = flags;
  const onProgress = inIntervals(announce, ({ bufferSize, effort }: FitProgress) => {
    return `${groupDigits(bufferSize)} bytes found, ${groupDigits(effort)} steps`;
  });
  const limits = { ...limitsOf(flags), maxExtraOps, onProgress };
  return terminal.untilInterrupted((signal) =>
    fitGraphAsync(graph, budget, { reuse, runtime, alignment, order: false, split: false, ...limits, signal }),
  );
}

function limitsOf({ maxEffort, timeLimitMs }: Flags): Pick<Flags, 'maxEffort' | 'timeLimitMs'> {
  return { maxEffort: maxEffort ?? (timeLimitMs === undefined ? undefined : Infinity), timeLimitMs };
}

/** Says how far a search is, but not too often. */
function inIntervals<P>(announce: Announce, textOf: (progress: P) => string): (progress: P) => void {
  let nextTime = 0;
  return (progress) => {
    if (performance.now() < nextTime) return;
    nextTime = performance.now() + PROGRESS_INTERVAL_MS;
    announce(textOf(progress), false);
  };
}

function graphOf(input: Input, flags: Flags): Graph {
  switch (input.kind) {
    case 'problem':
      throw new CliError(
        'is a placement problem, which has no nodes to order: give a graph (.json) or a model (.gguf, .onnx, .tflite)',
      );
    case 'graph':
      return input.graph;
    case 'model':
      return measureModel(input.gguf, modelOptionsOf(flags)).graph;
  }
}
