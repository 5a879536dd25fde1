/**
 * Flags of `fit` and `sweep`: those of a model, with a budget, or with several values each.
 */
import { InvalidArgumentError } from 'commander';
import { CACHE_TYPES } from '../models/cache-types.js';
import type { Device } from '../device/device.js';
import type { MachineGrid, SweepGrid } from '../models/sweep-model.js';
import type { Budget } from '../report/fit-report.js';
import { exactBytes } from '../format.js';
import { CliError } from './cli-error.js';
import { DEVICE_FLAGS } from './device-flags.js';
import { FIT_GOALS } from './fitting-flags.js';
import { BY_DEFAULT, choice, MAX_UINT32, memorySize, tokenCount, wholeNumber } from './flag-values.js';
import { MODEL_FLAGS, type Flags } from './flags.js';
import type { Flag } from './flag.js';

/** Whatever is no model is refused, so that no flag is for some kinds only. */
const forModels = (flags: readonly Flag[]): Flag[] => flags.map((flag) => ({ ...flag, kinds: undefined }));

/** The options of a model that make a difference for its sizes: all but the phase. */
const SIZE_FLAGS = forModels(MODEL_FLAGS.filter(({ key }) => key !== 'phase'));
const MACHINE_FLAGS = forModels(DEVICE_FLAGS);

const MEMORY_FLAG: Flag = {
  key: 'memory',
  long: '--memory',
  value: 'SIZE',
  parse: memorySize,
  help: 'memory of a CPU alone: what there is for weights, KV cache and compute buffer together',
  group: 'The budget:',
};

const RESERVE_FLAG: Flag = {
  key: 'reserve',
  long: '--reserve',
  value: 'SIZE',
  parse: memorySize,
  help: 'of --memory, bytes that are kept free for what is not counted: the driver, the display, other programs (default: none)',
  group: 'The budget:',
};

const CHOICES = 'What fits the machine (with --gpu):';

/** What is tried on a machine, besides layers, experts and contexts. */
export const CHOICE_FLAGS: readonly Flag[] = [
  {
    key: 'as',
    long: '--as',
    value: 'llama.cpp',
    parse: choice(['llama.cpp']),
    help: 'choose as llama.cpp itself does where -fit is on, instead of all that is best',
    group: CHOICES,
  },
  {
    key: 'cacheTypes',
    long: '--cache-types',
    value: 'TYPE,…',
    parse: listOf(choice(CACHE_TYPES)),
    help: 'types of the KV cache to try, for keys and values alike (default: f16,q8_0)',
    group: CHOICES,
  },
  {
    key: 'ubatchSizes',
    long: '--ubatch-sizes',
    value: 'N,…',
    parse: listOf(tokenCount),
    help: 'physical batches to try (default: 512)',
    group: CHOICES,
  },
];

/** A goal of the search has our own heading here. */
const GOAL_FLAGS = forModels(FIT_GOALS).map((flag) => ({ ...flag, group: CHOICES }));

export const FIT_FLAGS: readonly Flag[] = [
  MEMORY_FLAG,
  RESERVE_FLAG,
  ...CHOICE_FLAGS,
  ...GOAL_FLAGS,
  ...SIZE_FLAGS,
  ...MACHINE_FLAGS,
];

/** What a user gave to `fit`. */
export type FitFlags = Flags & {
  readonly memory?: number;
  readonly reserve?: number;
  readonly as?: 'llama.cpp';
  readonly cacheTypes?: readonly string[];
  readonly ubatchSizes?: readonly number[];
};

const CSV_FLAG: Flag = { key: 'csv', long: '--csv', help: 'print CSV, sizes in bytes', group: 'Output:' };

/** Flags whose value is a list already: one value for all rows. */
const ONE_VALUE = ['gpu', 'tensorSplit', 'overrideTensors'];

