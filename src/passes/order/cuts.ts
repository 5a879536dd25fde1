/**
 * Where every order is forced: jobs that come before or after each other job.
 *
 *     a ──▶ b ──▶ d ──▶ e ──▶ g          a, d and g are comparable with all other jobs. Between them lie segments {b, c}
 *     └───▶ c ────┘ └───▶ f ──┘          and {e, f}: the best order of one has nothing to do with that of the other.
 *
 * In the given order, all later jobs come after `j` if each waits for one at `j` or behind it, and all earlier ones come
 * before `j` if one at `j` or before it waits for each.
 *
 * Invariant: the segments, one after another, are all jobs but the lazy ones, in the given order.
 */
import type { Laziness } from './lazy.js';
import { itemsOf } from './lists.js';

/** Runs of jobs, as lists of jobs; a job that stands alone is comparable with all others. O(jobs + waits). */
export function segmentsOf({ isLazy, waits }: Laziness): number[][] {
  const jobs = Array.from(isLazy.keys()).filter((job) => isLazy[job] === 0);
  const positions = new Int32Array(isLazy.length).fill(-1);
  jobs.forEach((job, position) => (positions[job] = position));
  const count = jobs.length;
  const lastWait = new Int32Array(count).fill(-1);
  const firstFollower = new Int32Array(count).fill(count);
  jobs.forEach((job, position) => {
    for (const other of itemsOf(waits, job)) {
      const wait = positions[other];
      lastWait[position] = Math.max(lastWait[position], wait);
      firstFollower[wait] = Math.min(firstFollower[wait], position);
    }
  });
  const isFollowed = new Uint8Array(count);
  for (let position = count - 1, least = count; position >= 0; position--) {
    isFollowed[position] = least >= position ? 1 : 0;
    least = Math.min(least, lastWait[position]);
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
    most = Math.max(most, firstFollower[position]);
  }
  close();
  return segments;
}
