/**
 * Pairs of buffers that meet, so that each keeps the other off its bytes.
 *
 *     A  ▒▒▒▒·▒▒▒      A and B meet, A and C do not: A needs nothing where C lives.
 *     B    ▒▒▒
 *     C      ▒
 *
 * Invariant: the neighbours of buffer b are `other[first[b]]` to `other[first[b + 1]]` (exclusive), and each pair is in
 * both lists. A gap keeps buffers from meeting only if it leaves no byte of its buffer.
 */
import { grown } from '../columns.js';
import { busyStretches, type Stretches } from './parts.js';
import type { Problem } from './problem.js';

/** Pairs of buffers, as lists of neighbours. */
export interface Overlaps {
  readonly first: Int32Array;
  readonly other: Int32Array;
}

/**
 * Lists all pairs. A pair with gaps is listed once for each two of its busy stretches that meet. O(n + steps + pairs).
 */
export function findOverlaps(problem: Problem): Overlaps {
  const { count, firsts, seconds } = findPairs(inStartOrder(busyStretches(problem), problem.stepCount));
  const first = new Int32Array(problem.bufferCount + 1);
  for (let i = 0; i < count; i++) {
    first[firsts[i]]++;
    first[seconds[i]]++;
  }
  for (let b = 0, sum = 0; b < first.length; b++) first[b] = sum += first[b];
  const other = new Int32Array(2 * count);
  for (let i = 0; i < count; i++) {
    const a = firsts[i];
    const b = seconds[i];
    other[--first[a]] = b;
    other[--first[b]] = a;
  }
  return { first, other };
}

/** The owners of stretches that meet; rows from `count` on are unused. */
interface Pairs {
  readonly count: number;
  readonly firsts: Int32Array;
  readonly seconds: Int32Array;
}

function findPairs({ owners, starts, ends }: Stretches): Pairs {
  const live = new Int32Array(owners.length);
  let firsts = new Int32Array(16 * owners.length);
  let seconds = new Int32Array(16 * owners.length);
  let count = 0;
  let liveCount = 0;
  for (let p = 0; p < owners.length; p++) {
    if (count + liveCount > firsts.length) {
      firsts = grown(firsts, 2 * firsts.length + liveCount);
      seconds = grown(seconds, firsts.length);
    }
    let kept = 0;
    for (let i = 0; i < liveCount; i++) {
      const q = live[i];
      if (ends[q] <= starts[p]) continue;
      live[kept++] = q;
      if (owners[q] === owners[p]) continue;
      firsts[count] = owners[q];
      seconds[count++] = owners[p];
    }
    live[kept++] = p;
    liveCount = kept;
  }
  return { count, firsts, seconds };
}

/** Counting sort: stretches that start at one step stay in order of buffer. */
function inStartOrder({ owners, starts, ends }: Stretches, stepCount: number): Stretches {
  const placeOf = new Int32Array(stepCount + 2);
  for (let p = 0; p < owners.length; p++) placeOf[starts[p] + 1]++;
  for (let step = 1; step <= stepCount; step++) placeOf[step] += placeOf[step - 1];
  const sorted = { owners: owners.slice(), starts: starts.slice(), ends: ends.slice() };
  for (let p = 0; p < owners.length; p++) {
    const place = placeOf[starts[p]]++;
    sorted.owners[place] = owners[p];
    sorted.starts[place] = starts[p];
    sorted.ends[place] = ends[p];
  }
  return sorted;
}

/** Counts the pairs of buffers whose live ranges meet, ignoring gaps. O(buffers + steps). */
export function countOverlaps({ bufferCount, stepCount, starts, ends }: Problem): number {
  const startsAt = new Int32Array(stepCount + 1);
  const endsAt = new Int32Array(stepCount + 1);
  for (let b = 0; b < bufferCount; b++) {
    startsAt[starts[b]]++;
    endsAt[ends[b]]++;
  }
  let live = 0;
  let pairs = 0;
  for (let step = 0; step < stepCount; step++) {
    live -= endsAt[step];
    pairs += startsAt[step] * (live + (startsAt[step] - 1) / 2);
    live += startsAt[step];
  }
  return pairs;
}
