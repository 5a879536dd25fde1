/**
 * `tensor-arena fit FILE --gpu DEVICE`: the best ways to run a model on a machine, or llama.cpp's own.
 */
import type { Device } from '../device/device.js';
import type { Gguf } from '../gguf/types.js';
import { fitModel } from '../models/fit/fit-model.js';
import { fitAsLlamaCpp } from '../models/fit/llama-cpp.js';
import { measureModel } from '../models/measure-model.js';
import { formatLlamaCppChoice, llamaCppChoiceJson } from '../report/llama-choice.js';
import { formatModelFit, modelFitJson } from '../report/machine-fit-report.js';
import { CliError, EXIT, type ExitCode } from './cli-error.js';
import { inFile } from './failure.js';
import type { FitFlags } from './fit-flags.js';
import { fitOptionsOf } from './fitting-flags.js';
import { flagOf } from './flag-names.js';
import { modelOptionsOf, offloadOptionsOf, type OffloadFlags } from './flags.js';
import { readModelFile } from './inputs.js';
import { machineOf } from './machine.js';
import { serverCopies } from './parts.js';
import { withProgress } from './progress.js';
import { printNote, type Terminal } from './terminal.js';

/** Prints what fits these devices; the exit code is 1 if nothing does. */
export async function fitMachine(
  file: string,
  gpu: readonly string[],
  flags: FitFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  const devices = machineOf(gpu);
  const answer =
    flags.as === undefined ? bestWays(file, devices, flags, terminal) : asLlamaCpp(file, devices, flags, terminal);
  noteNoFlag(flags, terminal);
  const { fits, json, text } = await withProgress(terminal, [file], 2, async (announce) => {
    announce(`reading ${file}`);
    const gguf = await inFile(file, () => readModelFile(file));
    announce(`fitting ${file}`);
    return inFile(file, () => answer(gguf));
  });
  terminal.write(flags.json === true ? `${JSON.stringify(json(), null, 2)}\n` : text());
  return fits ? EXIT.done : EXIT.no;
}

/** What was found, printed on demand. */
interface Answer {
  readonly fits: boolean;
  readonly json: () => object;
  readonly text: () => string;
}

type Question = (gguf: Gguf) => Answer;

function bestWays(file: string, devices: readonly Device[], flags: FitFlags, { style, columns }: Terminal): Question {
  const { cacheTypes, ubatchSizes } = flags;
  const given = {
    file,
    ...modelOptionsOf(flags),
    ...freeChoices(offloadOptionsOf(flags)),
    ...fitOptionsOf(flags, devices),
    ...(cacheTypes === undefined ? {} : { cacheTypes }),
    ...(ubatchSizes === undefined ? {} : { ubatchSizes }),
  };
  return (gguf) => {
    const fit = fitModel(gguf, devices, given);
    return {
      fits: fit.points.length > 0,
      json: () => modelFitJson(file, fit),
      text: () => formatModelFit(file, fit, style, columns),
    };
  };
}

function asLlamaCpp(file: string, devices: readonly Device[], flags: FitFlags, { style, columns }: Terminal): Question {
  const lists = (['cacheTypes', 'ubatchSizes'] as const).filter((key) => flags[key] !== undefined);
  if (lists.length > 0) {
    const names = lists.map((key) => flagOf(key)!).join(' and ');
    throw new CliError(`${names} must be left out with --as llama.cpp, which chooses neither: give -ctk, -ctv or -ub`);
  }
  const options = { devices, ...modelOptionsOf(flags), ...offloadOptionsOf(flags), ...fitOptionsOf(flags, devices) };
  return (gguf) => {
    const fit = fitAsLlamaCpp(gguf, options);
    const machine = measureModel(gguf, fit.options);
    const choice = { file, fit, machine, parts: [], devices: machine.devices, copies: serverCopies(machine, flags) };
    return {
      fits: choice.machine.devices.every(({ total, freeBytes }) => total <= freeBytes),
      json: () => llamaCppChoiceJson(choice),
      text: () => formatLlamaCppChoice(choice, style, columns),
    };
  };
}

/** llama.cpp's number for a free choice. */
const ANY_LAYERS = -1;

/** What is chosen here cannot be given; llama.cpp's words for a free choice may stand. @throws CliError */
function freeChoices({ gpuLayers, tensorSplit, overrideTensors, ...rest }: OffloadFlags): OffloadFlags {
  const isFree = gpuLayers === undefined || gpuLayers === 'auto' || gpuLayers === ANY_LAYERS;
  const given = [
    ...(isFree ? [] : ['--gpu-layers']),
    ...(tensorSplit === undefined ? [] : ['--tensor-split']),
    ...(overrideTensors === undefined || overrideTensors.length === 0
      ? []
      : ['--override-tensor, --cpu-moe or --n-cpu-moe']),
  ];
  if (given.length === 0) return rest;
  throw new CliError(
    `fit chooses ${given.join(' and ')} itself: leave it out, or ask measure what it takes; with --as llama.cpp it stays as given`,
  );
}

/** llama.cpp has no flag for it. */
function noteNoFlag({ outputs, stateSnapshots }: FitFlags, terminal: Terminal): void {
  for (const [flag, value] of Object.entries({ '--outputs': outputs, '--state-snapshots': stateSnapshots })) {
    if (value !== undefined)
      printNote(terminal, `no flag of llama.cpp is ${flag} ${value}, so the commands do not say it`);
  }
}
