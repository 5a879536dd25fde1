/**
 * Flags that say what is printed, where, and how it looks.
 */
import { choice } from './flag-values.js';
import type { Flag } from './flag.js';

const OUTPUT = 'Output:';

export const JSON_FLAG: Flag = { key: 'json', long: '--json', help: 'print JSON', group: OUTPUT };

export const TIMELINE_FLAG: Flag = {
  key: 'timeline',
  long: '--timeline',
  help: 'draw how much of the buffer is in use at every step; for one FILE',
  group: OUTPUT,
};

export const HAZARDS_FLAG: Flag = {
  key: 'hazards',
  long: '--hazards',
  help: 'list which nodes touch the same bytes in an order that no source states, which an executor must keep; for one FILE, or with --json',
  kinds: ['graph', 'model'],
  group: OUTPUT,
};

/** How a map looks. */
export const MAP_FLAGS: readonly Flag[] = [
  {
    key: 'colors',
    long: '--colors',
    value: 'family|size',
    parse: choice(['family', 'size']),
    help: 'colour by the family of the operation, or by size; .svg only (default: family; size for a .csv)',
    group: OUTPUT,
  },
  {
    key: 'theme',
    long: '--theme',
    value: 'auto|light|dark',
    parse: choice(['auto', 'light', 'dark']),
    help: "light or dark; auto is as the reader's system; .svg only (default: auto)",
    group: OUTPUT,
  },
];

export const OUTPUT_FLAG: Flag = {
  key: 'output',
  short: '-o',
  long: '--output',
  value: 'OUT',
  help: 'write to this file (default: standard output)',
  group: OUTPUT,
};
