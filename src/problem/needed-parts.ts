/**
 * A buffer's life cut at its gaps.
 *
 *     size ┤ ██      ██
 *          │ ██ ████ ██        three parts: all bytes, those that a gap leaves, all bytes
 *        0 ┼─██──────██─ step
 *
 * Invariant: parts are in the order of time, do not overlap, and need a byte each.
 */
import type { Problem } from './problem.js';

/** Steps, and the bytes that are needed then, from the start of the buffer. */
export interface NeededPart {
  /** Inclusive. */
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  readonly lower: number;
  /** Exclusive. */
  readonly upper: number;
}

/** The parts of a buffer's life that need bytes. O(its gaps). */
export function neededParts({ sizes, starts, ends, gaps }: Problem, b: number): NeededPart[] {
  const whole = { start: starts[b], end: ends[b], lower: 0, upper: sizes[b] };
  if (gaps === null) return [whole];
  const parts: NeededPart[] = [];
  let start = starts[b];
  for (let g = gaps.first[b]; g < gaps.first[b + 1]; g++) {
    parts.push({ ...whole, start, end: gaps.starts[g] });
    parts.push({ start: gaps.starts[g], end: gaps.ends[g], lower: gaps.lowers[g], upper: gaps.uppers[g] });
    start = gaps.ends[g];
  }
  parts.push({ ...whole, start });
  return parts.filter((part) => part.end > part.start && part.upper > part.lower);
}