/** The experts of so many layers are a value of their own here. */
const SWEPT_DEVICE_FLAGS: readonly Flag[] = MACHINE_FLAGS.map((flag) => {
  if (flag.long === '--n-cpu-moe')
    return { ...flag, key: 'nCpuMoe', isList: undefined, parse: wholeNumber(0, MAX_UINT32) };
  if (flag.long === '--cpu-moe') return { ...flag, key: 'cpuMoe', isList: undefined, parse: undefined };
  return flag;
});

function isSwept({ key, value, parse }: Flag): boolean {
  return parse !== undefined && value !== undefined && !ONE_VALUE.includes(key);
}

/** The flags of a model, each with a list of values. Switches stay switches. */
export const SWEEP_FLAGS: readonly Flag[] = [
  {
    ...MEMORY_FLAG,
    help: 'say of each row whether it fits: memory for weights, KV cache and compute buffer together',
  },
  RESERVE_FLAG,
  ...[...SIZE_FLAGS, ...SWEPT_DEVICE_FLAGS].map((flag) =>
    isSwept(flag) ? { ...flag, parse: listOf(flag.parse!) } : flag,
  ),
  CSV_FLAG,
];

/** What a user gave to `sweep`: a list of values, or `true`, for each option. */
export type SweepFlags = Readonly<Record<string, unknown>> & {
  readonly memory?: number;
  readonly reserve?: number;
  readonly json?: boolean;
  readonly csv?: boolean;
  readonly gpu?: readonly string[];
};

/** What there is, and what of it may be used. @throws CliError if nothing is left */
export function budgetOf(memory: number, reserve = 0): Budget {
  if (reserve < memory) return { memory, reserve };
  throw new CliError(`--reserve ${exactBytes(reserve)} leaves nothing of --memory ${exactBytes(memory)}: reserve less`);
}

/** The grid that the flags span. */
export function gridOf(flags: SweepFlags): SweepGrid {
  const valuesOf = (key: string): unknown[] =>
    [flags[key]].flat().map((value) => (value === BY_DEFAULT ? undefined : value));
  const given = SIZE_FLAGS.flatMap(({ key }) => (key in flags ? [[key, valuesOf(key)] as const] : []));
  return Object.fromEntries(given);
}

/** The same of a machine. */
export function machineGridOf(devices: readonly Device[], flags: SweepFlags): MachineGrid {
  const keys = [...new Set(SWEPT_DEVICE_FLAGS.map(({ key }) => key))].filter((key) => key !== 'gpu' && key in flags);
  const given = keys.map((key) => [key, ONE_VALUE.includes(key) ? [flags[key]] : [flags[key]].flat()] as const);
  return { ...gridOf(flags), ...Object.fromEntries(given), devices: [devices] };
}

/** More values than any table has use for; a bound on what a range can make of a few characters. */
const MAX_VALUES = 10_000;

/** Reads `A,B,…`, where an item may be a range `FROM..TO:STEP`, both ends included. */
function listOf(parse: (text: string) => unknown): (text: string) => unknown[] {
  return (text) => {
    const values = text.split(',').flatMap((item) => {
      const range = /^(\d+k?)\.\.(\d+k?):(\d+k?)$/i.exec(item);
      return range === null ? [parse(item)] : rangeOf(range.slice(1).map(tokenCount)).map((n) => parse(String(n)));
    });
    if (values.length > MAX_VALUES) throw tooMany();
    return [...new Set(values)];
  };
}

function rangeOf([from, to, step]: readonly number[]): number[] {
  if (step === 0 || to < from) throw new InvalidArgumentError('A range must be FROM..TO:STEP, with FROM up to TO.');
  const count = Math.floor((to - from) / step) + 1;
  if (count > MAX_VALUES) throw tooMany();
  return Array.from({ length: count }, (_, index) => from + index * step);
}

function tooMany(): InvalidArgumentError {
  return new InvalidArgumentError(`A list may have up to ${MAX_VALUES} values.`);
}
