/**
 * The command that runs a model with options on a machine.
 *
 * Invariant: whoever reads the flags of the command gets the sizes of the options.
 */
import { PlannerError } from '../../errors.js';
import type { MachineOptions } from '../measure-on-devices.js';
import type { TensorOverride } from '../offload/overrides.js';
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

/** Words to paste, the program first. `-fit off`, as everything is chosen. @throws PlannerError as {@link programName} */
export function commandOf(model: string, options: MachineOptions): readonly string[] {
  const words = FLAGS.flatMap(({ flag, value }) => {
    const word = value(options);
    if (word === undefined || word === false) return [];
    return word === true ? [flag] : [flag, String(word)];
  });
  const file = /^https?:/i.test(model) ? '-mu' : '-m';
  return [programName(options.program), file, model, ...words, '-fit', 'off'];
}
