/**
 * Where every order is forced: jobs that come before or after each other job.
 *
 *     a ──▶ b ──▶ d ──▶ e ──▶ g          a, d and g are comparable with all other jobs. Between them lie segments {b, c}
 *     └───▶ c ────┘ └───▶ f ──┘          and {e, f}: the best order of one has nothing to do with that of the other.
 *
 * In the given order, all later jobs come after `j` if each has a need at `j` or behind it, and all earlier ones come before
 * `j` if each is needed at `j` or before it.
 *
 * Invariant: the segments, one after another, are all jobs but the lazy ones, in the given order.
 */
import type { OrderProblem } from './order-problem.js';

/** Runs of jobs, as lists of jobs; a job that stands alone is comparable with all others. O(jobs + needs). */
export function segmentsOf({ jobCount, needs, isLazy }: OrderProblem): number[][] {
  const jobs: number[] = [];
  for (let job = 0; job < jobCount; job++) if (isLazy[job] === 0) jobs.push(job);
  const positions = new Int32Array(jobCount).fill(-1);
  jobs.forEach((job, position) => (positions[job] = position));
  const count = jobs.length;
  /** The last need of each job, and the first job that needs it, as positions. */
  const lastNeed = new Int32Array(count).fill(-1);
  const firstNeeded = new Int32Array(count).fill(count);
  jobs.forEach((job, position) => {
    for (let at = needs.first[job]; at < needs.first[job + 1]; at++) {
      const need = positions[needs.items[at]];
      if (need === -1) continue;
      lastNeed[position] = Math.max(lastNeed[position], need);
      firstNeeded[need] = Math.min(firstNeeded[need], position);
    }
  });
  const isFollowed = new Uint8Array(count);
  for (let position = count - 1, least = count; position >= 0; position--) {
    isFollowed[position] = least >= position ? 1 : 0;
    least = Math.min(least, lastNeed[position]);
  }
  const segments: number[][] = [];
  let open: number[] = [];
  const close = (): void => {
    if (open.length > 0) segments.push(open);
    open = [];
  };
  for (let position = 0, most = -1; position < count; position++) {
    if (most <= position && isFollowed[position] === 1) {
      close();
      segments.push([jobs[position]]);
    } else {
      open.push(jobs[position]);
    }
    most = Math.max(most, firstNeeded[position]);
  }
  close();
  return segments;
}
