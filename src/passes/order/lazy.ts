/**
 * Which jobs may wait until another job needs them.
 *
 *     x ──▶ a ──▶ c        The storage of x is read again after a, so a frees nothing: before c needs it, a only takes up
 *     └───────────▲        room. In some order with the least peak, a runs just before the first job that needs it.
 *
 * A *lazy* job never makes fewer bytes live, whenever it runs: what may die at it is no larger than what it makes. While it
 * waits, every other job needs at most what it needed before. All other jobs are *choices*; each brings the lazy jobs that
 * it needs, which run just before it.
 *
 * While a lazy job runs, what dies at it is live besides its result. This never counts, because the choice that brings it
 * needs at least as many bytes more.
 *
 * Invariant: the order of the choices decides when the lazy jobs run. Some order with the least peak is such a one.
 */
import { isIn } from './bits.js';
import { inverseOf, itemsOf, listsOf, type Lists } from './lists.js';
import { NO_STORAGE, type OrderProblem } from './order-problem.js';
import { MOST_RELATED, Relatives } from './relatives.js';

export interface Laziness {
  readonly isLazy: Uint8Array;
  /** By choice, the lazy jobs that must have run before it, in an order in which they can run. */
  readonly brings: Lists;
  /** By choice, the choices that it must follow, through lazy jobs too. */
  readonly waits: Lists;
}

/**
 * O(jobs · needs / 32) and, a few times, O(jobs + brought jobs).
 *
 * @param tolerance bytes by which a lazy job may need more than the choice that brings it. Above 0, more jobs are lazy, and
 * some order with the least peak is such a one but for these bytes: what is proven of the choices still holds
 */
export function lazinessOf(problem: OrderProblem, tolerance: number): Laziness {
  const { jobCount, needs, madeBytes } = problem;
  const followers = inverseOf(needs, jobCount);
  const after = jobCount <= MOST_RELATED ? new Relatives(followers, false) : null;
  const isLazy = new Uint8Array(jobCount);
  const excess = new Float64Array(jobCount);
  const rise = new Float64Array(jobCount);
  for (let job = 0; job < jobCount; job++) {
    const isNeeded = followers.first[job] < followers.first[job + 1];
    excess[job] = isNeeded ? excessOf(problem, job, after) : Infinity;
    if (excess[job] < Infinity) isLazy[job] = 1;
    const reused = itemsOf(problem.reusable, job).reduce((most, storage) => Math.max(most, problem.sizes[storage]), 0);
    rise[job] = madeBytes[job] - reused;
  }
  for (;;) {
    const laziness = { isLazy, ...bringing(needs, isLazy) };
    let isStable = true;
    for (let job = 0; job < jobCount; job++) {
      for (const lazy of itemsOf(laziness.brings, job)) {
        if (excess[lazy] <= Math.max(0, rise[job]) + tolerance) continue;
        isLazy[lazy] = 0;
        isStable = false;
      }
    }
    if (isStable) return laziness;
  }
}

/**
 * The bytes that may be live while a job runs besides those that are live after it; `Infinity` if it may make fewer bytes
 * live.
 */
function excessOf(problem: OrderProblem, job: number, after: Relatives | null): number {
  const { reads, reusable, readers, isKept, sizes, made, madeBytes } = problem;
  const storage = made[job];
  const lasts = storage === NO_STORAGE || isKept[storage] === 1 || itemsOf(readers, storage).length > 0;
  if (!lasts) return Infinity;
  const later = after?.of(job);
  const mayDie = itemsOf(reads, job).filter((read) => {
    const isReadLater = later !== undefined && itemsOf(readers, read).some((reader) => isIn(later, reader));
    return isKept[read] === 0 && !isReadLater;
  });
  const dying = mayDie.reduce((sum, read) => sum + sizes[read], 0);
  if (dying > madeBytes[job]) return Infinity;
  return mayDie.length === 1 && itemsOf(reusable, job).includes(mayDie[0]) ? 0 : dying;
}

/** By choice, what it brings and what it waits for; empty for lazy jobs. */
function bringing(needs: Lists, isLazy: Uint8Array): Pick<Laziness, 'brings' | 'waits'> {
  const brings: number[][] = [];
  const waits: number[][] = [];
  // The last choice that met each job.
  const metBy = new Int32Array(isLazy.length).fill(-1);
  for (let job = 0; job < isLazy.length; job++) {
    const own: number[] = [];
    const others: number[] = [];
    const open = isLazy[job] === 1 ? [] : [job];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      for (const need of itemsOf(needs, at)) {
        if (metBy[need] === job) continue;
        metBy[need] = job;
        (isLazy[need] === 1 ? own : others).push(need);
        if (isLazy[need] === 1) open.push(need);
      }
    }
    brings.push(own.sort((a, b) => a - b));
    waits.push(others);
  }
  return { brings: listsOf(brings), waits: listsOf(waits) };
}
