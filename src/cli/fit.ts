/**
 * `tensor-arena fit FILE --memory SIZE`: which context fits? With `--gpu`: which ways to run a model fit a machine?
 */
import { fitContext } from '../models/fit-context.js';
import { fitJson, formatFit, formatFitOfWeights, type Budget } from '../report/fit-report.js';
import type { UnknownModel } from '../report/measured-file.js';
import { CliError, EXIT, type ExitCode } from './cli-error.js';
import { inFile } from './failure.js';
import { budgetOf, CHOICE_FLAGS, type FitFlags } from './fit-flags.js';
import { modelOptionsOf } from './flags.js';
import { readModelFile } from './inputs.js';
import { withProgress } from './progress.js';
import type { Terminal } from './terminal.js';
import { noteWithoutGpu } from './unused-flags.js';
import { ifKnown, noteUnknown, unknownModel } from './unknown-model.js';

/** Prints what fits the memory that was given, or the devices. */
export async function fit(file: string, flags: FitFlags, terminal: Terminal): Promise<ExitCode> {
  const { memory, gpu, reserve } = flags;
  if (gpu !== undefined) {
    refuseBudget(flags);
    return (await import('./fit-machine.js')).fitMachine(file, gpu, flags, terminal);
  }
  if (memory === undefined) throw new CliError(NOTHING_TO_FIT);
  const ours = CHOICE_FLAGS.filter(({ key }) => key in flags).map(({ long }) => long);
  if (ours.length > 0)
    throw new CliError(`${ours.join(' and ')} must have devices: add --gpu cuda:24GiB in place of --memory`);
  noteWithoutGpu(flags, terminal);
  return fitMemory(file, budgetOf(memory, reserve), flags, terminal);
}

const NOTHING_TO_FIT =
  'there is no memory to fit: give --gpu cuda:24GiB once for each GPU, or --memory 8GiB for a CPU alone';

const MIB = 2 ** 20;

/** A machine has its own memory, and llama.cpp's flag for what is kept free of it. */
function refuseBudget({ memory, reserve }: FitFlags): void {
  if (memory !== undefined)
    throw new CliError('--memory is that of a CPU alone, and --gpu has its own: leave one of them out');
  if (reserve === undefined) return;
  const target = `--fit-target ${Math.ceil(reserve / MIB)}`;
  throw new CliError(`--reserve is a part of --memory: with --gpu, ${target} keeps as much free on each device`);
}

/** Prints whether the wanted context fits, and what else would. The answer is about `--ctx-size` if it was given, else about any context. */
async function fitMemory(file: string, budget: Budget, flags: FitFlags, terminal: Terminal): Promise<ExitCode> {
  const { json: isJson = false } = flags;
  const gguf = await withProgress(terminal, [file], 1, (announce) => {
    announce(`reading ${file}`);
    return inFile(file, () => readModelFile(file));
  });
  const found = await inFile(file, () =>
    ifKnown(() => fitContext(gguf, budget.memory - budget.reserve, modelOptionsOf(flags))),
  );
  if (found === null) return fitUnknown(unknownModel(file, gguf), budget, isJson, terminal);
  const fits = flags.ctxSize === undefined ? found.fits : (found.tried.at(0)?.fits ?? false);
  terminal.write(
    isJson
      ? `${JSON.stringify(fitJson(file, { ...found, fits }, budget), null, 2)}\n`
      : formatFit(file, found, budget, terminal.style, terminal.columns),
  );
  return fits ? EXIT.done : EXIT.no;
}

/** Of an unknown architecture whose weights leave room, nothing else is known. */
function fitUnknown(model: UnknownModel, budget: Budget, isJson: boolean, terminal: Terminal): ExitCode {
  const { file, weights } = model;
  noteUnknown(model, terminal);
  const json = { file, ...budget, fits: null, weights };
  terminal.write(isJson ? `${JSON.stringify(json, null, 2)}\n` : formatFitOfWeights(weights, budget));
  return EXIT.unknown;
}
