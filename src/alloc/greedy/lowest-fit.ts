/**
 * One chunk that is filled buffer by buffer, each at the lowest offset that is free throughout its life.
 *
 * Invariant: buffers with a fixed offset are taken before all others, and what is taken stays until `reset`. Both ways to
 * look for an offset give the same one.
 */
import { PlannerError } from '../../errors.js';
import { labelOfBuffer, type Problem } from '../../problem/problem.js';
import { countOverlaps } from '../overlap-count.js';
import { ListFit } from './list-fit.js';
import type { Timeline } from './timeline.js';
import { TreeFit } from './tree-fit.js';

export interface LowestFit {
  /** Effort so far: sets read or changed and intervals met, 20 to 100 ns each. */
  readonly steps: number;
  /** Frees everything. */
  reset(): void;
  /** The lowest free offset for a buffer, at least `from`, aligned. */
  find(buffer: number, from?: number): number;
  /** Takes what a buffer needs when it lies at `offset`. */
  take(buffer: number, offset: number): void;
}

/** A list is better than a tree where no more buffers than these share this part of all possible pairs. */
const MOST_LISTED = 4096;
const LISTED_DENSITY = 0.15;

export function createLowestFit(problem: Problem, timeline: Timeline): LowestFit {
  const { bufferCount, gaps } = problem;
  const isDense = (): boolean => countOverlaps(problem) > (LISTED_DENSITY * bufferCount ** 2) / 2;
  return gaps === null && bufferCount <= MOST_LISTED && isDense()
    ? new ListFit(problem)
    : new TreeFit(problem, timeline);
}

/**
 * Takes what the buffers with a fixed offset need, and returns their highest end.
 *
 * @throws PlannerError `FIXED_OVERLAP` if two of them collide, `OVERSIZE` if one ends above `limit`.
 */
export function takeFixed(problem: Problem, fit: LowestFit, limit: number): number {
  const { bufferCount, sizes, fixedOffsets } = problem;
  let top = 0;
  if (fixedOffsets === null) return top;
  for (let b = 0; b < bufferCount; b++) {
    const fixed = fixedOffsets[b];
    if (Number.isNaN(fixed)) continue;
    if (fixed + sizes[b] > limit) reject('OVERSIZE', problem, b, `low enough to end by ${limit}`);
    const free = fit.find(b, fixed);
    if (free !== fixed)
      reject('FIXED_OVERLAP', problem, b, `at least ${free}, above the buffers that are fixed before it`);
    fit.take(b, fixed);
    top = Math.max(top, fixed + sizes[b]);
  }
  return top;
}

/**
 * Places all buffers by an order, which holds each once, into `offsets`; returns their highest end, or the first one found above
 * `limit`, where it gives up.
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
  let peak = takeFixed(problem, fit, Infinity);
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

function reject(code: 'FIXED_OVERLAP' | 'OVERSIZE', problem: Problem, buffer: number, limit: string): never {
  throw new PlannerError(code, {
    culprit: `the fixed offset of ${labelOfBuffer(problem, buffer)}`,
    value: problem.fixedOffsets![buffer],
    limit,
    remedy: 'Choose another fixed offset, or leave it to the planner.',
  });
}
