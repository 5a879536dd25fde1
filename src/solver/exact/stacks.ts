/**
 * What the unplaced members of each section take at least when they lie on top of each other.
 *
 *     offset                All members take the sum of their sizes. Those that are aligned to 4 or more take a multiple
 *      13 ┤ ▒▒▒▒            of 4 each, whatever lies in the padding between them, except for the one on top. So there is
 *       8 ┤ ▒▒▒▒            one stack for all members, and one more for each alignment to which sizes need padding.
 *       5 ┤
 *         │ ▒▒▒▒
 *       0 ┼─────
 *
 * Two candidates for the bottom are watched per section, as clauses are in SAT solvers.
 *
 * Invariant: `heights` never exceeds what the unplaced members take.
 */
import type { Instance, Units } from './instance.js';

export interface Stack {
  /** Units, at least 1; only members that are aligned to it or more count. */
  readonly alignment: number;
  /** Units per buffer that counts, padded. */
  readonly padded: Units;
  /** Units per section: what is unplaced, padded. */
  readonly heights: Units;
  /** Units per section: the most padding of one member, which the one on top does not need. */
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
