/**
 * The core of a problem: the buffers left after removing each buffer that finds room wherever the others lie.
 *
 *     capacity ┤             A neighbour rules out a stretch of offsets for b: at most its own size plus the size of b,
 *              │  ▒▒▒▒ b?    less one unit. If the stretches of all neighbours are too short to rule out every offset
 *              │  b?         within the capacity, b can be placed last. Without b, its neighbours have one neighbour
 *              │  ▒▒▒▒ b?    less. So some of them can be placed last but one, and so on.
 *            0 ┼──────────
 *
 * Invariant: for every capacity from the given one on, the core has a placement exactly if the whole problem has.
 */
import type { Problem } from '../../problem/problem.js';
import { createLowestFit } from '../greedy/lowest-fit.js';
import { createTimeline } from '../../problem/timeline.js';
import { findOverlaps, type Overlaps } from '../../problem/overlaps.js';
import { unitOf } from './instance.js';

export interface Core {
  /** Ascending. */
  readonly buffers: Int32Array;
  /** All other buffers, in an order in which each finds room. */
  readonly others: Int32Array;
}

/** Splits a problem for all capacities from `capacity` bytes on. O(n + steps + pairs). */
export function findCore(problem: Problem, capacity: number, { first, other }: Overlaps = findOverlaps(problem)): Core {
  const { bufferCount, sizes, alignments, fixedOffsets } = problem;
  const unit = unitOf(problem);
  /** Bytes of the neighbours that are left, and their number. */
  const neighbourBytes = new Float64Array(bufferCount);
  const neighbourCount = new Int32Array(bufferCount);
  for (let b = 0; b < bufferCount; b++) {
    neighbourCount[b] = first[b + 1] - first[b];
    for (let e = first[b]; e < first[b + 1]; e++) neighbourBytes[b] += sizes[other[e]];
  }
  const isLeft = new Uint8Array(bufferCount).fill(1);
  const isSureToFit = (b: number): boolean =>
    alignments[b] <= unit &&
    (fixedOffsets === null || Number.isNaN(fixedOffsets[b])) &&
    sizes[b] + neighbourBytes[b] + neighbourCount[b] * (sizes[b] - unit) <= capacity;
  const removed: number[] = [];
  const remove = (b: number): void => {
    isLeft[b] = 0;
    removed.push(b);
  };
  for (let b = 0; b < bufferCount; b++) if (isSureToFit(b)) remove(b);
  for (let i = 0; i < removed.length; i++) {
    const b = removed[i];
    for (let e = first[b]; e < first[b + 1]; e++) {
      const y = other[e];
      neighbourBytes[y] -= sizes[b];
      neighbourCount[y]--;
      if (isLeft[y] === 1 && isSureToFit(y)) remove(y);
    }
  }
  return {
    buffers: listLeft(isLeft, bufferCount - removed.length),
    others: Int32Array.from(removed.reverse()),
  };
}

function listLeft(isLeft: Uint8Array, count: number): Int32Array {
  const left = new Int32Array(count);
  for (let b = 0, i = 0; i < count; b++) if (isLeft[b] === 1) left[i++] = b;
  return left;
}

/** Offsets of all buffers, given those of the core: the others are placed around it. */
export function placeAround(problem: Problem, { buffers, others }: Core, coreOffsets: Float64Array): Float64Array {
  if (others.length === 0) return coreOffsets;
  const fit = createLowestFit(problem, createTimeline(problem));
  const offsets = new Float64Array(problem.bufferCount);
  buffers.forEach((b, i) => {
    offsets[b] = coreOffsets[i];
    fit.take(b, offsets[b]);
  });
  for (const b of others) {
    offsets[b] = fit.find(b);
    fit.take(b, offsets[b]);
  }
  return offsets;
}
