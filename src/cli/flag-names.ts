/**
 * The names of all flags: which one is an option of the library, and which ones commander cannot read.
 */
import { DEVICE_FLAGS } from './device-flags.js';
import { CHOICE_FLAGS } from './fit-flags.js';
import { FITTING_FLAGS } from './fitting-flags.js';
import { namesOf, type Flag } from './flag.js';
import { CAPACITY_FLAG, MODEL_FLAGS, PLAN_FLAGS, SEARCH_FLAGS } from './flags.js';
import { CONVENTION_FLAG } from './graph-flags.js';
import { PART_FLAGS } from './part-flags.js';
import { SHAPE_FLAGS } from './shape-flags.js';
import { PASS_FLAGS } from './shrink-flags.js';
import { TRAIN_FLAGS } from './train-flags.js';
import { HAZARDS_FLAG, JSON_FLAG, MAP_FLAGS, OUTPUT_FLAG, TIMELINE_FLAG } from './output-flags.js';

const ALL_FLAGS: readonly Flag[] = [
  ...MODEL_FLAGS,
  ...SHAPE_FLAGS,
  CONVENTION_FLAG,
  ...DEVICE_FLAGS,
  ...FITTING_FLAGS,
  ...CHOICE_FLAGS,
  ...PART_FLAGS,
  ...PLAN_FLAGS,
  JSON_FLAG,
  TIMELINE_FLAG,
  HAZARDS_FLAG,
  CAPACITY_FLAG,
  ...SEARCH_FLAGS,
  ...PASS_FLAGS,
  OUTPUT_FLAG,
  ...MAP_FLAGS,
  ...TRAIN_FLAGS,
];

/** The flag for an option of the library. */
export function flagOf(key: string): string | undefined {
  return ALL_FLAGS.find((flag) => flag.key === key)?.long;
}

/** Names of several letters behind one dash, and other names, with the one that commander knows. */
const LONG_NAMES: ReadonlyMap<string, string> = new Map(
  ALL_FLAGS.flatMap((flag) =>
    namesOf(flag).flatMap((name) => (name.length > 2 && name !== flag.long ? [[name, flag.long] as const] : [])),
  ),
);

/**
 * Replaces short names of several letters, as llama.cpp has them, and its other names by the long ones: commander would
 * read `-ub` as `-u` and `-b`. Operands after `--` stay.
 */
export function expandShortNames(args: readonly string[]): string[] {
  const end = args.indexOf('--');
  return args.map((arg, index) => {
    if (end !== -1 && index > end) return arg;
    const [name] = arg.split('=', 1);
    return (LONG_NAMES.get(name) ?? name) + arg.slice(name.length);
  });
}
