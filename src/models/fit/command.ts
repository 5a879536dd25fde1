/**
 * The command that runs a model with options on a machine.
 *
 * Invariant: whoever reads the flags of the command gets the sizes of the options.
 */
import { checkArgument, checkOptions, PlannerError } from '../../errors.js';
import type { MachineOptions } from '../measure-on-devices.js';
import { OFFLOAD_OPTIONS } from '../offload/options.js';
import type { TensorOverride } from '../offload/overrides.js';
import { MODEL_OPTIONS } from '../options.js';
import type { Program } from '../programs.js';

type Word = string | number | boolean | undefined;

/** The flag of each option, and how its value is written; options without a flag are left out. */
const FLAGS: readonly { readonly flag: string; readonly value: (options: MachineOptions) => Word }[] = [
  { flag: '-c', value: ({ ctxSize }) => ctxSize },
  { flag: '-b', value: ({ batchSize }) => batchSize },
  { flag: '-ub', value: ({ ubatchSize }) => ubatchSize },
  { flag: '-np', value: ({ parallel }) => parallel },
  { flag: '-kvu', value: ({ kvUnified }) => kvUnified },
  { flag: '-fa', value: ({ flashAttention }) => asWord(flashAttention) },
  { flag: '-ctk', value: ({ cacheTypeK }) => cacheTypeK },
  { flag: '-ctv', value: ({ cacheTypeV }) => cacheTypeV },
  { flag: '--swa-full', value: ({ swaFull }) => swaFull },
  { flag: '--embeddings', value: ({ embeddings }) => embeddings },
  { flag: '--pooling', value: ({ pooling }) => pooling },
  { flag: '-ngl', value: ({ gpuLayers }) => gpuLayers },
  { flag: '-sm', value: ({ splitMode }) => splitMode },
  { flag: '-ts', value: ({ tensorSplit }) => tensorSplit?.join(',') },
  { flag: '-mg', value: ({ mainGpu }) => mainGpu },
  { flag: '-ot', value: ({ overrideTensors }) => overrideTensors && listed(overrideTensors) },
  { flag: '-cmoe', value: ({ cpuMoe }) => cpuMoe },
  { flag: '-ncmoe', value: ({ nCpuMoe }) => nCpuMoe },
  { flag: '-nkvo', value: ({ kvOffload }) => kvOffload === false },
  { flag: '--no-op-offload', value: ({ opOffload }) => opOffload === false },
  { flag: '--no-repack', value: ({ repack }) => repack === false },
  { flag: '--mmap', value: ({ mmap }) => mmap === true },
  { flag: '--no-mmap', value: ({ mmap }) => mmap === false },
  { flag: '--no-host', value: ({ host }) => host === false },
];

function asWord(value: boolean | 'auto' | undefined): Word {
  return typeof value === 'boolean' ? (value ? 'on' : 'off') : value;
}

function listed(overrides: readonly TensorOverride[]): Word {
  if (overrides.length === 0) return undefined;
  return overrides.map(({ pattern, bufferType }) => `${pattern}=${bufferType}`).join(',');
}

/** What runs a model as each program does; llama-bench has other flags, and runs no model for longer than a test. */
const NAMES: Readonly<Record<Program, string | null>> = {
  server: 'llama-server',
  cli: 'llama-cli',
  library: 'llama-completion',
  bench: null,
};

/** The program that runs a model. @throws PlannerError `BAD_ARGUMENT` for llama-bench */
export function programName(program: Program = 'server'): string {
  const name = Object.hasOwn(NAMES, program) ? NAMES[program] : 'llama-server';
  if (name !== null) return name;
  throw new PlannerError('BAD_ARGUMENT', {
    message: 'llama-bench has no command that runs a model with a context, so nothing can be fitted for it.',
    culprit: 'program',
    value: program,
    limit: 'server, cli or library',
    remedy: 'Give the program library: its sizes are those of llama-bench.',
  });
}

/**
 * The command that runs a model on a machine, in words, the program first. It ends with `-fit off`, as everything is
 * chosen. Options that no flag of llama.cpp has are left out. O(options).
 *
 * @param model path or address of the file
 * @throws PlannerError `BAD_ARGUMENT` for unknown options, and for the program `bench`
 *
 * @example
 * ```ts
 * import { commandOf } from 'tensor-arena/models';
 * import { parseDevices } from 'tensor-arena/device';
 * const options = { devices: parseDevices(['cuda:8GiB']), gpuLayers: 20, ctxSize: 4096 };
 * console.log(commandOf('model.gguf', options).join(' ')); // llama-server -m model.gguf -c 4096 -ngl 20 -fit off
 * ```
 */
export function commandOf(model: string, options: MachineOptions): readonly string[] {
  checkArgument(typeof model === 'string', 'model', model, 'a text', 'Give the path of the file.');
  checkOptions(options, { ...MODEL_OPTIONS, ...OFFLOAD_OPTIONS });
  const words = FLAGS.flatMap(({ flag, value }) => {
    const word = value(options);
    if (word === undefined || word === false) return [];
    return word === true ? [flag] : [flag, String(word)];
  });
  const file = /^https?:/i.test(model) ? '-mu' : '-m';
  return [programName(options.program), file, model, ...words, '-fit', 'off'];
}
