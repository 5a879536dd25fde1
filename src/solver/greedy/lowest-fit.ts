/**
 * Fills one chunk buffer by buffer, each at the lowest offset that is free throughout its live range.
 *
 * Invariant: buffers with a fixed offset are taken before all others.
 */
import { PlannerError } from '../../errors.js';
import { neededParts } from '../../problem/parts.js';
import { labelOfBuffer, type Problem } from '../../problem/problem.js';
import { countOverlaps } from '../../problem/overlaps.js';
import type { LowestFit } from './fit.js';
import { ListFit } from './list-fit.js';
import type { Timeline } from '../../problem/timeline.js';
import { TreeFit } from './tree-fit.js';

/** A list is better than a tree for at most `MOST_LISTED` buffers if more than `LISTED_DENSITY` of all pairs meet. */
const MOST_LISTED = 4096;
const LISTED_DENSITY = 0.15;
/** For at most `FEW_LISTED` buffers, `FEW_DENSITY` is enough. */
const FEW_LISTED = 512;
const FEW_DENSITY = 0.05;

export function createLowestFit(problem: Problem, timeline: Timeline): LowestFit {
  const { bufferCount, gaps } = problem;
  const density = bufferCount <= FEW_LISTED ? FEW_DENSITY : LISTED_DENSITY;
  const isDense = (): boolean => countOverlaps(problem) > (density * bufferCount ** 2) / 2;
  return gaps === null && bufferCount <= MOST_LISTED && isDense()
    ? new ListFit(problem)
    : new TreeFit(problem, timeline);
}

/**
 * Takes what the buffers with a fixed offset need, and returns their highest end.
 *
 * @throws PlannerError `FIXED_OVERLAP` if two of them collide.
 */
export function takeFixed(problem: Problem, fit: LowestFit): number {
  const { bufferCount, sizes, fixedOffsets } = problem;
  let top = 0;
  if (fixedOffsets === null) return top;
  for (let b = 0; b < bufferCount; b++) {
    const fixed = fixedOffsets[b];
    if (Number.isNaN(fixed)) continue;
    if (fit.find(b, fixed) !== fixed) rejectCollision(problem, b);
    fit.take(b, fixed);
    top = Math.max(top, fixed + sizes[b]);
  }
  return top;
}

/**
 * Places all buffers into `offsets` by an order, which holds each buffer once, and returns their highest end. Gives up
 * at the first end above `limit` and returns that end.
 *
 * @throws PlannerError `FIXED_OVERLAP`
 */
export function placeInOrder(
  problem: Problem,
  fit: LowestFit,
  order: Int32Array,
  limit: number,
  offsets: Float64Array,
): number {
  const { sizes, fixedOffsets } = problem;
  fit.reset();
  let peak = takeFixed(problem, fit);
  for (const b of order) {
    const fixed = fixedOffsets === null ? NaN : fixedOffsets[b];
    const isFixed = !Number.isNaN(fixed);
    offsets[b] = isFixed ? fixed : fit.find(b);
    const end = offsets[b] + sizes[b];
    if (end > limit) return end;
    if (!isFixed) fit.take(b, offsets[b]);
    if (end > peak) peak = end;
  }
  return peak;
}

/** Names the first fixed buffer that the fixed buffer `b` overlaps. */
function rejectCollision(problem: Problem, b: number): never {
  const { sizes } = problem;
  const offsets = problem.fixedOffsets!;
  let a = 0;
  while (Number.isNaN(offsets[a]) || !collide(problem, a, b)) a++;
  const [own, other] = [labelOfBuffer(problem, b), labelOfBuffer(problem, a)];
  const end = offsets[a] + sizes[a];
  throw new PlannerError('FIXED_OVERLAP', {
    message: `With the fixed offset of ${own}, ${offsets[b]}, it overlaps ${other}, which is fixed at bytes ${offsets[a]} to ${end}.`,
    culprit: `the fixed offset of ${own}`,
    value: offsets[b],
    limit: `clear of ${other}, which is fixed at ${offsets[a]} and ends at ${end}`,
    remedy: 'Choose another fixed offset, or leave it to the planner.',
  });
}

/** Whether two fixed buffers overlap. O(gaps of both). */
function collide(problem: Problem, a: number, b: number): boolean {
  const [partsA, partsB] = [neededParts(problem, a), neededParts(problem, b)];
  const [offsetA, offsetB] = [problem.fixedOffsets![a], problem.fixedOffsets![b]];
  for (let i = 0, j = 0; i < partsA.length && j < partsB.length;) {
    const [p, q] = [partsA[i], partsB[j]];
    const meet = p.start < q.end && q.start < p.end;
    if (meet && offsetA + p.lower < offsetB + q.upper && offsetB + q.lower < offsetA + p.upper) return true;
    if (p.end < q.end) i++;
    else j++;
  }
  return false;
}
