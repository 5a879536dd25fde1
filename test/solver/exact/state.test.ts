/**
 * What the exact search knows at a node, compared with values derived from the placed buffers alone.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createInstance, type Instance } from '../../../src/solver/exact/instance.js';
import { State, UNPLACED } from '../../../src/solver/exact/state.js';
import { createStacks } from '../../../src/solver/exact/stacks.js';
import { supportedBounds } from '../../../src/solver/exact/support.js';
import { createProblem, type BufferSpec } from '../../../src/problem/problem.js';
import { tinyBuffers } from '../../support/problems.js';

/** Those with a stack. */
const alignmentsOf = (instance: Instance): number[] => createStacks(instance).map(({ alignment }) => alignment);

/** Everything that `undo` must restore, in plain values. */
function snapshot({ instance, offsets, lowest, loads, crossings, placedCount, trailCount, reasons }: State): object {
  const sets = Array.from({ length: instance.count }, (_, b) => {
    reasons.conflict.fill(0);
    reasons.blameReasonsOf(b);
    reasons.blamePlacedNeighboursOf(b);
    return [...reasons.conflict];
  });
  return { columns: [offsets, lowest, loads, crossings].map((column) => [...column]), placedCount, trailCount, sets };
}

/** Loads and crossings as the unplaced buffers alone have them. */
function columnsOf({ instance, offsets }: State): { loads: number[]; crossings: number[] } {
  const { count, sectionCount, sizes, starts, ends, idleFirst, idle } = instance;
  const loads = new Array<number>(sectionCount).fill(0);
  const crossings = new Array<number>(sectionCount + 1).fill(0);
  for (let b = 0; b < count; b++) {
    if (offsets[b] !== UNPLACED) continue;
    const idleSections = idleFirst === null ? [] : [...idle.subarray(idleFirst[b], idleFirst[b + 1])];
    for (let s = starts[b]; s < ends[b]; s++) {
      if (!idleSections.includes(s)) loads[s] += sizes[b];
      if (s > starts[b]) crossings[s]++;
    }
  }
  return { loads, crossings };
}

/** The unplaced members of a section that are aligned to `alignment` or more. */
function unplacedMembers({ instance, offsets }: State, s: number, alignment: number): number[] {
  const { memberFirst, members, alignments } = instance;
  const all = [...members.subarray(memberFirst[s], memberFirst[s + 1])];
  return all.filter((b) => offsets[b] === UNPLACED && (alignments?.[b] ?? 1) >= alignment);
}

/**
 * The highest offset at which the lowest of these members may start: all of them, with each but the top one padded, lie
 * above it.
 */
function highestBottom(state: State, s: number, alignment: number): number {
  const { sizes, memberFirst, members, alignments } = state.instance;
  const padded = (b: number): number => Math.ceil(sizes[b] / alignment) * alignment;
  const counted = [...members.subarray(memberFirst[s], memberFirst[s + 1])].filter(
    (b) => (alignments?.[b] ?? 1) >= alignment,
  );
  const slack = counted.reduce((most, b) => Math.max(most, padded(b) - sizes[b]), 0);
  const height = unplacedMembers(state, s, alignment).reduce((sum, b) => sum + padded(b), 0);
  return state.capacity - height + slack;
}

/** Those that may start so low. */
function candidatesOf(state: State, s: number, alignment: number): number[] {
  const limit = highestBottom(state, s, alignment);
  return unplacedMembers(state, s, alignment).filter((b) => state.lowest[b] <= limit);
}

/** Every stack has a candidate, and one that is alone has nobody beside it who lives in that section. */
function expectPropagated(state: State): void {
  const { instance, lowest } = state;
  const { sectionCount, sizes, starts, ends, first, other } = instance;
  for (const alignment of alignmentsOf(instance)) {
    for (let s = 0; s < sectionCount; s++) {
      if (unplacedMembers(state, s, alignment).length === 0) continue;
      const candidates = candidatesOf(state, s, alignment);
      expect(candidates.length).toBeGreaterThan(0);
      if (candidates.length > 1) continue;
      const [b] = candidates;
      for (const y of other.subarray(first[b], first[b + 1])) {
        // Neighbours that live only in other sections are checked with these sections.
        if (s < starts[y] || s >= ends[y]) continue;
        const isAbove = lowest[y] >= lowest[b] + sizes[b];
        expect(isAbove || lowest[y] + sizes[y] <= highestBottom(state, s, alignment)).toBe(true);
      }
    }
  }
}

const instances = tinyBuffers({ gaps: 'full', maxAlignmentLog2: 2 })
  .filter((buffers) => buffers.length > 0)
  .map((buffers) => createInstance(createProblem(buffers)));

const move = fc.record({
  kind: fc.constantFrom('place', 'place', 'raise', 'raiseAll'),
  which: fc.nat(),
  undo: fc.nat({ max: 9 }),
});

/** A random move; false if the state is dead after it. */
function play(state: State, { kind, which }: { kind: string; which: number }): boolean {
  const { instance, offsets, reasons } = state;
  const { count, sectionCount } = instance;
  const unplaced = Int32Array.from({ length: count }, (_, b) => b).filter((b) => offsets[b] === UNPLACED);
  if (unplaced.length === 0) return true;
  const b = unplaced[which % unplaced.length];
  if (kind === 'place') return state.place(b, 0, sectionCount);
  if (kind === 'raiseAll') return state.raiseTo(unplaced, supportedBounds(state, unplaced), 0, sectionCount);
  reasons.conflict.fill(0);
  return state.raise(b, 0, sectionCount);
}

