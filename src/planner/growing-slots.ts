/**
 * Slots whose sizes and offsets are linear in one length, so that an arena grows with it.
 *
 *     bytes        ╱ top          Buffers keep the order that they have in the placement for the greatest length. Each begins
 *       │        ╱    ╱ b         on a line that is nowhere below the end of a buffer under it: at the least length, and
 *       │      ╱   ╱              at the greatest. Lines that do not cross at both ends do not cross between them.
 *       │    ╱  ╱    ╱ a
 *       │  ╱ ╱  ╱
 *       └────────────────── length
 *
 * Invariant: every offset is a multiple of the alignment at every length, and no two buffers that live at one step meet at
 * any length of the range.
 */
import { findOverlaps } from '../problem/overlaps.js';
import type { Problem } from '../problem/problem.js';
import { alignUp, checkBytes } from '../units.js';

/** A byte count that grows with a length: `atLeast` bytes at the least one, `perUnit` bytes more for each unit. */
export interface Line {
  readonly atLeast: number;
  readonly perUnit: number;
}

/** Sizes and offsets of buffers, and the size of the arena, as lines. */
export interface GrowingSlots {
  readonly sizes: readonly Line[];
  readonly offsets: readonly Line[];
  readonly bufferSize: Line;
}

/** The value of a line, `units` above the least length. */
export const valueAt = ({ atLeast, perUnit }: Line, units: number): number => atLeast + perUnit * units;

/**
 * Lines for the buffers of `problem`, whose sizes are those at the greatest length. O(buffers + overlaps).
 *
 * @param least sizes at the least length, bytes; multiples of the alignment, as all sizes
 * @param offsets a placement of `problem` without its gaps, bytes
 * @param units lengths above the least one; at least one
 */
export function growingSlots(
  problem: Problem,
  least: ArrayLike<number>,
  offsets: ArrayLike<number>,
  units: number,
): GrowingSlots {
  const { bufferCount, alignments } = problem;
  const sizes = Array.from(problem.sizes, (size, b) => lineBetween(least[b], size, units, alignments[b]));
  const lines = new Array<Line>(bufferCount);
  const { first, other } = findOverlaps({ ...problem, gaps: null });
  const order = Array.from(sizes.keys()).sort((a, b) => offsets[a] - offsets[b]);
  const ends: Line[] = [];
  for (const b of order) {
    const below: Line[] = [];
    for (let i = first[b]; i < first[b + 1]; i++) {
      const under = other[i];
      if (lines[under] !== undefined) below.push(sumOf(lines[under], sizes[under]));
    }
    lines[b] = lineAbove(below, units, alignments[b]);
    ends.push(sumOf(lines[b], sizes[b]));
  }
  const bufferSize = lineAbove(ends, units, 1);
  checkBytes(valueAt(bufferSize, units), 'the buffer at its greatest length');
  return { sizes, offsets: lines, bufferSize };
}

const sumOf = (a: Line, b: Line): Line => ({ atLeast: a.atLeast + b.atLeast, perUnit: a.perUnit + b.perUnit });

/** The lowest line whose values are multiples of `alignment` that is at or above `least` and `most` at the two ends. */
function lineBetween(least: number, most: number, units: number, alignment: number): Line {
  const atLeast = alignUp(least, alignment);
  return { atLeast, perUnit: alignUp(Math.ceil(Math.max(0, most - atLeast) / units), alignment) };
}

/** The same, above all `lines`. */
function lineAbove(lines: readonly Line[], units: number, alignment: number): Line {
  const highestAt = (distance: number): number =>
    lines.reduce((most, line) => Math.max(most, valueAt(line, distance)), 0);
  return lineBetween(highestAt(0), highestAt(units), units, alignment);
}
