/**
 * The flags of `shrink`.
 */
import { byteSize, MAX_UINT32, wholeNumber } from './flag-values.js';
import type { Flag } from './flag.js';
import { MODEL_FLAGS, PLAN_FLAGS } from './flags.js';
import { CONVENTION_FLAG } from './graph-flags.js';
import { SHAPE_FLAGS } from './shape-flags.js';

const PASSES = 'What may change:';
const SEARCH = 'The search:';

/** Flags that only this command has. */
export const PASS_FLAGS: readonly Flag[] = [
  {
    key: 'budget',
    long: '--budget',
    value: 'SIZE',
    parse: byteSize,
    help: 'bytes that the compute buffer may have; the exit code is 1 if it has more in the end',
    group: PASSES,
  },
  {
    key: 'order',
    long: '--order',
    help: 'the order in which the nodes run (default: order and split)',
    group: PASSES,
  },
  {
    key: 'split',
    long: '--split',
    help: 'regions are computed in parts, such as so many tokens at a time (default: order and split)',
    group: PASSES,
  },
  {
    key: 'recompute',
    long: '--recompute',
    help: 'values may be computed again for a later reader',
    group: PASSES,
  },
  {
    key: 'maxExtraOps',
    long: '--max-extra-ops',
    value: 'PERCENT',
    parse: (text) => wholeNumber(0, 10_000)(text.replace(/%$/, '')) / 100,
    help: 'operations that may be computed more than once, of all there are (default: 10)',
    group: PASSES,
  },
];

export const SHRINK_FLAGS: readonly Flag[] = [
  ...PASS_FLAGS,
  {
    key: 'maxEffort',
    long: '--max-effort',
    value: 'N',
    parse: wholeNumber(0, Number.MAX_SAFE_INTEGER),
    help: 'search for so many units at most (default: 200000, some seconds)',
    group: SEARCH,
  },
  {
    key: 'timeLimitMs',
    long: '--time-limit',
    value: 'SECONDS',
    parse: (text) => 1000 * wholeNumber(0, MAX_UINT32)(text),
    help: 'search for so many seconds at most; what is found then depends on the machine (default: no limit)',
    group: SEARCH,
  },
  ...MODEL_FLAGS,
  ...SHAPE_FLAGS,
  CONVENTION_FLAG,
  ...PLAN_FLAGS.filter(({ key }) => ['reuse', 'alignment', 'runtime'].includes(key)),
];
