/**
 * Which buffers keep each other apart: every pair that is live at one step.
 *
 *     A  ▒▒▒▒·▒▒▒      A and B meet, A and C do not: A needs nothing where C lives.
 *     B    ▒▒▒
 *     C      ▒
 *
 * Invariant: neighbours `other[first[b]]` to `other[first[b + 1]]` (exclusive) are those of buffer b, and each pair stands in
 * both lists. A gap counts only if it leaves nothing of a buffer.
 */
import type { Problem } from '../../problem/problem.js';

/** Pairs of buffers, as lists of neighbours. */
export interface Overlaps {
  readonly first: Int32Array;
  readonly other: Int32Array;
}

/** Lists all pairs; one with gaps may be listed once for each pair of parts that meet. O(n + steps + pairs). */
export function findOverlaps(problem: Problem): Overlaps {
  const { count, firsts, seconds } = findPairs(partsInStartOrder(problem));
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

/** Parts of lives, without the gaps that leave nothing of a buffer, in order of start. */
interface Parts {
  readonly owners: Int32Array;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

/** The owners of parts that meet; rows from `count` on mean nothing. */
interface Pairs {
  readonly count: number;
  readonly firsts: Int32Array;
  readonly seconds: Int32Array;
}

function findPairs({ owners, starts, ends }: Parts): Pairs {
  const live = new Int32Array(owners.length);
  let firsts = new Int32Array(16 * owners.length);
  let seconds = new Int32Array(16 * owners.length);
  let count = 0;
  let liveCount = 0;
  for (let p = 0; p < owners.length; p++) {
    if (count + liveCount > firsts.length) {
      firsts = lengthened(firsts, 2 * firsts.length + liveCount);
      seconds = lengthened(seconds, firsts.length);
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

function lengthened(values: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const copy = new Int32Array(length);
  copy.set(values);
  return copy;
}

/** Counting sort: parts that start at one step stay in order of buffer. */
function partsInStartOrder({ bufferCount, stepCount, starts, ends, gaps }: Problem): Parts {
  const most = bufferCount + (gaps?.starts.length ?? 0);
  const parts = { owners: new Int32Array(most), starts: new Int32Array(most), ends: new Int32Array(most) };
  let count = 0;
  for (let b = 0; b < bufferCount; b++) {
    let start = starts[b];
    const gapEnd = gaps === null ? 0 : gaps.first[b + 1];
    for (let g = gaps === null ? 0 : gaps.first[b]; g < gapEnd; g++) {
      if (gaps!.lowers[g] !== gaps!.uppers[g]) continue;
      if (start !== gaps!.starts[g]) setPart(parts, count++, b, start, gaps!.starts[g]);
      start = gaps!.ends[g];
    }
    if (start !== ends[b]) setPart(parts, count++, b, start, ends[b]);
  }
  const placeOf = new Int32Array(stepCount + 2);
  for (let p = 0; p < count; p++) placeOf[parts.starts[p] + 1]++;
  for (let step = 1; step <= stepCount; step++) placeOf[step] += placeOf[step - 1];
  const sorted = { owners: new Int32Array(count), starts: new Int32Array(count), ends: new Int32Array(count) };
  for (let p = 0; p < count; p++) {
    const start = parts.starts[p];
    setPart(sorted, placeOf[start]++, parts.owners[p], start, parts.ends[p]);
  }
  return sorted;
}

function setPart({ owners, starts, ends }: Parts, p: number, owner: number, start: number, end: number): void {
  owners[p] = owner;
  starts[p] = start;
  ends[p] = end;
}
