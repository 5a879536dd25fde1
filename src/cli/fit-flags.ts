/**
 * Flags of `fit` and `sweep`: those of a model, with a budget, or with several values each.
 */
import { InvalidArgumentError } from 'commander';
import type { ModelOptions } from '../models/options.js';
import type { SweepGrid } from '../models/sweep-model.js';
import type { Budget } from '../report/fit-report.js';
import { exactBytes } from '../format.js';
import { CliError } from './cli-error.js';
import { BY_DEFAULT, memorySize, tokenCount } from './flag-values.js';
import { MODEL_FLAGS } from './flags.js';
import type { Flag } from './flag.js';

/** The options of a model that make a difference for its sizes: all but the phase. Whatever else is given is refused, so that no flag is for some kinds only. */
const SIZE_FLAGS = MODEL_FLAGS.filter(({ key }) => key !== 'phase').map((flag) => ({ ...flag, kinds: undefined }));

const MEMORY_FLAG: Flag = {
  key: 'memory',
  long: '--memory',
  value: 'SIZE',
  parse: memorySize,
  isRequired: true,
  help: 'memory that there is for weights, KV cache and compute buffer together (required)',
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

export const FIT_FLAGS: readonly Flag[] = [MEMORY_FLAG, RESERVE_FLAG, ...SIZE_FLAGS];

/** What a user gave to `fit`. */
export type FitFlags = ModelOptions & { readonly memory: number; readonly reserve?: number; readonly json?: boolean };

const CSV_FLAG: Flag = { key: 'csv', long: '--csv', help: 'print CSV, sizes in bytes', group: 'Output:' };

/** The flags of a model, each with a list of values. Switches stay switches. */
export const SWEEP_FLAGS: readonly Flag[] = [
  {
    ...MEMORY_FLAG,
    isRequired: false,
    help: 'say of each row whether it fits: memory for weights, KV cache and compute buffer together',
  },
  RESERVE_FLAG,
  ...SIZE_FLAGS.map((flag) => (flag.parse === undefined ? flag : { ...flag, parse: listOf(flag.parse) })),
  CSV_FLAG,
];

/** What a user gave to `sweep`: a list of values, or `true`, for each option. */
export type SweepFlags = Readonly<Record<string, unknown>> & {
  readonly memory?: number;
  readonly reserve?: number;
  readonly json?: boolean;
  readonly csv?: boolean;
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