describe('State', () => {
  it('keeps loads and crossings, propagates bounds, and undoes every move', () => {
    fc.assert(
      fc.property(instances, fc.array(move, { maxLength: 12 }), fc.nat({ max: 6 }), (instance, moves, spare) => {
        const state = new State(instance);
        const capacity = Math.max(...state.loads) + spare;
        const empty = snapshot(state);
        if (!state.reset(capacity)) return;
        const marks = [{ trail: 0, placed: 0, expected: snapshot(state) }];
        for (const each of moves) {
          const isAlive = play(state, each);
          expect(columnsOf(state)).toEqual({ loads: [...state.loads], crossings: [...state.crossings] });
          if (isAlive) {
            expectPropagated(state);
            marks.push({ trail: state.trailCount, placed: state.placedCount, expected: snapshot(state) });
            if (each.undo > 1) continue;
          }
          if (marks.length > 1 && each.undo % 2 === 0) marks.pop();
          const { trail, placed, expected } = marks.at(-1)!;
          state.undo(trail, placed);
          expect(snapshot(state)).toEqual(expected);
        }
        // The trail also holds the bounds propagated at the root.
        state.undo(0, 0);
        expect(snapshot(state)).toEqual(empty);
      }),
      { numRuns: 1000 },
    );
  });

  it('is dead where a section has no candidate, counts that if asked, and blames what holds the bounds', () => {
    fc.assert(
      fc.property(instances, fc.array(move, { maxLength: 12 }), fc.boolean(), (instance, moves, countsDeaths) => {
        const state = new State(instance);
        state.countsDeaths = countsDeaths;
        if (!state.reset(Math.max(...state.loads))) return;
        for (const each of moves) {
          const before = [...state.deaths];
          if (play(state, each)) {
            expect([...state.deaths]).toEqual(before);
            continue;
          }
          const died = [...state.deaths].flatMap((deaths, s) => (deaths === before[s] ? [] : [s]));
          expect(died.length).toBeLessThanOrEqual(countsDeaths ? 1 : 0);
          for (const s of died) {
            expect(state.deaths[s]).toBe(before[s] + 1);
            const alignment = alignmentsOf(instance).find((each) => isDead(state, s, each))!;
            const blamed = [...state.reasons.conflict];
            expect(blamed).toEqual(reasonsOf(state, s, alignment));
          }
          return;
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('is dead at the root where a buffer alone is too large, or fixed too high', () => {
    const buffers: BufferSpec[] = [
      { size: 4, start: 0, end: 1, fixedOffset: 3 },
      { size: 5, start: 1, end: 2 },
    ];
    const state = new State(instanceOf(buffers));
    expect([4, 6, 7, 8].map((capacity) => state.reset(capacity))).toEqual([false, false, true, true]);
    expect([...state.lowest]).toEqual([3, 0]);
    expect(state.place(0, 0, 2)).toBe(true);
    expect(state.offsets[0]).toBe(3);
  });

  it('cannot raise a fixed buffer, nor one with nothing to rest on, nor beyond the capacity', () => {
    const buffers = [
      { size: 4, start: 0, end: 1, fixedOffset: 3 },
      { size: 3, start: 0, end: 1 },
    ];
    const fixed = new State(instanceOf(buffers));
    expect(fixed.reset(10) && fixed.raise(0, 0, 1)).toBe(false);
    const alone = new State(instanceOf([{ size: 1, start: 0, end: 1 }]));
    expect(alone.reset(10) && alone.raise(0, 0, 1)).toBe(false);
    const [low, high] = [12, 13].map((capacity) => {
      const buffers = [
        { size: 5, start: 0, end: 1, alignment: 8 },
        { size: 4, start: 0, end: 1 },
      ];
      const state = new State(instanceOf(buffers));
      return state.reset(capacity) && state.raise(0, 0, 1) && state.lowest[0];
    });
    expect([low, high]).toEqual([false, 8]);
  });

  it('rests a raised buffer on the lowest top above its offset', () => {
    const sizes = [3, 5, 8];
    const state = new State(instanceOf(sizes.map((size) => ({ size, start: 0, end: 1 }))));
    expect(state.reset(40)).toBe(true);
    for (const lowest of [5, 8]) {
      state.reasons.conflict.fill(0);
      expect(state.raise(0, 0, 1)).toBe(true);
      expect(state.lowest[0]).toBe(lowest);
    }
  });

  it('remembers more changes than it has room for at first', () => {
    const count = 60;
    const state = new State(instanceOf(Array.from({ length: count }, (_, b) => ({ size: 1 + b, start: 0, end: 1 }))));
    expect(state.reset(2000)).toBe(true);
    const before = snapshot(state);
    for (let b = 0; b < count; b++) expect(state.place(b, 0, 1)).toBe(true);
    expect(state.trailCount).toBeGreaterThan(1024);
    state.undo(0, 0);
    expect(snapshot(state)).toEqual(before);
  });
});

function instanceOf(buffers: readonly BufferSpec[]): Instance {
  return createInstance(createProblem(buffers));
}

/** Whether some stack of a section has no bottom. */
function isDead(state: State, s: number, alignment: number): boolean {
  return unplacedMembers(state, s, alignment).length > 0 && candidatesOf(state, s, alignment).length === 0;
}

/** The reasons of all unplaced members of a section that have such an alignment. */
function reasonsOf(state: State, s: number, alignment: number): number[] {
  const { reasons } = state;
  const before = reasons.conflict.slice();
  reasons.conflict.fill(0);
  for (const b of unplacedMembers(state, s, alignment)) reasons.blameReasonsOf(b);
  const collected = [...reasons.conflict];
  reasons.conflict.set(before);
  return collected;
}
