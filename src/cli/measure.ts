/**
 * `tensor-arena measure FILE…`: how large must the buffer be?
 */
import { PlannerError } from '../errors.js';
import type { Gguf } from '../gguf/gguf.js';
import { measureModel, type ModelMeasurement } from '../models/measure-model.js';
import { measureWeights } from '../models/weights.js';
import { measureGraph, type Measurement } from '../plan/measure.js';
import { planGraph, type Plan } from '../plan/plan.js';
import type { CsvProblem } from '../problem/csv.js';
import { measuredFileJson, type MeasuredFile, type UnknownModel } from '../report/measured-file.js';
import { formatReport, formatUnknown, type ReportDetails } from '../report/measurement-report.js';
import { peakOfPlacement, peakOfPlan } from '../report/peak.js';
import { liveBytesPerStep } from '../problem/lower-bound.js';
import { memoryMapOf } from '../report/map/from-plan.js';
import { columnsOf } from '../report/map/columns.js';
import { formatMeasurements } from '../report/measurement-table.js';
import { printable } from '../report/table.js';
import { formatTimeline } from '../report/timeline.js';
import { EXIT, type ExitCode } from './exit-code.js';
import { inFile, printFailure } from './failure.js';
import { modelOptionsOf, planOptionsOf, type Flags } from './flags.js';
import { readInput, type Input } from './inputs.js';
import { placeProblem } from './placed-problem.js';
import { withProgress, type Announce } from './progress.js';
import { printNote, type Terminal } from './terminal.js';

/** Columns of a chart that goes into a file. */
const PLAIN_WIDTH = 80;

interface Measured {
  readonly file: MeasuredFile | UnknownModel;
  /** Only if a report is asked for and more than weights is known. */
  readonly report?: Report;
}

interface Report extends ReportDetails {
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
  const failures: unknown[] = [];
  const measured = await withProgress(terminal, files, 2 * files.length, async (announce) => {
    const done: Measured[] = [];
    for (const file of files) {
      try {
        done.push(await inFile(file, () => measureFile(file, flags, isReport, announce)));
      } catch (error) {
        failures.push(error);
      }
    }
    return done;
  });
  for (const failure of failures) printFailure(terminal, failure);
  for (const { file } of measured) if ('unknownArchitecture' in file) noteUnknown(file, terminal);
  if (measured.length > 0) terminal.write(formatMeasured(measured, isReport, flags, terminal));
  return failures.length > 0 ? EXIT.misuse : EXIT.done;
}

async function measureFile(file: string, flags: Flags, isReport: boolean, announce: Announce): Promise<Measured> {
  announce(`reading ${file}`);
  const input = await readInput(file, flags);
  announce(`planning ${file}`);
  return measureInput(file, input, flags, isReport);
}

function measureInput(file: string, input: Input, flags: Flags, isReport: boolean): Measured {
  switch (input.kind) {
    case 'problem':
      return measureProblem(file, input.csv, flags, isReport);
    case 'graph': {
      const options = planOptionsOf(flags, 'auto');
      if (!isReport) return { file: { file, ...fieldsOf(measureGraph(input.graph, options)) } };
      const plan = planGraph(input.graph, options);
      return { file: { file, ...fieldsOf(plan) }, report: reportOf(plan) };
    }
    case 'model': {
      const model = measureIfKnown(input.gguf, flags);
      if (model === null) return { file: unknownModel(file, input.gguf) };
      const measured = { file, ...fieldsOf(model.measurement), model };
      return isReport ? { file: measured, report: reportOf(model.plan) } : { file: measured };
    }
  }
}

function measureProblem(file: string, csv: CsvProblem, flags: Flags, isReport: boolean): Measured {
  const { problem, steps } = csv;
  const { placement, bufferSize, lowerBound, optimal, allocator } = placeProblem(problem, flags);
  const sizes = { bufferSize, chunks: placement.chunks, lowerBound, optimal };
  const measured = { file, buffers: problem.bufferCount, ...sizes, allocator };
  if (!isReport) return { file: measured };
  const peak = peakOfPlacement(csv, placement);
  const load = (): Float64Array => liveBytesPerStep(problem);
  return { file: measured, report: { peak, hazards: [], load, nameOf: (step) => steps[step] } };
}

function reportOf(plan: Plan): Report {
  const load = (): Float64Array => columnsOf(memoryMapOf(plan)).load;
  return { peak: peakOfPlan(plan), hazards: plan.hazards, load };
}

/** Null if the architecture is unknown. */
function measureIfKnown(gguf: Gguf, flags: Flags): ModelMeasurement | null {
  try {
    return measureModel(gguf, modelOptionsOf(flags), planOptionsOf(flags, 'ggml'));
  } catch (error) {
    if (error instanceof PlannerError && error.code === 'UNKNOWN_ARCHITECTURE') return null;
    throw error;
  }
}

/** The weights are exact whatever the architecture; of the rest nothing is known, and nothing is guessed. */
function unknownModel(file: string, gguf: Gguf): UnknownModel {
  return { file, unknownArchitecture: gguf.metadata['general.architecture'] as string, weights: measureWeights(gguf) };
}

function noteUnknown({ file, unknownArchitecture }: UnknownModel, terminal: Terminal): void {
  const name = JSON.stringify(unknownArchitecture);
  printNote(terminal, printable(`${file}: the architecture ${name} is unknown, so only the weights could be measured`));
}

function fieldsOf(measurement: Measurement): Omit<MeasuredFile, 'file'> {
  const { nodeCount, bufferCount, bufferSize, chunks, lowerBound, optimal, allocator, alignment, inPlace } =
    measurement;
  const counts = { nodes: nodeCount, buffers: bufferCount };
  return { ...counts, bufferSize, chunks, lowerBound, optimal, allocator, alignment, inPlace };
}

function formatMeasured(
  measured: readonly Measured[],
  isReport: boolean,
  { json, timeline }: Flags,
  { style, columns }: Terminal,
): string {
  const files = measured.map(({ file }) => file);
  if (json === true) return `${JSON.stringify(files.map(measuredFileJson), null, 2)}\n`;
  if (!isReport) return formatMeasurements(files, style, columns);
  const [{ file, report }] = measured;
  if ('unknownArchitecture' in file) return formatUnknown(file, style);
  const text = formatReport(file, report!, style, columns);
  if (timeline !== true) return text;
  return [text, ...formatTimeline(report!.load(), columns ?? PLAIN_WIDTH, style, report!.nameOf), ''].join('\n');
}
