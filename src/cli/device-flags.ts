/**
 * The flags that spread a model over devices, with llama.cpp's names.
 *
 * Invariant: `key` is the name of the library's option. Switches that llama.cpp spells `--no-…` have an option that is
 * on by default, so their value is false. What several flags add to one list stays in the order of the command line.
 */
import { InvalidArgumentError } from 'commander';
import type { OffloadOptions } from '../models/offload/options.js';
import { EXPERTS, expertsOfFirstLayers, type TensorOverride } from '../models/offload/overrides.js';
import type { Flag } from './flag.js';

/** By the word for how the file gets into memory: whether it is mapped. */
const MAPS: Readonly<Partial<Record<string, OffloadOptions['mmap']>>> = {
  auto: 'auto',
  none: false,
  mmap: true,
  mlock: false,
  'mmap+mlock': true,
  dio: false,
};
const LOAD_MODES = Object.keys(MAPS);

export const always =
  <T>(value: T) =>
  (): T =>
    value;

const FOR_MACHINES = { kinds: ['model'], group: 'The machine (with --gpu, for .gguf), as in llama.cpp:' } as const;

/** The devices themselves: the only flag that is not one of llama.cpp's. */
export const GPU_FLAG: Flag = {
  key: 'gpu',
  long: '--gpu',
  value: 'DEVICE',
  parse: (text) => [text],
  isList: true,
  help: 'a device, such as cuda:24GiB, metal:64GiB or vulkan:8GiB; cuda:24GiB/22.5GiB says what is free, cuda:24GiB:8.9 the compute capability; once for each',
  ...FOR_MACHINES,
};

/** The flags that only make a difference on a machine with several devices. */
export const OFFLOAD_FLAGS: readonly (Flag & { readonly key: keyof OffloadOptions })[] = [
  {
    key: 'gpuLayers',
    short: '-ngl',
    long: '--gpu-layers',
    aliases: ['--n-gpu-layers'],
    value: 'N',
    parse: layerCount,
    help: 'layers on the devices, counted from the last one back, the output as one; auto and all: all (default: auto)',
    ...FOR_MACHINES,
  },
  {
    key: 'splitMode',
    short: '-sm',
    long: '--split-mode',
    value: 'none|layer',
    parse: (text) => text,
    help: 'one device has all layers, or each has some (default: layer)',
    ...FOR_MACHINES,
  },
  {
    key: 'tensorSplit',
    short: '-ts',
    long: '--tensor-split',
    value: 'N0,N1,…',
    parse: shares,
    help: 'the share of the layers of each device, such as 3,1 (default: the bytes free there)',
    ...FOR_MACHINES,
  },
  {
    key: 'mainGpu',
    short: '-mg',
    long: '--main-gpu',
    value: 'INDEX',
    parse: integer,
    help: 'the device of --split-mode none; the first is 0 (default: 0)',
    ...FOR_MACHINES,
  },
  {
    key: 'kvOffload',
    short: '-nkvo',
    long: '--no-kv-offload',
    parse: always(false),
    help: 'keep the KV cache on the CPU',
    ...FOR_MACHINES,
  },
  {
    key: 'kvOffload',
    short: '-kvo',
    long: '--kv-offload',
    parse: always(true),
    help: 'keep the KV cache with its layers (the default)',
    ...FOR_MACHINES,
  },
  {
    key: 'overrideTensors',
    short: '-ot',
    long: '--override-tensor',
    value: 'LIST',
    parse: overrides,
    isList: true,
    help: 'PATTERN=TYPE,…: weights whose names match go into that type of buffer, CPU or CUDA0; the first match wins',
    ...FOR_MACHINES,
  },
  {
    key: 'overrideTensors',
    short: '-cmoe',
    long: '--cpu-moe',
    parse: always([EXPERTS]),
    isList: true,
    help: 'keep the weights of all experts on the CPU',
    ...FOR_MACHINES,
  },
  {
    key: 'overrideTensors',
    short: '-ncmoe',
    long: '--n-cpu-moe',
    value: 'N',
    parse: expertLayers,
    isList: true,
    help: 'keep the weights of the experts of the first N layers on the CPU',
    ...FOR_MACHINES,
  },
  {
    key: 'opOffload',
    long: '--no-op-offload',
    parse: always(false),
    help: 'compute large batches of the CPU’s layers there, too',
    ...FOR_MACHINES,
  },
  {
    key: 'opOffload',
    long: '--op-offload',
    parse: always(true),
    help: 'compute large batches of the CPU’s layers on a device (the default)',
    ...FOR_MACHINES,
  },
  {
    key: 'repack',
    short: '-nr',
    long: '--no-repack',
    parse: always(false),
    help: 'keep the weights of the CPU in the layout of the file',
    ...FOR_MACHINES,
  },
  {
    key: 'repack',
    long: '--repack',
    parse: always(true),
    help: 'rearrange weights of the CPU where it is faster (the default)',
    ...FOR_MACHINES,
  },
  {
    key: 'mmap',
    long: '--no-mmap',
    aliases: ['-dio', '--direct-io', '-ndio', '--no-direct-io', '--mlock'],
    parse: always(false),
    help: 'read the file into memory; so do --direct-io and --mlock',
    ...FOR_MACHINES,
  },
  { key: 'mmap', long: '--mmap', parse: always(true), help: 'map the file into memory', ...FOR_MACHINES },
  {
    key: 'mmap',
    short: '-lm',
    long: '--load-mode',
    value: 'MODE',
    parse: loadMode,
    help: `how the file gets into memory: ${LOAD_MODES.join(', ')} (default: auto)`,
    ...FOR_MACHINES,
  },
  {
    key: 'host',
    long: '--no-host',
    parse: always(false),
    help: 'put no weights into host memory that a device offers',
    ...FOR_MACHINES,
  },
];

/** All flags of a machine. */
export const DEVICE_FLAGS: readonly Flag[] = [GPU_FLAG, ...OFFLOAD_FLAGS];

function integer(text: string): number {
  if (/^-?\d+$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be an integer.');
}

export function layerCount(text: string): number | string {
  return text === 'auto' || text === 'all' ? text : integer(text);
}

function shares(text: string): readonly number[] {
  const values = text.split(/[,/]+/).map((share) => (share.trim() === '' ? NaN : Number(share)));
  if (!values.includes(NaN)) return values;
  throw new InvalidArgumentError('It must be a list of numbers, such as 3,1.');
}

export function overrides(text: string): readonly TensorOverride[] {
  return text.split(',').map((override) => {
    const end = override.indexOf('=');
    if (end >= 0) return { pattern: override.slice(0, end), bufferType: override.slice(end + 1) };
    throw new InvalidArgumentError('It must be a list such as ffn_.*_exps=CPU.');
  });
}

export function expertLayers(text: string): readonly TensorOverride[] {
  const count = integer(text);
  if (count >= 0) return expertsOfFirstLayers(count);
  throw new InvalidArgumentError('It must be an integer of at least 0.');
}

function loadMode(text: string): OffloadOptions['mmap'] {
  const mode = MAPS[text];
  if (mode !== undefined) return mode;
  throw new InvalidArgumentError(`It must be one of ${LOAD_MODES.join(', ')}.`);
}
