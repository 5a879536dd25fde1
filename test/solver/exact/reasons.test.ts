/**
 * Sets of causes as bits, compared with JavaScript sets, for more buffers than one word has bits.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Reasons } from '../../../src/solver/exact/reasons.js';

const COUNT = 100;

/** What the search does to reasons, by name; `undo` takes the last addition back. */
type Step = readonly [
  'add' | 'addConflict' | 'undo' | 'blame' | 'replaceBlame' | 'blameReasons' | 'blamePlaced' | 'place' | 'clear',
  number,
  number,
];

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.tuple(
    fc.constantFrom<Step[0][]>(
      ...(['add', 'add', 'addConflict', 'addConflict', 'undo', 'blame', 'blame'] as const),
      ...(['replaceBlame', 'blameReasons', 'blamePlaced', 'place', 'place', 'clear'] as const),
    ),
    fc.nat(COUNT - 1),
    fc.nat(COUNT - 1),
  ),
  { minLength: 100, maxLength: 300, size: 'max' },
);

/** Buffers up to nine apart are neighbours. */
const neighboursOf = (b: number): number[] =>
  Array.from({ length: COUNT }, (_, other) => other).filter((other) => other !== b && Math.abs(other - b) < 10);

it('are what sets of numbers would be', () => {
  const lists = Array.from({ length: COUNT }, (_, b) => neighboursOf(b));
  const first = Int32Array.from({ length: COUNT + 1 }, (_, b) => lists.slice(0, b).flat().length);
  const other = Int32Array.from(lists.flat());
  fc.assert(
    fc.property(steps, (list) => {
      const reasons = new Reasons(COUNT, first, other);
      const sets = lists.map(() => new Set<number>());
      const conflict = new Set<number>();
      const placed = new Set<number>();
      const undo: (() => void)[] = [];
      const blameAll = (buffers: Iterable<number>): void => {
        for (const b of buffers) conflict.add(b);
      };
      for (const [what, b, reason] of list) {
        const before = new Set(sets[b]);
        if (what === 'add' && !before.has(reason)) {
          reasons.add(b, reason);
          sets[b].add(reason);
          undo.push(() => (reasons.remove(b, reason), (sets[b] = before)));
        } else if (what === 'addConflict') {
          reasons.addConflict(b);
          for (const blamed of conflict) sets[b].add(blamed);
          undo.push(() => (reasons.restore(b), (sets[b] = before)));
        } else if (what === 'undo') {
          undo.pop()?.();
        } else if (what === 'blame') {
          reasons.blame(b);
          conflict.add(b);
        } else if (what === 'replaceBlame') {
          reasons.replaceBlame(b);
          conflict.delete(b);
          blameAll(sets[b]);
        } else if (what === 'blameReasons') {
          reasons.blameReasonsOf(b);
          blameAll(sets[b]);
        } else if (what === 'blamePlaced') {
          reasons.blamePlacedNeighboursOf(b);
          blameAll(lists[b].filter((each) => placed.has(each)));
        } else if (what === 'place') {
          reasons.setPlaced(b);
          placed.add(b);
        } else if (what === 'clear') {
          reasons.clearPlaced(b);
          placed.delete(b);
          reasons.conflict.fill(0);
          conflict.clear();
        }
        const blamed = lists.map((_, each) => each).filter((each) => reasons.isBlamed(each));
        expect(blamed).toEqual([...conflict].sort((p, q) => p - q));
      }
    }),
    { numRuns: 60 },
  );
});

it('are restored however many were saved', () => {
  const reasons = new Reasons(COUNT, new Int32Array(COUNT + 1), new Int32Array(0));
  // Four words each: more than there is room for at first.
  for (let i = 0; i < 3000; i++) {
    reasons.conflict.fill(0);
    reasons.blame(i % COUNT);
    reasons.addConflict(0);
  }
  const blamedAfter = (count: number): number[] => {
    for (let i = 0; i < count; i++) reasons.restore(0);
    reasons.conflict.fill(0);
    reasons.blameReasonsOf(0);
    return Array.from({ length: COUNT }, (_, b) => b).filter((b) => reasons.isBlamed(b));
  };
  expect(blamedAfter(500)).toHaveLength(COUNT);
  expect(blamedAfter(2450)).toEqual(Array.from({ length: 50 }, (_, b) => b));
});
