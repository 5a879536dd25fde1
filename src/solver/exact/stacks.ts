/**
 * The least height of each section's unplaced members when they lie on top of each other.
 *
 *     offset                All members together take the sum of their sizes. Each member aligned to 4 or more takes a
 *      13 ┤ ▒▒▒▒            multiple of 4, except for the one on top, even if others lie in the padding. So there is one
 *       8 ┤ ▒▒▒▒            stack for all members, and one more for each alignment to which sizes need padding.
 *       5 ┤
 *         │ ▒▒▒▒
 *       0 ┼─────
 *
 * Two candidates for the bottom are watched per section, as clauses are in SAT solvers.
 *
 * Invariant: `heights` less `slack` never exceeds the units that the unplaced members take.
 */
import type { Instance, Units } from './instance.js';

export interface Stack {
  /** Units, at least 1. Only members with at least this alignment count. */
  readonly alignment: number;
  /** Units per buffer, padded; 0 for a buffer that does not count. */
  readonly padded: Units;
  /** Units per section: the padded sizes of its unplaced members. */
  readonly heights: Units;
  /** Units per section: the most padding of one member, since the member on top needs none. */
  readonly slack: Units;
  readonly watchA: Int32Array;
  readonly watchB: Int32Array;
}

/** One stack for all members, and one for each alignment that makes a difference. */
export function createStacks(instance: Instance): Stack[] {
  const { sizes, alignments } = instance;
  const needsPadding = (alignment: number): boolean =>
    sizes.some((size, b) => alignments![b] >= alignment && size % alignment > 0);
  const distinct = [...new Set(alignments ?? [])].sort((a, b) => a - b);
  return [1, ...distinct.filter((alignment) => alignment > 1 && needsPadding(alignment))].map((alignment) =>
    createStack(instance, alignment),
  );
}

/** Adds buffer `b` to the heights, or takes it out. */
export function changeHeights(
  { padded, heights }: Stack,
  { starts, ends, idleFirst, idle }: Instance,
  b: number,
  sign: 1 | -1,
): void {
  const units = sign * padded[b];
  for (let s = starts[b]; s < ends[b]; s++) heights[s] += units;
  if (idleFirst === null) return;
  for (let e = idleFirst[b]; e < idleFirst[b + 1]; e++) heights[idle[e]] -= units;
}

function createStack(
  { count, sizes, alignments, sectionCount, memberFirst, members }: Instance,
  alignment: number,
): Stack {
  const Columns = sizes instanceof Int32Array ? Int32Array : Float64Array;
  const padded = new Columns(count);
  for (let b = 0; b < count; b++) {
    if (alignments === null || alignments[b] >= alignment) padded[b] = Math.ceil(sizes[b] / alignment) * alignment;
  }
  const slack = new Columns(sectionCount);
  const watchA = new Int32Array(sectionCount).fill(-1);
  for (let s = 0; s < sectionCount; s++) {
    for (let e = memberFirst[s]; e < memberFirst[s + 1]; e++) {
      const b = members[e];
      if (padded[b] === 0) continue;
      watchA[s] = b;
      slack[s] = Math.max(slack[s], padded[b] - sizes[b]);
    }
  }
  return { alignment, padded, heights: new Columns(sectionCount), slack, watchA, watchB: watchA.slice() };
}
