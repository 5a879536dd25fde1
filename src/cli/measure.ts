/**
 * `tensor-arena measure FILE…`: how large must the buffer be?
 */
import type { Gguf } from '../gguf/types.js';
import { measureModel } from '../models/measure-model.js';
import { measureGraph, type Measurement } from '../plan/measure.js';
import { planGraph, type Plan } from '../plan/plan.js';
import type { CsvProblem } from '../problem/csv.js';
import { measuredFileJson, type MeasuredFile, type UnknownModel } from '../report/measured-file.js';
import { formatMachine, machineJson, type MachineFile } from '../report/machine-report.js';
import { formatReport, formatUnknown } from '../report/measurement-report.js';
import { peakOfPlacement, peakOfPlan, type Peak } from '../report/peak.js';
import { liveBytesPerStep } from '../problem/lower-bound.js';
import { memoryMapOf } from '../map/source.js';
import { columnsOf } from '../map/columns.js';
import { formatMeasurements } from '../report/measurement-table.js';
import { formatTimeline } from '../report/timeline.js';
import { brokenLimit, oversizeChunk } from './broken-limits.js';
import { EXIT, weightiest, type ExitCode } from './cli-error.js';
import { exitCodeOf, inFile, printFailure } from './failure.js';
import { PART_FLAGS } from './part-flags.js';
import { modelOptionsOf, PLAN_FLAGS, planOptionsOf, type Flags } from './flags.js';
import { graphOptionsOf } from './graph-flags.js';
import { readInput, type Input } from './inputs.js';
import { measureFamily } from './measured-family.js';
import { weightsAlone } from './weights-alone.js';
import { placeProblem } from './placed-problem.js';
import { withProgress, type Announce } from './progress.js';
import { HAZARDS_FLAG, TIMELINE_FLAG } from './output-flags.js';
import { printError, printNote, type Terminal } from './terminal.js';
import { noteWithoutGpu } from './unused-flags.js';
import { ifKnown, noteUnknown, unknownModel } from './unknown-model.js';

/** Columns of a chart that goes into a file. */
const PLAIN_WIDTH = 80;

interface Measured {
  readonly file: MeasuredFile | UnknownModel | MachineFile;
  /** Only if a report is asked for and more than weights is known. */
  readonly report?: Report;
  /** A limit that was asked for and is not kept. */
  readonly broken?: string;
}

interface Report {
  readonly peak: Peak;
  /** Live bytes at every step. */
  readonly load: () => Float64Array;
  /** What a step is called. Default: its number. */
  readonly nameOf?: (step: number) => number;
}

/** Prints a report on one file, and a table of several; what cannot be measured is left out. */
export async function measure(files: readonly string[], flags: Flags, terminal: Terminal): Promise<ExitCode> {
  const isReport = files.length === 1 && flags.json !== true;
  if (flags.timeline === true && !isReport) {
    const reason = flags.json === true ? 'JSON has no chart' : 'it is for the report on one file';
    printNote(terminal, `--timeline has no effect: ${reason}`);
  }
  if (flags.hazards === true && !isReport && flags.json !== true) {
    printNote(terminal, '--hazards has no effect: the report on one file lists them, and --json those of all');
  }
  noteDeviceFlags(flags, terminal);
  const machine = await openMachine(flags);
  const failures: unknown[] = [];
  const measured = await withProgress(terminal, files, 2 * files.length, async (announce) => {
    const done: Measured[] = [];
    for (const file of files) {
      try {
        done.push(await inFile(file, () => measureFile(file, flags, isReport, machine, announce, terminal)));
      } catch (error) {
        failures.push(error);
      }
    }
    return done;
  });
  for (const failure of failures) printFailure(terminal, failure);
  for (const { file } of measured) if ('unknownArchitecture' in file) noteUnknown(file, terminal);
  if (measured.length > 0) terminal.write(formatMeasured(measured, isReport, flags, terminal));
  for (const { file, broken } of measured) {
    if (broken !== undefined) printError(terminal, `${file.file}: ${broken}`);
  }
  return weightiest([...failures.map(exitCodeOf), ...measured.map(codeOf)]);
}

function codeOf({ file, broken }: Measured): ExitCode {
  if ('unknownArchitecture' in file) return EXIT.unknown;
  return broken === undefined ? EXIT.done : EXIT.no;
}

async function measureFile(
  file: string,
  flags: Flags,
  isReport: boolean,
  machine: Machine | null,
  announce: Announce,
  terminal: Terminal,
): Promise<Measured> {
  announce(`reading ${file}`);
  const input = await readInput(file, flags, terminal).catch(weightsAlone);
  if ('weightsAlone' in input) return { file: { file, ...input.weightsAlone } };
  announce(`planning ${file}`);
  if (input.kind === 'model' && machine !== null) {
    const measured = ifKnown(() => machine(input.gguf));
    if (measured === null) return { file: unknownModel(file, input.gguf) };
    return { file: { file, ...measured.taken }, broken: measured.shortage };
  }
  return measureInput(file, input, flags, isReport);
}

/** Measures a model on the devices that were given. */
type Machine = (gguf: Gguf) => { readonly taken: Omit<MachineFile, 'file'>; readonly shortage?: string };

/** Null if no device was given. @throws PlannerError if one cannot be read */
async function openMachine(flags: Flags): Promise<Machine | null> {
  if (flags.gpu === undefined) return null;
  const { machineOf, measureOn, shortage } = await import('./machine.js');
  const devices = machineOf(flags.gpu);
  const { readParts } = await import('./parts.js');
  const files = await readParts(flags);
  return (gguf) => {
    const taken = measureOn(devices, gguf, flags, files);
    return { taken, shortage: shortage(taken, flags) };
  };
}

