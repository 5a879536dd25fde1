/**
 * The command that runs llama-server with options of a model on a machine.
 */
import type { MachineOptions } from '../measure-on-devices.js';

type Word = string | number | boolean | undefined;

/** The flag of each option, and how its value is written; options without a flag are left out. */
const FLAGS: readonly { readonly flag: string; readonly value: (options: MachineOptions) => Word }[] = [
  { flag: '-c', value: ({ ctxSize }) => ctxSize },
  { flag: '-b', value: ({ batchSize }) => batchSize },
  { flag: '-ub', value: ({ ubatchSize }) => ubatchSize },
  { flag: '-np', value: ({ parallel }) => parallel ?? 1 },
  { flag: '-kvu', value: ({ kvUnified }) => kvUnified },
  { flag: '-fa', value: ({ flashAttention }) => asWord(flashAttention) },
  { flag: '-ctk', value: ({ cacheTypeK }) => cacheTypeK },
  { flag: '-ctv', value: ({ cacheTypeV }) => cacheTypeV },
  { flag: '--swa-full', value: ({ swaFull }) => swaFull },
  { flag: '-ngl', value: ({ gpuLayers }) => gpuLayers },
  { flag: '-sm', value: ({ splitMode }) => splitMode },
  { flag: '-ts', value: ({ tensorSplit }) => tensorSplit?.join(',') },
  { flag: '-mg', value: ({ mainGpu }) => mainGpu },
  { flag: '-ncmoe', value: ({ nCpuMoe }) => nCpuMoe },
  { flag: '-nkvo', value: ({ kvOffload }) => kvOffload === false },
  { flag: '--no-op-offload', value: ({ opOffload }) => opOffload === false },
  { flag: '--no-repack', value: ({ repack }) => repack === false },
  { flag: '--no-mmap', value: ({ mmap }) => mmap === false },
  { flag: '--no-host', value: ({ host }) => host === false },
];

function asWord(value: boolean | 'auto' | undefined): Word {
  return typeof value === 'boolean' ? (value ? 'on' : 'off') : value;
}

/** Words to paste, the program first. `-fit off`, as everything is chosen. */
export function serverCommand(model: string, options: MachineOptions): readonly string[] {
  const words = FLAGS.flatMap(({ flag, value }) => {
    const word = value(options);
    if (word === undefined || word === false) return [];
    return word === true ? [flag] : [flag, String(word)];
  });
  return ['llama-server', '-m', model, ...words, '-fit', 'off'];
}
