/**
 * Which jobs may wait until another job needs them.
 *
 *     x ──▶ a ──▶ c        The storage of x is read again after a, so a frees nothing: before c needs it, a only takes up
 *     └───────────▲        room. In some order with the least peak, a runs just before the first job that needs it.
 *
 * A lazy job never makes fewer bytes live, at whatever time it runs: no storage dies at it, or the only one that may is
 * overwritten by a result that is no smaller. While it waits, every other job needs at most what it needed before.
 *
 * Invariant: the order of all other jobs decides when the lazy ones run.
 */
import { isIn } from './bits.js';
import { inverseOf, itemsOf, listsOf, type Lists } from './lists.js';
import { NO_STORAGE, type OrderProblem } from './order-problem.js';
import { MOST_RELATED, Relatives } from './relatives.js';

export interface Laziness {
  readonly isLazy: Uint8Array;
  /** By job that is not lazy, the lazy ones that must have run before it, in an order in which they can run. */
  readonly brings: Lists;
  /** By job that is not lazy, those of its kind that it must follow, through lazy ones too. */
  readonly waits: Lists;
}

/** O(jobs · needs / 32). */
export function lazinessOf(problem: OrderProblem): Laziness {
  const { jobCount, needs } = problem;
  const followers = inverseOf(needs, jobCount);
  const after = jobCount <= MOST_RELATED ? new Relatives(followers, false) : null;
  const isLazy = new Uint8Array(jobCount);
  for (let job = 0; job < jobCount; job++) {
    const isNeeded = followers.first[job] < followers.first[job + 1];
    if (isNeeded && neverFrees(problem, job, after)) isLazy[job] = 1;
  }
  const brings: number[][] = [];
  const waits: number[][] = [];
  for (let job = 0; job < jobCount; job++) {
    const own = new Set<number>();
    const others = new Set<number>();
    for (const need of isLazy[job] === 1 ? [] : itemsOf(needs, job)) {
      if (isLazy[need] === 0) others.add(need);
      else bring(need, own, others);
    }
    brings.push([...own].sort((a, b) => a - b));
    waits.push([...others]);
  }
  return { isLazy, brings: listsOf(brings), waits: listsOf(waits) };

  function bring(lazy: number, own: Set<number>, others: Set<number>): void {
    const open = [lazy];
    for (let job = open.pop(); job !== undefined; job = open.pop()) {
      if (own.has(job)) continue;
      own.add(job);
      for (const need of itemsOf(needs, job)) {
        if (isLazy[need] === 1) open.push(need);
        else others.add(need);
      }
    }
  }
}

/** Whether the bytes that are live never become fewer by a job, whenever it runs, nor are more while it runs than after it. */
function neverFrees(problem: OrderProblem, job: number, after: Relatives | null): boolean {
  const { reads, reusable, readers, isKept, sizes, made } = problem;
  const storage = made[job];
  const bytes = storage === NO_STORAGE ? 0 : sizes[storage];
  const lasts = storage === NO_STORAGE || isKept[storage] === 1 || itemsOf(readers, storage).length > 0;
  const later = after?.of(job);
  const isReadLater = (read: number): boolean =>
    later !== undefined && itemsOf(readers, read).some((reader) => isIn(later, reader));
  const mayDie = itemsOf(reads, job).filter((read) => isKept[read] === 0 && !isReadLater(read));
  if (!lasts || mayDie.length > 1) return false;
  return mayDie.every((read) => itemsOf(reusable, job).includes(read) && sizes[read] <= bytes);
}