/** Flags that make no difference with devices: the plan is llama.cpp's, of both phases. */
const WITHOUT_DEVICES = [...PLAN_FLAGS, TIMELINE_FLAG, HAZARDS_FLAG].map(({ key, long }) => ({ key, long }));

function noteDeviceFlags(flags: Flags, terminal: Terminal): void {
  if (flags.gpu === undefined) {
    const parts = PART_FLAGS.filter(({ key }) => key in flags).map(({ long }) => long);
    const are = parts.length > 1 ? 'are' : 'is';
    if (parts.length > 0) printNote(terminal, `${parts.join(', ')} ${are} not counted without --gpu`);
    noteWithoutGpu(flags, terminal);
    return;
  }
  const given = WITHOUT_DEVICES.filter(({ key }) => key in flags).map(({ long }) => long);
  if (flags.phase !== undefined) given.push('--phase');
  if (given.length === 0) return;
  const have = given.length > 1 ? 'have' : 'has';
  printNote(
    terminal,
    `${given.join(', ')} ${have} no effect on models with --gpu: both phases are planned as llama.cpp does`,
  );
}

function measureInput(file: string, input: Input, flags: Flags, isReport: boolean): Measured {
  switch (input.kind) {
    case 'problem':
      return measureProblem(file, input.csv, flags, isReport);
    case 'graph': {
      const options = graphOptionsOf(input, flags);
      const plan = isReport || flags.hazards === true ? planGraph(input.graph, options) : undefined;
      const { weights, runtimes, family } = input;
      const sizes = fieldsOf(plan ?? measureGraph(input.graph, options));
      const others = weights && { weights, runtimes: runtimes?.() };
      const own = { file, ...sizes, ...hazardsOf(plan, flags), ...others };
      const measured = family === undefined ? own : { ...own, ...measureFamily(family, options, own.lowerBound) };
      const broken = oversizeChunk(measured.chunks, flags);
      return { file: measured, report: plan && reportOf(plan), broken };
    }
    case 'model': {
      const model = ifKnown(() => measureModel(input.gguf, modelOptionsOf(flags), planOptionsOf(flags, 'ggml')));
      if (model === null) return { file: unknownModel(file, input.gguf) };
      const measured = { file, ...fieldsOf(model.measurement), ...hazardsOf(model.plan, flags), model };
      const broken = oversizeChunk(measured.chunks, flags);
      return { file: measured, report: isReport ? reportOf(model.plan) : undefined, broken };
    }
  }
}

function measureProblem(file: string, csv: CsvProblem, flags: Flags, isReport: boolean): Measured {
  const { problem, steps } = csv;
  const { placement, bufferSize, lowerBound, isOptimal: optimal, allocator } = placeProblem(problem, flags);
  const sizes = { bufferSize, chunks: placement.chunks, lowerBound, optimal };
  const fixed = problem.fixedOffsets === null ? {} : { hasFixedOffsets: true as const };
  const measured = { file, buffers: problem.bufferCount, ...sizes, allocator, ...fixed };
  const broken = brokenLimit(csv, placement, flags);
  if (!isReport) return { file: measured, broken };
  const peak = peakOfPlacement(csv, placement);
  const load = (): Float64Array => liveBytesPerStep(problem);
  return { file: measured, report: { peak, load, nameOf: (step) => steps[step] }, broken };
}

function hazardsOf(plan: Plan | undefined, { hazards = false }: Flags): Pick<MeasuredFile, 'hazards'> {
  return hazards ? { hazards: plan?.hazards } : {};
}

function reportOf(plan: Plan): Report {
  const load = (): Float64Array => columnsOf(memoryMapOf(plan)).load;
  return { peak: peakOfPlan(plan), load };
}

function fieldsOf(measurement: Measurement): Omit<MeasuredFile, 'file'> {
  const { nodeCount, bufferCount, bufferSize, chunks, lowerBound, allocator, alignment, reuse } = measurement;
  const counts = { nodes: nodeCount, buffers: bufferCount };
  return {
    ...counts,
    bufferSize,
    chunks,
    lowerBound,
    optimal: measurement.isOptimal,
    allocator,
    alignment,
    inPlace: reuse,
  };
}

function formatMeasured(
  measured: readonly Measured[],
  isReport: boolean,
  { json, timeline }: Flags,
  { style, columns }: Terminal,
): string {
  const files = measured.map(({ file }) => file);
  if (json === true) {
    const rows = files.map((file) => ('machine' in file ? machineJson(file) : measuredFileJson(file)));
    return `${JSON.stringify(rows, null, 2)}\n`;
  }
  if (!isReport) {
    const machines = files.flatMap((file) => ('machine' in file ? [formatMachine(file, style, columns)] : []));
    const others = files.flatMap((file) => ('machine' in file ? [] : [file]));
    const table = others.length === 0 ? [] : [formatMeasurements(others, style, columns)];
    return [...machines, ...table].join('\n');
  }
  const [{ file, report }] = measured;
  if ('machine' in file) return formatMachine(file, style, columns);
  if ('unknownArchitecture' in file) return formatUnknown(file, style);
  const text = formatReport(file, report!.peak, style, columns);
  if (timeline !== true) return text;
  return [text, ...formatTimeline(report!.load(), columns ?? PLAIN_WIDTH, style, report!.nameOf), ''].join('\n');
}
