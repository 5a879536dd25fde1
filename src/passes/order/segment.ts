/**
 * A run of jobs that can be ordered by itself: all jobs before it have run, and all after it wait for all of it.
 *
 * A *state* is a set of jobs that have run, one bit each. `tryJob` says what the next job costs there.
 *
 * Invariant: the bytes that are live in a state depend on the state alone. They are submodular: what a job adds to a state
 * it adds, or less, to every larger one. That is what dominance rests on.
 */
/* eslint-disable no-bitwise -- sets of jobs, one bit each, never bytes */
import type { Lists } from './jobs.js';
import { listsOf } from './jobs.js';
import { NO_STORAGE, type OrderProblem } from './order-problem.js';

const WORD = 5;

/** Whether job `job` is in a state. */
export const isIn = (state: Int32Array, job: number): boolean => ((state[job >> WORD] >>> (job & 31)) & 1) === 1;

export function addTo(state: Int32Array, job: number): void {
  state[job >> WORD] |= 1 << (job & 31);
}

export function removeFrom(state: Int32Array, job: number): void {
  state[job >> WORD] &= ~(1 << (job & 31));
}

export class Segment {
  /** The jobs in the given order; all other numbers here are indices of this list. */
  readonly jobs: readonly number[];
  readonly count: number;
  /** Words of a state. */
  readonly words: number;
  readonly needs: Lists;
  readonly followers: Lists;
  /** Bytes that are live before the first job. */
  readonly startLoad: number;
  /** By job, the bytes of what it makes: while it runs, and after it. */
  readonly madeBytes: Float64Array;
  readonly keptBytes: Float64Array;
  /** By job, the storages that may die at it: indices of `sizes`. */
  readonly reads: Lists;
  readonly reusable: Lists;
  /** By storage that may die in the segment: its bytes, and the jobs that read it. */
  readonly sizes: Float64Array;
  readonly readers: Lists;
  /** By storage, the job that makes it; -1 if it is there before the segment, or a lazy job makes it. */
  readonly makers: Int32Array;
  /** By job, the lazy jobs that must have run: indices of `lazyBytes`. */
  readonly lazies: Lists;
  readonly lazyBytes: Float64Array;
  /** By lazy job, the jobs that need it, and the storage that it makes if that may die here, else -1. */
  readonly lazyNeeders: Lists;
  readonly lazyStorages: Int32Array;

  // What `tryJob` found.
  /** The most bytes that are live until the job has run. */
  peak = 0;
  /** The bytes that are live after it. */
  after = 0;

  /** @param isDone by job of the problem, 1 for those before the segment, lazy ones included */
  constructor(problem: OrderProblem, jobs: readonly number[], isDone: Uint8Array, startLoad: number) {
    const { needs, isLazy, sizes, made, reads, reusable, readers, isKept } = problem;
    this.jobs = jobs;
    this.count = jobs.length;
    this.words = Math.max(1, (jobs.length + 31) >> WORD);
    this.startLoad = startLoad;
    const local = new Map(jobs.map((job, index) => [job, index]));
    const ownNeeds = jobs.map((job) => itemsOf(needs, job).flatMap((need) => local.get(need) ?? []));
    this.needs = listsOf(ownNeeds);
    this.followers = listsOf(inverse(ownNeeds, jobs.length));
    const lazyOf = jobs.map((job) => itemsOf(needs, job).filter((need) => isLazy[need] === 1 && isDone[need] === 0));
    const lazyJobs = [...new Set(lazyOf.flat())].sort((a, b) => a - b);
    const lazyIndex = new Map(lazyJobs.map((job, index) => [job, index]));
    const ownLazies = lazyOf.map((list) => list.map((lazy) => lazyIndex.get(lazy)!));
    this.lazies = listsOf(ownLazies);
    this.lazyNeeders = listsOf(inverse(ownLazies, lazyJobs.length));
    /** Storages that some job of the segment reads, and that no later job does. */
    const mortal = new Map<number, number>();
    const mortals: number[] = [];
    const isMortal = (storage: number): boolean =>
      isKept[storage] === 0 && itemsOf(readers, storage).every((reader) => local.has(reader) || isDone[reader] === 1);
    for (const job of jobs) {
      for (const storage of itemsOf(reads, job)) {
        if (!mortal.has(storage) && isMortal(storage)) mortal.set(storage, mortals.push(storage) - 1);
      }
    }
    const mortalsOf = (lists: Lists, job: number): number[] =>
      itemsOf(lists, job).flatMap((storage) => mortal.get(storage) ?? []);
    this.reads = listsOf(jobs.map((job) => mortalsOf(reads, job)));
    this.reusable = listsOf(jobs.map((job) => mortalsOf(reusable, job)));
    this.sizes = Float64Array.from(mortals, (storage) => sizes[storage]);
    this.readers = listsOf(
      mortals.map((storage) => itemsOf(readers, storage).flatMap((reader) => local.get(reader) ?? [])),
    );
    this.makers = new Int32Array(mortals.length).fill(-1);
    const bytesOf = (job: number): number => (made[job] === NO_STORAGE ? 0 : sizes[made[job]]);
    const lasts = (job: number): boolean =>
      made[job] !== NO_STORAGE && (isKept[made[job]] === 1 || itemsOf(readers, made[job]).length > 0);
    this.madeBytes = Float64Array.from(jobs, bytesOf);
    this.keptBytes = Float64Array.from(jobs, (job) => (lasts(job) ? bytesOf(job) : 0));
    jobs.forEach((job, index) => {
      const storage = mortal.get(made[job]);
      if (storage !== undefined) this.makers[storage] = index;
    });
    this.lazyBytes = Float64Array.from(lazyJobs, (job) => (lasts(job) ? bytesOf(job) : 0));
    this.lazyStorages = Int32Array.from(lazyJobs, (job) => mortal.get(made[job]) ?? -1);
  }

