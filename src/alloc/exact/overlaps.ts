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
  const parts = partsInStartOrder(problem);
  const first = new Int32Array(problem.bufferCount + 1);
  forEachPair(parts, (a, b) => {
    first[a]++;
    first[b]++;
  });
  for (let b = 0, sum = 0; b < first.length; b++) first[b] = sum += first[b];
  const other = new Int32Array(first[problem.bufferCount]);
  forEachPair(parts, (a, b) => {
    other[--first[a]] = b;
    other[--first[b]] = a;
  });
  return { first, other };
}

/** Parts of lives, without the gaps that leave nothing of a buffer, in order of start. */
interface Parts {
  readonly owners: Int32Array;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

function forEachPair({ owners, starts, ends }: Parts, visit: (a: number, b: number) => void): void {
  const live = new Int32Array(owners.length);
  let liveCount = 0;
  for (let p = 0; p < owners.length; p++) {
    let kept = 0;
    for (let i = 0; i < liveCount; i++) {
      const q = live[i];
      if (ends[q] <= starts[p]) continue;
      live[kept++] = q;
      if (owners[q] !== owners[p]) visit(owners[p], owners[q]);
    }
    live[kept++] = p;
    liveCount = kept;
  }
}

function partsInStartOrder({ bufferCount, starts, ends, gaps }: Problem): Parts {
  const owners: number[] = [];
  const partStarts: number[] = [];
  const partEnds: number[] = [];
  const push = (owner: number, start: number, end: number): void => {
    if (start === end) return;
    owners.push(owner);
    partStarts.push(start);
    partEnds.push(end);
  };
  for (let b = 0; b < bufferCount; b++) {
    let start = starts[b];
    const gapEnd = gaps === null ? 0 : gaps.first[b + 1];
    for (let g = gaps === null ? 0 : gaps.first[b]; g < gapEnd; g++) {
      if (gaps!.lowers[g] !== gaps!.uppers[g]) continue;
      push(b, start, gaps!.starts[g]);
      start = gaps!.ends[g];
    }
    push(b, start, ends[b]);
  }
  const order = Int32Array.from(owners.keys()).sort((p, q) => partStarts[p] - partStarts[q] || p - q);
  return {
    owners: order.map((p) => owners[p]),
    starts: order.map((p) => partStarts[p]),
    ends: order.map((p) => partEnds[p]),
  };
}
