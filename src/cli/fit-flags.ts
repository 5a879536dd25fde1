/**
 * Flags of `fit` and `sweep`: those of a model, with a budget, or with several values each.
 */
import { InvalidArgumentError } from 'commander';
import type { ModelOptions } from '../models/options.js';
import type { SweepGrid } from '../models/sweep-model.js';
import { byteSize } from './flag-values.js';
import { MODEL_FLAGS, type Flag } from './flags.js';

/** The options of a model that make a difference for its sizes: all but the phase. */
const SIZE_FLAGS = MODEL_FLAGS.filter(({ key }) => key !== 'phase');

const MEMORY_FLAG: Flag = {
  key: 'memory',
  long: '--memory',
  value: 'SIZE',
  parse: byteSize,
  isRequired: true,
  help: 'memory that there is for weights, KV cache and compute buffer together (required)',
  group: 'The budget:',
};

export const FIT_FLAGS: readonly Flag[] = [MEMORY_FLAG, ...SIZE_FLAGS];

/** What a user gave to `fit`. */
export type FitFlags = ModelOptions & { readonly memory: number; readonly json?: boolean };

const CSV_FLAG: Flag = { key: 'csv', long: '--csv', help: 'print CSV, sizes in bytes', group: 'Output:' };

/** The flags of a model, each with a list of values. Switches stay switches. */
export const SWEEP_FLAGS: readonly Flag[] = [
  ...SIZE_FLAGS.map((flag) => (flag.parse === undefined ? flag : { ...flag, parse: listOf(flag.parse) })),
  CSV_FLAG,
];

/** What a user gave to `sweep`: a list of values, or `true`, for each option. */
export type SweepFlags = Readonly<Record<string, unknown>> & { readonly json?: boolean; readonly csv?: boolean };

/** The grid that the flags span. */
export function gridOf(flags: SweepFlags): SweepGrid {
  const given = SIZE_FLAGS.flatMap(({ key }) => (key in flags ? [[key, [flags[key]].flat()] as const] : []));
  return Object.fromEntries(given);
}

/** More values than any table has use for; a bound on what a range can make of a few characters. */
const MAX_VALUES = 10_000;

/** Reads `A,B,…`, where an item may be a range `FROM..TO:STEP`, both ends included. */
function listOf(parse: (text: string) => unknown): (text: string) => unknown[] {
  return (text) => {
    const values = text.split(',').flatMap((item) => {
      const range = /^(\d+)\.\.(\d+):(\d+)$/.exec(item);
      return range === null ? [parse(item)] : rangeOf(range.slice(1).map(Number)).map((n) => parse(String(n)));
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
