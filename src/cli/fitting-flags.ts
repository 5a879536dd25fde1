/**
 * llama.cpp's flags for what it changes by itself so that a model fits.
 *
 * Invariant: `key` is the name of the library's option, but for `fit` itself, which says whether to fit.
 */
import { InvalidArgumentError } from 'commander';
import type { Device } from '../device/device.js';
import { DEFAULT_TARGET, type FitOptions } from '../models/fit/options.js';
import { tokenCount } from './flag-values.js';
import type { Flag } from './flag.js';

const FOR_FITTING = { kinds: ['model'], group: 'What fits the machine (with --gpu), as in llama.cpp:' } as const;

/** Whether llama.cpp fits at all. */
export const FIT_SWITCH: Flag = {
  key: 'fit',
  short: '-fit',
  long: '--fit',
  value: 'on|off',
  parse: onOrOff,
  help: 'choose context and layers that are not given, as llama.cpp does, so that they fit (default: off; on for a command behind --)',
  ...FOR_FITTING,
};

/** What it keeps while it does. */
export const FIT_GOALS: readonly Flag[] = [
  {
    key: 'targets',
    short: '-fitt',
    long: '--fit-target',
    value: 'MIB,…',
    parse: mebibytes,
    help: 'MiB that stay free on each device: one number for all, or one for each (default: 1024)',
    ...FOR_FITTING,
  },
  {
    key: 'minContext',
    short: '-fitc',
    long: '--fit-ctx',
    value: 'N',
    parse: leastTokens,
    help: 'tokens of context that are the least worth having (default: 4096)',
    ...FOR_FITTING,
  },
];

export const FITTING_FLAGS: readonly Flag[] = [FIT_SWITCH, ...FIT_GOALS];

/** What a user gave of them. */
export interface FittingFlags {
  readonly fit?: boolean;
  readonly targets?: readonly number[];
  readonly minContext?: number;
}

/** The options of a search; a device without a target of its own has llama.cpp's default. */
export function fitOptionsOf(
  { targets, minContext }: FittingFlags,
  devices: readonly Device[],
): Pick<FitOptions, 'targets' | 'minContext'> {
  const missing = devices.filter(({ bufferType }) => !bufferType.isHost).slice(targets?.length);
  return {
    ...(targets === undefined
      ? {}
      : { targets: targets.length === 1 ? targets[0] : [...targets, ...missing.map(() => DEFAULT_TARGET)] }),
    ...(minContext === undefined ? {} : { minContext }),
  };
}

const [ON, OFF] = [
  ['on', 'enabled', 'true', '1'],
  ['off', 'disabled', 'false', '0'],
];

function onOrOff(text: string): boolean {
  if (ON.includes(text) || OFF.includes(text)) return ON.includes(text);
  throw new InvalidArgumentError('It must be on or off.');
}

const MIB = 2 ** 20;

function mebibytes(text: string): readonly number[] {
  const bytes = text.split(/[,/]+/).map((size) => (/^\d+$/.test(size) ? Number(size) * MIB : NaN));
  if (bytes.every((size) => Number.isSafeInteger(size))) return bytes;
  throw new InvalidArgumentError(
    'It must be a number of MiB without a unit, such as 1024, or a list such as 1024,512.',
  );
}

function leastTokens(text: string): number {
  const tokens = tokenCount(text);
  if (tokens > 0) return tokens;
  throw new InvalidArgumentError('It must be at least 1.');
}
