/**
 * Bytes that every order of a segment needs at some job.
 *
 *     a ──▶ b ──▶ d        While b runs, a's result is read, so it is live. What c reads or makes is not counted: c may run
 *     └───▶ c ─────┘       before b as well as after it.
 *
 * Invariant: a storage counts at a job only if it was certainly made by then, and is certainly read then or later.
 */
import { isIn } from './bits.js';
import { inverseOf, itemsOf } from './lists.js';
import { MOST_RELATED, Relatives } from './relatives.js';
import type { Segment } from './segment.js';

/** The most of these bytes over all jobs. O(jobs · (needs / 32 + reads)); the start load for segments that are too large. */
export function floorOf(segment: Segment): number {
  const { count, needs, startLoad } = segment;
  if (count > MOST_RELATED) return startLoad;
  const before = new Relatives(needs, true);
  const after = new Relatives(inverseOf(needs, count), false);
  let floor = startLoad;
  for (let job = 0; job < count; job++) {
    floor = Math.max(floor, bytesAt(segment, job, before.of(job), after.of(job)));
  }
  return floor;
}

function bytesAt(segment: Segment, job: number, before: Int32Array, after: Int32Array): number {
  const { count, sizes, readers, makers, madeBytes, keptBytes, reusable } = segment;
  const isReadFromNow = (storage: number): boolean => {
    for (let at = readers.first[storage]; at < readers.first[storage + 1]; at++) {
      const reader = readers.items[at];
      if (reader === job || isIn(after, reader)) return true;
    }
    return false;
  };
  let bytes = segment.startLoad;
  // All that was made counts, but for what may have died.
  for (let other = 0; other < count; other++)
    if (keptBytes[other] > 0 && isIn(before, other)) bytes += keptBytes[other];
  for (let storage = 0; storage < sizes.length; storage++) {
    const isMade = makers[storage] === -1 || isIn(before, makers[storage]);
    if (isMade && !isReadFromNow(storage)) bytes -= sizes[storage];
  }
  let reused = 0;
  for (const storage of itemsOf(reusable, job)) {
    const mayDie = itemsOf(readers, storage).every((reader) => !isIn(after, reader));
    if (mayDie) reused = Math.max(reused, sizes[storage]);
  }
  return bytes + Math.max(0, madeBytes[job] - reused);
}
