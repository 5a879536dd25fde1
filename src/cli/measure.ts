/**
 * `tensor-arena measure FILE…`: how large must the buffer be?
 */
import { PlannerError } from '../errors.js';
import type { Gguf } from '../gguf/gguf.js';
import { measureModel, type ModelMeasurement } from '../models/measure-model.js';
import { measureWeights } from '../models/weights.js';
import { measureGraph, type Measurement } from '../plan/measure.js';
import { Plan, planGraph } from '../plan/plan.js';
import { measuredFileJson, type MeasuredFile, type UnknownModel } from '../report/measured-file.js';
import { formatReport } from '../report/measurement-report.js';
import { liveBytesPerStep } from '../problem/lower-bound.js';
import { memoryMapOf } from '../report/map/from-plan.js';
import { liveLoadOf } from '../report/map/load.js';
import { formatMeasurements } from '../report/measurement-table.js';
import { printable } from '../report/table.js';
import { formatTimeline } from '../report/timeline.js';
import { EXIT, type ExitCode } from './exit-code.js';
import { inFile, printFailure } from './failure.js';
import { planOptionsOf, type Flags } from './flags.js';
import { readInput, type Input } from './inputs.js';
import { placeProblem } from './placed-problem.js';
import { withProgress, type Announce } from './progress.js';
import { printNote, type Terminal } from './terminal.js';

/** Columns of a chart that goes into a file. */
const PLAIN_WIDTH = 80;

interface Measured {
  readonly file: MeasuredFile | UnknownModel;
  /** For a report, if there is a graph to plan. */
  readonly plan?: Plan;
  /** Live bytes at every step, for a report on what is placed. */
  readonly load?: () => Float64Array;
}

/** Prints a report on one graph or model, and a table of everything else; what cannot be measured is left out. */
export async function measure(files: readonly string[], flags: Flags, terminal: Terminal): Promise<ExitCode> {
  const isReport = files.length === 1 && flags.json !== true;
  if (flags.timeline === true && !isReport)
    printNote(terminal, '--timeline has no effect: it is for the report on one file');
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
  if (measured.length > 0) terminal.write(formatMeasured(measured, flags, terminal));
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
    case 'problem': {
      const { problem } = input.csv;
      const { placement, bufferSize, lowerBound, optimal, allocator } = placeProblem(problem, flags);
      const { chunks } = placement;
      const fields = { bufferSize, chunks, lowerBound, optimal, allocator };
      const measured = { file: { file, buffers: problem.bufferCount, ...fields } };
      return isReport ? { ...measured, load: () => liveBytesPerStep(problem) } : measured;
    }
    case 'graph': {
      const options = planOptionsOf(flags, 'auto');
      const measurement = isReport ? planGraph(input.graph, options) : measureGraph(input.graph, options);
      const measured = { file: { file, ...fieldsOf(measurement) } };
      return measurement instanceof Plan ? withPlan(measured, measurement) : measured;
    }
    case 'model': {
      const model = measureIfKnown(input.gguf, flags);
      if (model === null) return { file: unknownModel(file, input.gguf) };
      const measured = { file: { file, ...fieldsOf(model.measurement), model } };
      return isReport ? withPlan(measured, model.plan) : measured;
    }
  }
}

function withPlan(measured: Measured, plan: Plan): Measured {
  return { ...measured, plan, load: () => liveLoadOf(memoryMapOf(plan)) };
}

/** Null if the architecture is unknown. */
function measureIfKnown(gguf: Gguf, flags: Flags): ModelMeasurement | null {
  try {
    return measureModel(gguf, flags, planOptionsOf(flags, 'ggml'));
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

function formatMeasured(measured: readonly Measured[], { json, timeline }: Flags, terminal: Terminal): string {
  const { style, columns } = terminal;
  const files = measured.map(({ file }) => file);
  if (json === true) return `${JSON.stringify(files.map(measuredFileJson), null, 2)}\n`;
  const [{ file, plan, load }] = measured;
  const isUnknown = 'unknownArchitecture' in file;
  const hasReport = plan !== undefined && !isUnknown;
  const text = hasReport ? formatReport(file, plan, style, columns !== null) : formatMeasurements(files, style);
  if (timeline !== true || load === undefined) return text;
  const chart = formatTimeline(load(), columns ?? PLAIN_WIDTH, style);
  return [text, ...chart, ''].join('\n');
}
