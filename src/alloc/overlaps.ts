/**
 * Which buffers keep each other apart: every pair that is live at one step, with the offsets that it rules out.
 *
 * Two buffers a and b that share a step may not share a byte there, so the offset of b must stay out of an open
 * interval around that of a:
 *
 *     offset                     b may be at most at  offset(a) + below = offset(a) - size(b),
 *         │ ┌───┐                      or at least at offset(a) + above = offset(a) + size(a).
 *         │ │ b ├───┐
 *         │ └─┬─┘ a │            Where gaps leave only a part of a buffer, that part counts.
 *         │   └─────┘
 *         ┼──────────── step
 *
 * Invariant: entries `first[b]` to `first[b + 1]` (exclusive) are those of buffer b, and each pair stands in both lists.
 */
import type { Problem } from '../problem/problem.js';

/** Pairs of buffers, as lists of neighbours. */
export interface Overlaps {
  readonly first: Int32Array;
  /** The neighbour. */
  readonly other: Int32Array;
  /** The highest offset of b under the neighbour, relative to the neighbour's; `null`: minus the size of b. */
  readonly below: Float64Array | null;
  /** The lowest offset of b over the neighbour, relative to the neighbour's; `null`: the size of the neighbour. */
  readonly above: Float64Array | null;
}

/** A part of a buffer's life in which it needs the same bytes throughout. One entry per part, in order of start. */
export interface Pieces {
  readonly count: number;
  readonly owner: Int32Array;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  /** First byte needed, relative to the buffer; `null` if every part needs the whole buffer. */
  readonly lowers: Float64Array | null;
  /** First byte no longer needed, relative to the buffer; `null` as above. */
  readonly uppers: Float64Array | null;
}

/**
 * Lists all pairs, or returns `null` if there are more than `maxPairs`. O(n + steps + pairs).
 * With gaps, a pair may be listed once for each pair of parts that meet.
 */
export function findOverlaps(problem: Problem, maxPairs: number): Overlaps | null {
  const pieces = piecesInStartOrder(problem);
  const n = problem.bufferCount;
  const first = new Int32Array(n + 1);
  let pairCount = 0;
  const withinLimit = sweepPairs(pieces, (p, q) => {
    first[pieces.owner[p]]++;
    first[pieces.owner[q]]++;
    return ++pairCount <= maxPairs;
  });
  if (!withinLimit) return null;
  for (let b = 0, sum = 0; b <= n; b++) first[b] = sum += first[b];

  const other = new Int32Array(2 * pairCount);
  const { owner, lowers, uppers } = pieces;
  if (lowers === null || uppers === null) {
    sweepPairs(pieces, (p, q) => {
      const a = owner[p];
      const b = owner[q];
      other[--first[a]] = b;
      other[--first[b]] = a;
      return true;
    });
    return { first, other, below: null, above: null };
  }
  const below = new Float64Array(2 * pairCount);
  const above = new Float64Array(2 * pairCount);
  sweepPairs(pieces, (p, q) => {
    const a = --first[owner[p]];
    other[a] = owner[q];
    below[a] = lowers[q] - uppers[p];
    above[a] = uppers[q] - lowers[p];
    const b = --first[owner[q]];
    other[b] = owner[p];
    below[b] = -above[a];
    above[b] = -below[a];
    return true;
  });
  return { first, other, below, above };
}

/** Calls `visit` for each pair of parts of different buffers that share a step; stops when it returns false. */
function sweepPairs({ count, owner, starts, ends }: Pieces, visit: (p: number, q: number) => boolean): boolean {
  const live = new Int32Array(count);
  let liveCount = 0;
  for (let p = 0; p < count; p++) {
    let kept = 0;
    for (let i = 0; i < liveCount; i++) {
      const q = live[i];
      if (ends[q] <= starts[p]) continue;
      live[kept++] = q;
      if (owner[q] !== owner[p] && !visit(p, q)) return false;
    }
    live[kept++] = p;
    liveCount = kept;
  }
  return true;
}

/** Cuts buffers at their gaps and sorts the parts by start, ties by buffer. O(n + gaps + steps). */
export function piecesInStartOrder(problem: Problem): Pieces {
  const { bufferCount, stepCount, starts, ends, sizes, gaps } = problem;
  if (gaps === null) {
    const owner = orderByStart(starts, bufferCount, stepCount);
    const sorted = { starts: new Int32Array(bufferCount), ends: new Int32Array(bufferCount) };
    for (let p = 0; p < bufferCount; p++) {
      sorted.starts[p] = starts[owner[p]];
      sorted.ends[p] = ends[owner[p]];
    }
    return { count: bufferCount, owner, ...sorted, lowers: null, uppers: null };
  }
  const parts: { owner: number; start: number; end: number; lower: number; upper: number }[] = [];
  for (let b = 0; b < bufferCount; b++) {
    let start = starts[b];
    for (let g = gaps.first[b]; g < gaps.first[b + 1]; g++) {
      parts.push({ owner: b, start, end: gaps.starts[g], lower: 0, upper: sizes[b] });
      parts.push({ owner: b, start: gaps.starts[g], end: gaps.ends[g], lower: gaps.lowers[g], upper: gaps.uppers[g] });
      start = gaps.ends[g];
    }
    parts.push({ owner: b, start, end: ends[b], lower: 0, upper: sizes[b] });
  }
  const real = parts.filter(({ start, end, lower, upper }) => start < end && lower < upper);
  real.sort((a, b) => a.start - b.start || a.owner - b.owner);
  const whole = real.every(({ owner, lower, upper }) => upper - lower === sizes[owner]);
  return {
    count: real.length,
    owner: Int32Array.from(real, ({ owner }) => owner),
    starts: Int32Array.from(real, ({ start }) => start),
    ends: Int32Array.from(real, ({ end }) => end),
    lowers: whole ? null : Float64Array.from(real, ({ lower }) => lower),
    uppers: whole ? null : Float64Array.from(real, ({ upper }) => upper),
  };
}

/** Indices in order of start, by counting. */
function orderByStart(starts: Int32Array, count: number, stepCount: number): Int32Array {
  const next = new Int32Array(stepCount + 2);
  for (let b = 0; b < count; b++) next[starts[b] + 1]++;
  for (let step = 1; step <= stepCount; step++) next[step] += next[step - 1];
  const order = new Int32Array(count);
  for (let b = 0; b < count; b++) order[next[starts[b]]++] = b;
  return order;
}