  /** Finds `peak` and `after` of job `job`, which must be ready, in a state with `load` live bytes. */
  tryJob(state: Int32Array, load: number, job: number): void {
    const { lazies, lazyBytes, lazyNeeders, reads, reusable, readers, sizes } = this;
    let before = load;
    for (let at = lazies.first[job]; at < lazies.first[job + 1]; at++) {
      const lazy = lazies.items[at];
      if (!this.#hasAny(state, lazyNeeders, lazy)) before += lazyBytes[lazy];
    }
    let dying = 0;
    for (let at = reads.first[job]; at < reads.first[job + 1]; at++) {
      if (this.#hasAllBut(state, readers, reads.items[at], job)) dying += sizes[reads.items[at]];
    }
    let reused = 0;
    for (let at = reusable.first[job]; at < reusable.first[job + 1]; at++) {
      const storage = reusable.items[at];
      if (sizes[storage] > reused && this.#hasAllBut(state, readers, storage, job)) reused = sizes[storage];
    }
    this.peak = before + Math.max(0, this.madeBytes[job] - reused);
    this.after = before + this.keptBytes[job] - dying;
  }

  /** Whether all jobs that `job` needs have run. */
  isReady(state: Int32Array, job: number): boolean {
    const { first, items } = this.needs;
    for (let at = first[job]; at < first[job + 1]; at++) if (!isIn(state, items[at])) return false;
    return true;
  }

  #hasAny(state: Int32Array, { first, items }: Lists, list: number): boolean {
    for (let at = first[list]; at < first[list + 1]; at++) if (isIn(state, items[at])) return true;
    return false;
  }

  #hasAllBut(state: Int32Array, { first, items }: Lists, list: number, job: number): boolean {
    for (let at = first[list]; at < first[list + 1]; at++) {
      if (items[at] !== job && !isIn(state, items[at])) return false;
    }
    return true;
  }

  /** The most bytes that are live at once where the jobs run in `order`, and the bytes that are live afterwards. */
  run(order: readonly number[]): { readonly peak: number; readonly after: number } {
    const state = new Int32Array(this.words);
    let peak = this.startLoad;
    let load = this.startLoad;
    for (const job of order) {
      this.tryJob(state, load, job);
      peak = Math.max(peak, this.peak);
      load = this.after;
      addTo(state, job);
    }
    return { peak, after: load };
  }

  /** The jobs as they are given. */
  get givenOrder(): number[] {
    return this.jobs.map((_, index) => index);
  }
}

export function itemsOf({ first, items }: Lists, index: number): number[] {
  return Array.from(items.subarray(first[index], first[index + 1]));
}

/** By number below `count`, the indices of the lists that it is in. */
function inverse(lists: readonly (readonly number[])[], count: number): number[][] {
  const inverted: number[][] = Array.from({ length: count }, () => []);
  lists.forEach((list, index) => list.forEach((item) => inverted[item].push(index)));
  return inverted;
}
