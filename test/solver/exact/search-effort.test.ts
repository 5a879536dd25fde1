/**
 * Counts the nodes that the exact search visits on hard problems. A rule that stops cutting branches gives no wrong
 * answer, only a late answer, so each number is compared. The numbers are the same on every machine. If a change alters
 * them on purpose, replace them, and let the benchmarks say whether the change is for the better.
 */
import { describe, expect, it } from 'vitest';
import { Budget } from '../../../src/solver/budget.js';
import { createInstance } from '../../../src/solver/exact/instance.js';
import { Search, type Focus, type Outcome } from '../../../src/solver/exact/search.js';
import { createProblem, type BufferSpec } from '../../../src/problem/problem.js';
import { CUT_UP_PEAK, cutUp, mixed } from '../../support/random-problems.js';

/** Alignments far above the sizes: buffers that can rest only on each other have to be lifted at once. */
const steep = (seed: number): BufferSpec[] =>
  mixed(6, seed).map(({ size, start, end, alignment }) => ({ size, start, end, alignment: alignment === 4 ? 512 : 1 }));

/** The same problem in sizes beyond 32 bits; one byte elsewhere keeps the unit at one byte. */
function inLargeUnits(buffers: readonly BufferSpec[]): BufferSpec[] {
  const scale = 2 ** 31;
  const scaled = buffers.map(({ fixedOffset, ...buffer }) => {
    const large = { ...buffer, size: buffer.size * scale, alignment: (buffer.alignment ?? 1) * scale };
    return fixedOffset === undefined ? large : { ...large, fixedOffset: fixedOffset * scale };
  });
  return [...scaled, { size: 1, start: 100, end: 101 }];
}

/** The outcome of a search, its nodes, the most buffers placed at once, and the number of pauses. */
function run(search: Search, capacity: number, focus: Focus, patience: number): string {
  const budget = new Budget({ maxEffort: Infinity, timeLimitMs: Infinity, signal: undefined, onTick: undefined });
  search.begin(capacity, focus);
  let outcome: Outcome;
  let pauses = 0;
  while ((outcome = search.advance(patience, budget)) === 'paused') pauses++;
  expect(budget.effort).toBe(search.nodes);
  return `${outcome} ${search.nodes} ${search.mostPlaced}${pauses > 0 ? ` ${pauses}` : ''}`;
}

/** Searches below and at the minimum with each focus, all with one search object, as restarts do. */
function runAll(buffers: readonly BufferSpec[], minimum: number, patience = Infinity): string[] {
  const instance = createInstance(createProblem(buffers));
  const search = new Search(instance);
  const { unit } = instance;
  return (['fullest', 'deadliest'] as const).flatMap((focus) =>
    [minimum - 1, minimum].map((peak) => run(search, Math.floor(peak / unit), focus, patience)),
  );
}

const PROBLEMS: [string, readonly BufferSpec[], minimum: number, expected: string[]][] = [
  [
    'mixed(14, 78)',
    mixed(14, 78),
    31,
    ['exhausted 46 5 1', 'found 1464 14 52', 'exhausted 732 8 18', 'found 1061 14 32'],
  ],
  ['mixed(14, 217)', mixed(14, 217), 37, ['exhausted 101 8 3', 'found 18 14', 'exhausted 101 8 3', 'found 40 14']],
  [
    'mixed(14, 269)',
    mixed(14, 269),
    31,
    ['exhausted 319 8 15', 'found 394 14 18', 'exhausted 253 6 12', 'found 342 14 16'],
  ],
  ['mixed(18, 217)', mixed(18, 217), 37, ['exhausted 595 11 25', 'found 32 18', 'exhausted 113 6 5', 'found 25 18']],
  ['mixed(18, 158)', mixed(18, 158), 45, ['exhausted 1 0', 'found 1779 18 84', 'exhausted 1 0', 'found 458 18 18']],
  ['mixed(18, 259)', mixed(18, 259), 36, ['exhausted 106 8 5', 'found 666 18 29', 'exhausted 38 8 1', 'found 24 18']],
  ['mixed(18, 300)', mixed(18, 300), 39, ['exhausted 186 7 9', 'found 24 18', 'exhausted 88 6 4', 'found 24 18']],
  [
    'mixed(22, 266)',
    mixed(22, 266),
    42,
    ['exhausted 832 10 39', 'found 308 22 13', 'exhausted 689 7 32', 'found 266 22 11'],
  ],
  [
    'mixed(32, 260)',
    mixed(32, 260),
    102,
    ['exhausted 1230 5 38', 'found 211 32 8', 'exhausted 1230 5 38', 'found 211 32 8'],
  ],
  [
    'mixed(40, 300)',
    mixed(40, 300),
    84,
    ['exhausted 333 7 16', 'found 78 40 1', 'exhausted 259 10 11', 'found 79 40 1'],
  ],
  ['cutUp(40, 4)', cutUp(40, 4), CUT_UP_PEAK, ['exhausted 0 0', 'found 63 40 1', 'exhausted 0 0', 'found 52 40']],
  ['cutUp(60, 1)', cutUp(60, 1), CUT_UP_PEAK, ['exhausted 0 0', 'found 91 60 1', 'exhausted 0 0', 'found 63 60']],
  ['steep(17)', steep(17), 1031, ['exhausted 0 0', 'found 43 6', 'exhausted 0 0', 'found 43 6']],
  ['steep(29)', steep(29), 1027, ['exhausted 0 0', 'found 8 6', 'exhausted 0 0', 'found 8 6']],
  [
    'mixed(18, 217) in large units',
    inLargeUnits(mixed(18, 217)),
    37 * 2 ** 31,
    ['exhausted 598 12 25', 'found 33 19', 'exhausted 118 7 5', 'found 26 19'],
  ],
];

/** The expected lines without the number of pauses. */
const withoutPauses = (expected: readonly string[]): string[] =>
  expected.map((line) => line.split(' ').slice(0, 3).join(' '));

describe('the exact search visits as many nodes as before', () => {
  it.each(PROBLEMS)('%s', (_, buffers, minimum, expected) => {
    expect(runAll(buffers, minimum, 20)).toEqual(expected);
    expect(runAll(buffers, minimum)).toEqual(withoutPauses(expected));
  });

  it('and follows priorities', () => {
    const instance = createInstance(createProblem(mixed(18, 158)));
    const priorities = Float64Array.from({ length: instance.sectionCount }, (_, s) => (s % 3) / 10);
    const search = new Search(instance, priorities);
    expect(run(search, 45, 'fullest', Infinity)).toBe('found 2842 18');
    priorities.reverse();
    expect(run(search, 45, 'fullest', Infinity)).toBe('found 1512 18');
  });
});
