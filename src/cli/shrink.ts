/**
 * `tensor-arena shrink FILE…`: how few bytes can a graph do with, and which graph is that?
 */
import { exactBytes, groupDigits } from '../format.js';
import type { Graph } from '../graph/graph.js';
import { graphToJson } from '../json/write.js';
import { measureModel } from '../models/measure-model.js';
import type { OrderedGraph, OrderProgress } from '../passes/order/options.js';
import { orderGraphAsync } from '../passes/order/order-graph.js';
import { splitGraph } from '../passes/split/split-graph.js';
import { measureGraph } from '../plan/measure.js';
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
        if (isInterrupted) printNote(terminal, `${file}: interrupted: this is the best order found`);
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
  const graph = graphOf(input, flags);
  const planning = graphOptionsOf(input.kind === 'graph' ? input : {}, flags);
  const { budget = null } = flags;
  const isAsked = flags.order === true || flags.split === true;
  const before = measureGraph(graph, planning);
  announce(`ordering ${file}`);
  const ordered = isAsked && flags.order !== true ? null : await order(graph, planning, flags, terminal, announce);
  const found = ordered?.graph ?? graph;
  const after = ordered === null ? before : measureGraph(found, planning);
  const rest = {
    file,
    nodes: graph.nodes.length,
    before,
    orderBound: ordered?.bound ?? 0,
    orderOptimal: ordered?.isOptimal ?? false,
    ordered: ordered === null ? null : after,
    budget,
  };
  const isInterrupted = ordered?.stopped === 'abort';
  if ((isAsked && flags.split !== true) || isInterrupted) {
    return { shrunk: { ...rest, after, split: null }, graph: found, isInterrupted };
  }
  announce(`splitting ${file}`);
  const { reuse, runtime, alignment } = planning;
  const options = { reuse, runtime, alignment, budget: budget ?? 0, maxExtraOps: flags.maxExtraOps };
  const split = splitGraph(found, options);
  const inParts = split.regionCount === 0 ? after : measureGraph(split.graph, planning);
  const isBetter = inParts.bufferSize < after.bufferSize;
  const { regionCount, extraOps, rereadBytes } = split;
  const cost = isBetter ? { regionCount, extraOps, rereadBytes } : { regionCount: 0, extraOps: 0, rereadBytes: 0 };
  return {
    shrunk: { ...rest, after: isBetter ? inParts : after, split: cost },
    graph: isBetter ? split.graph : found,
    isInterrupted,
  };
}

async function order(
  graph: Graph,
  { reuse, runtime, alignment }: PlanOptions,
  { maxEffort, timeLimitMs }: Flags,
  terminal: Terminal,
  announce: Announce,
): Promise<OrderedGraph> {
  let nextTime = 0;
  const onProgress = ({ peak, bound, effort }: OrderProgress): void => {
    if (performance.now() < nextTime) return;
    nextTime = performance.now() + PROGRESS_INTERVAL_MS;
    const text = `${groupDigits(peak)} bytes found, ${groupDigits(bound)} bytes proven, ${groupDigits(effort)} steps`;
    announce(text, false);
  };
  const limits = {
    maxEffort: maxEffort ?? (timeLimitMs === undefined ? undefined : Infinity),
    timeLimitMs,
    onProgress,
  };
  return terminal.untilInterrupted((signal) =>
    orderGraphAsync(graph, { reuse, runtime, alignment, minimise: 'size', ...limits, signal }),
  );
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
