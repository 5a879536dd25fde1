/**
 * The flags that spread a model over devices, with llama.cpp's names.
 *
 * Invariant: `key` is the name of the library's option. Switches that llama.cpp spells `--no-…` have an option that is
 * on by default, so their value is false. What several flags add to one list stays in the order of the command line.
 */
import { InvalidArgumentError } from 'commander';
import type { OffloadOptions } from '../models/offload/options.js';
import { EXPERTS, expertsOfFirstLayers, type TensorOverride } from '../models/offload/overrides.js';

/** One flag, or two that say the opposite of each other. */
export interface DeviceFlag {
  readonly key: keyof OffloadOptions;
  readonly names: readonly string[];
  /** What stands for the value in the help; absent for a switch. */
  readonly value?: string;
  /** What the flag makes of its text; that of a switch is empty. */
  readonly parse: (text: string) => unknown;
  /** Whether several flags add to one list. Default: the last one holds. */
  readonly isList?: boolean;
}

const always =
  <T>(value: T) =>
  (): T =>
    value;

export const DEVICE_FLAGS: readonly DeviceFlag[] = [
  { key: 'gpuLayers', names: ['-ngl', '--gpu-layers', '--n-gpu-layers'], value: 'N', parse: layerCount },
  { key: 'splitMode', names: ['-sm', '--split-mode'], value: 'MODE', parse: (text) => text },
  { key: 'tensorSplit', names: ['-ts', '--tensor-split'], value: 'N0,N1,…', parse: shares },
  { key: 'mainGpu', names: ['-mg', '--main-gpu'], value: 'INDEX', parse: integer },
  { key: 'kvOffload', names: ['-nkvo', '--no-kv-offload'], parse: always(false) },
  { key: 'kvOffload', names: ['-kvo', '--kv-offload'], parse: always(true) },
  {
    key: 'overrideTensors',
    names: ['-ot', '--override-tensor'],
    value: 'PATTERN=TYPE,…',
    parse: overrides,
    isList: true,
  },
  { key: 'overrideTensors', names: ['-cmoe', '--cpu-moe'], parse: always([EXPERTS]), isList: true },
  { key: 'overrideTensors', names: ['-ncmoe', '--n-cpu-moe'], value: 'N', parse: expertLayers, isList: true },
  { key: 'opOffload', names: ['--no-op-offload'], parse: always(false) },
  { key: 'opOffload', names: ['--op-offload'], parse: always(true) },
  { key: 'repack', names: ['-nr', '--no-repack'], parse: always(false) },
  { key: 'repack', names: ['--repack'], parse: always(true) },
  {
    key: 'mmap',
    names: ['--no-mmap', '-dio', '--direct-io', '-ndio', '--no-direct-io', '--mlock'],
    parse: always(false),
  },
  { key: 'mmap', names: ['--mmap'], parse: always(true) },
  { key: 'mmap', names: ['-lm', '--load-mode'], value: 'MODE', parse: loadMode },
  { key: 'host', names: ['--no-host'], parse: always(false) },
];

function integer(text: string): number {
  if (/^-?\d+$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be an integer.');
}

function layerCount(text: string): number | string {
  return text === 'auto' || text === 'all' ? text : integer(text);
}

function shares(text: string): readonly number[] {
  const values = text.split(/[,/]+/).map((share) => (share.trim() === '' ? NaN : Number(share)));
  if (!values.includes(NaN)) return values;
  throw new InvalidArgumentError('It must be a list of numbers, such as 3,1.');
}

function overrides(text: string): readonly TensorOverride[] {
  return text.split(',').map((override) => {
    const end = override.indexOf('=');
    if (end >= 0) return { pattern: override.slice(0, end), bufferType: override.slice(end + 1) };
    throw new InvalidArgumentError('It must be a list such as ffn_.*_exps=CPU.');
  });
}

function expertLayers(text: string): readonly TensorOverride[] {
  const count = integer(text);
  if (count >= 0) return expertsOfFirstLayers(count);
  throw new InvalidArgumentError('It must be an integer of at least 0.');
}

const LOAD_MODES: ReadonlyMap<string, OffloadOptions['mmap']> = new Map<string, OffloadOptions['mmap']>([
  ['auto', 'auto'],
  ['none', false],
  ['mmap', true],
  ['mlock', false],
  ['mmap+mlock', true],
  ['dio', false],
]);

function loadMode(text: string): OffloadOptions['mmap'] {
  const mode = LOAD_MODES.get(text);
  if (mode !== undefined) return mode;
  throw new InvalidArgumentError(`It must be one of ${[...LOAD_MODES.keys()].join(', ')}.`);
}
