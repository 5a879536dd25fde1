/**
 * `tensor-arena compare FILE LOG`: what llama.cpp printed, beside what is measured here.
 */
import type { Gguf } from '../gguf/types.js';
import { parseLlamaLog, type LlamaLog, type LogRun } from '../models/llama-log.js';
import { measureModel } from '../models/measure-model.js';
import type { MachineMeasurement } from '../models/measure-on-devices.js';
import { compareWithLog, formatComparison } from '../report/comparison.js';
import { CliError, EXIT, type ExitCode } from './cli-error.js';
import { inFile } from './failure.js';
import { modelOptionsOf, offloadOptionsOf, type Flags } from './flags.js';
import { readModelFile, readText } from './inputs.js';
import { machineOfLog, modelOptionsOfLog, offloadOptionsOfLog } from './log-options.js';
import { machineOf } from './machine.js';
import { readParts, type PartFiles } from './parts.js';
import { printNote, type Terminal } from './terminal.js';

/** Prints a line for each figure of the log; the exit code is 0 if all are equal. */
export async function compare(file: string, logFile: string, flags: Flags, terminal: Terminal): Promise<ExitCode> {
  const log = await inFile(logFile, () => readLog(logFile));
  const gguf = await inFile(file, () => readModelFile(file));
  const { adapters } = await readParts(flags);
  const run = runOf(log, gguf);
  if (log.runs.length > 1) {
    const which = `${log.runs.indexOf(run) + 1} of ${log.runs.length}`;
    printNote(terminal, `${logFile}: loads several models, or one several times; compared is number ${which}`);
  }
  const machine = await inFile(logFile, () => measureAsLogged(log, run, gguf, flags, adapters));
  const lines = compareWithLog(log, run, machine);
  if (flags.json === true) terminal.write(`${JSON.stringify(lines, null, 2)}\n`);
  else terminal.write(formatComparison(lines, terminal.style, terminal.columns));
  return lines.every(({ isEqual }) => isEqual) ? EXIT.done : EXIT.no;
}

function readLog(file: string): LlamaLog {
  const log = parseLlamaLog(readText(file));
  if (log.runs.length > 0) return log;
  throw new CliError('has no line of llama.cpp such as "CUDA0 compute buffer size = 156.04 MiB"');
}

/** The last run of a model with as many layers, or else the last. */
function runOf({ runs }: LlamaLog, { metadata }: Gguf): LogRun {
  const blocks = Number(metadata[`${String(metadata['general.architecture'])}.block_count`]);
  return runs.findLast(({ offloaded }) => offloaded?.[1] === blocks + 1) ?? runs[runs.length - 1];
}

/** Flags win over what the log says. */
function measureAsLogged(
  log: LlamaLog,
  run: LogRun,
  gguf: Gguf,
  flags: Flags,
  adapters: PartFiles['adapters'],
): MachineMeasurement {
  const devices = flags.gpu === undefined ? machineOfLog(run, log) : machineOf(flags.gpu);
  return measureModel(gguf, {
    devices,
    ...modelOptionsOfLog(run),
    ...modelOptionsOf(flags),
    ...offloadOptionsOfLog(run),
    ...offloadOptionsOf(flags),
    adapters,
  });
}
