/**
 * Which bytes are taken when: exact for few buffers, with little work and memory for many.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IntervalSets } from '../../../src/solver/greedy/interval-sets.js';
import { Occupancy } from '../../../src/solver/greedy/occupancy.js';

describe('IntervalSets', () => {
  it('holds unions, in blocks that grow, move and are used again', () => {
    const interval = fc.tuple(fc.nat({ max: 5 }), fc.nat({ max: 400 }), fc.integer({ min: 1, max: 9 }));
    const sets = new IntervalSets(6);
    fc.assert(
      fc.property(fc.array(interval, { maxLength: 250, size: 'max' }), (intervals) => {
        // The same object again and again: clearing must forget everything.
        sets.clear();
        const taken = Array.from({ length: 6 }, () => new Uint8Array(410));
        for (const [set, low, length] of intervals) {
          sets.add(set, 2 * low, 2 * (low + length));
          taken[set].fill(1, low, low + length);
        }
        taken.forEach((bytes, set) => {
          const runs = [...bytes.join('').matchAll(/1+/g)];
          const expected = runs.map((run) => [2 * run.index, 2 * (run.index + run[0].length)]);
          const slots = Array.from({ length: sets.counts[set] }, (_, i) => sets.first[set] + i);
          expect(slots.map((slot) => [sets.lows[slot], sets.highs[slot]])).toEqual(expected);
        });
      }),
      { numRuns: 60 },
    );
  });

  it('takes no more memory for many intervals than twice what they need', () => {
    const sets = new IntervalSets(2);
    for (let i = 0; i < 5000; i++) sets.add(i % 2, 10 * i, 10 * i + 5);
    expect([...sets.counts]).toEqual([2500, 2500]);
    expect(sets.lows.length).toBeLessThan(4 * 5000);
    // In the middle as well, where the intervals above move up.
    for (let i = 0; i < 4000; i += 2) sets.add(0, 10 * i + 7, 10 * i + 8);
    const lows = [...sets.lows.subarray(sets.first[0], sets.first[0] + sets.counts[0])];
    expect(lows).toEqual([...lows].sort((a, b) => a - b));
    expect(sets.counts[0]).toBe(4500);
  });

  it('uses a block that was outgrown for another set', () => {
    const sets = new IntervalSets(64);
    const fill = (): number => {
      for (let set = 0; set < 64; set++) for (let i = 0; i < 40; i++) sets.add(set, 10 * i, 10 * i + 1);
      return sets.lows.length;
    };
    const length = fill();
    expect(length).toBeLessThanOrEqual(8192);
    sets.clear();
    expect(fill()).toBe(length);
  });
});

describe('Occupancy', () => {
  it('counts what it reads and changes: little where buffers lie on top of each other', () => {
    const occupancy = new Occupancy(1000);
    for (let i = 0; i < 200; i++) {
      occupancy.ask();
      occupancy.need(i, 1000, 0, 8);
      const offset = occupancy.lowest(1, 0);
      expect(offset).toBe(8 * i);
      occupancy.take(i, 1000, offset, offset + 8);
    }
    // A query over half of a thousand sections reads some twenty sets, and each holds one interval.
    const before = occupancy.work;
    occupancy.ask();
    occupancy.need(0, 1000, 0, 8);
    expect(occupancy.lowest(1, 0)).toBe(1600);
    expect(occupancy.work - before).toBeLessThan(60);
    expect(occupancy.work - before).toBeGreaterThan(10);
    // A buffer changes a set of each of the ten levels at least, and two of each at most.
    expect(before).toBeLessThan(200 * 120);
    const empty = new Occupancy(1024);
    empty.take(0, 1024, 0, 8);
    expect(empty.work).toBe(13);
    empty.take(5, 6, 8, 16);
    expect(empty.work).toBe(26);
  });

  it('skips many intervals at a time', () => {
    const occupancy = new Occupancy(1);
    for (let i = 0; i < 4000; i++) occupancy.take(0, 1, 10 * i, 10 * i + 9);
    const before = occupancy.work;
    for (const from of [39_000, 20_000, 1234]) {
      occupancy.ask();
      occupancy.need(0, 1, 0, 1);
      expect(occupancy.lowest(1, from)).toBe(from + ((9 - (from % 10) + 10) % 10));
    }
    expect(occupancy.work - before).toBeLessThan(20);
    occupancy.ask();
    occupancy.need(0, 1, 0, 2);
    expect(occupancy.lowest(1, 0)).toBe(39_999); // nowhere else are two bytes free
    occupancy.clear();
    occupancy.ask();
    occupancy.need(0, 1, 0, 2);
    expect(occupancy.lowest(4, 5)).toBe(8);
  });

  it('answers for more parts than it has room for at first', () => {
    const sections = 1024;
    const occupancy = new Occupancy(sections);
    for (let s = 0; s < sections; s += 2) occupancy.take(s, s + 1, 0, 1 + (s % 7));
    occupancy.take(1022, 1023, 0, 9);
    occupancy.ask();
    for (let s = 0; s < sections; s += 2) occupancy.need(s, s + 1, 0, 4);
    expect(occupancy.lowest(1, 0)).toBe(9);
    occupancy.ask();
    for (let s = 1; s < sections; s += 2) occupancy.need(s, s + 1, 0, 4);
    expect(occupancy.lowest(1, 0)).toBe(0);
  });
});
