/**
 * A run of jobs that can be ordered by itself: all jobs before it have run, and all after it wait for all of it.
 *
 * A *state* is a set of jobs that have run. A *choice* is a job that is not lazy; it brings the lazy jobs that it needs.
 * `tryChoice` says what the next choice costs in a state.
 *
 * Invariant: the bytes that are live in a state depend on the state alone. They are submodular: what a job adds to a state
 * it adds, or less, to every larger one. That is what dominance rests on.
 */
/* eslint-disable no-bitwise -- hashes of sets of jobs, never bytes */
import { createRandom } from '../../solver/random.js';
import { addTo, isIn, wordsOf } from './bits.js';
import type { Laziness } from './lazy.js';
import { inverseOf, itemsOf, listsOf, type Lists } from './lists.js';
import { NO_STORAGE, type OrderProblem } from './order-problem.js';

export class Segment {
  /** The jobs in the given order, lazy ones included; all other numbers here are indices of this list. */
  readonly jobs: readonly number[];
  readonly choices: readonly number[];
  readonly count: number;
  /** Words of a state. */
  readonly words: number;
  /** By job, those that it must follow; by choice, the other choices among them, through lazy ones too. */
  readonly needs: Lists;
  readonly waits: Lists;
  /** By choice, the choices that wait for it; the lazy jobs that must have run before it. */
  readonly followers: Lists;
  readonly brings: Lists;
  /** Bytes that are live before the first job. */
  readonly startLoad: number;
  /** By job, the bytes of what it makes: while it runs, and after it. */
  readonly madeBytes: Float64Array;
  readonly keptBytes: Float64Array;
  /** By job, the storages that may die at it, and those of them that it may reuse: indices of `sizes`. */
  readonly reads: Lists;
  readonly reusable: Lists;
  /** By storage that may die in the segment: its bytes, the jobs that read it, and the job that makes it; -1 if it is there before. */
  readonly sizes: Float64Array;
  readonly readers: Lists;
  readonly makers: Int32Array;
  /** For each storage that several choices read, and no lazy job, these choices. */
  readonly sharedReads: readonly Int32Array[];

  // What `tryChoice` found.
  /** The most bytes that are live until the choice has run, and those that are live after it. */
  peak = 0;
  after = 0;
  /** The state after it, with its hash. */
  readonly state: Int32Array;
  hash = 0;

  readonly #hashes: Int32Array;

  /** @param isDone by job of the problem, 1 for those before the segment, lazy ones included */
  constructor(
    problem: OrderProblem,
    laziness: Laziness,
    choices: readonly number[],
    isDone: Uint8Array,
    startLoad: number,
  ) {
    const { isLazy, brings, waits } = laziness;
    const lazies = new Set(choices.flatMap((job) => [...itemsOf(brings, job)].filter((lazy) => isDone[lazy] === 0)));
    const jobs = [...lazies, ...choices].sort((a, b) => a - b);
    const local = new Map(jobs.map((job, index) => [job, index]));
    const localized = ({ first, items }: Lists): Lists =>
      listsOf(
        jobs.map((job) => {
          const list: number[] = [];
          for (let at = first[job]; at < first[job + 1]; at++) {
            const index = local.get(items[at]);
            if (index !== undefined) list.push(index);
          }
          return list;
        }),
      );
    this.jobs = jobs;
    this.count = jobs.length;
    this.choices = [...jobs.keys()].filter((index) => isLazy[jobs[index]] === 0);
    this.words = wordsOf(jobs.length);
    this.state = new Int32Array(this.words);
    this.needs = localized(problem.needs);
    this.waits = localized(waits);
    this.brings = localized(brings);
    this.followers = inverseOf(this.waits, jobs.length);
    this.startLoad = startLoad;
    const { sizes, made, isKept, readers } = problem;
    const mortals = mortalStorages(problem, jobs, local, isDone);
    const mortalIndex = new Map(mortals.map((storage, index) => [storage, index]));
    const ofJobs = (lists: Lists): Lists =>
      listsOf(jobs.map((job) => [...itemsOf(lists, job)].flatMap((storage) => mortalIndex.get(storage) ?? [])));
    this.reads = ofJobs(problem.reads);
    this.reusable = ofJobs(problem.reusable);
    this.readers = inverseOf(this.reads, mortals.length);
    this.sizes = Float64Array.from(mortals, (storage) => sizes[storage]);
    this.makers = new Int32Array(mortals.length).fill(-1);
    this.madeBytes = new Float64Array(jobs.length);
    this.keptBytes = new Float64Array(jobs.length);
    jobs.forEach((job, index) => {
      const storage = made[job];
      if (storage === NO_STORAGE) return;
      this.madeBytes[index] = sizes[storage];
      const lasts = isKept[storage] === 1 || itemsOf(readers, storage).length > 0;
      if (lasts) this.keptBytes[index] = sizes[storage];
      const mortal = mortalIndex.get(storage);
      if (mortal !== undefined) this.makers[mortal] = index;
    });
    this.sharedReads = mortals
      .map((_, index) => itemsOf(this.readers, index))
      .filter((list) => list.length > 1 && list.every((reader) => isLazy[jobs[reader]] === 0));
    const random = createRandom(jobs.length);
    this.#hashes = Int32Array.from(jobs, () => Math.floor(random() * 2 ** 32) | 0);
  }

  /** Whether all choices that a choice waits for have run. */
  isReady(state: Int32Array, choice: number): boolean {
    const { first, items } = this.waits;
    for (let at = first[choice]; at < first[choice + 1]; at++) if (!isIn(state, items[at])) return false;
    return true;
  }

  /** Finds what a choice that is ready costs in a state with `load` live bytes. */
  tryChoice(state: Int32Array, hash: number, load: number, choice: number): void {
    const { first, items } = this.brings;
    this.state.set(state);
    this.hash = hash;
    this.after = load;
    for (let at = first[choice]; at < first[choice + 1]; at++) if (!isIn(this.state, items[at])) this.#run(items[at]);
    this.#run(choice);
  }

  /** Adds a job and what it brings to a state; returns the new hash. */
  advance(state: Int32Array, hash: number, choice: number): number {
    const { first, items } = this.brings;
    let newHash = hash ^ this.#hashes[choice];
    for (let at = first[choice]; at < first[choice + 1]; at++) {
      if (isIn(state, items[at])) continue;
      newHash ^= this.#hashes[items[at]];
      addTo(state, items[at]);
    }
    addTo(state, choice);
    return newHash;
  }

  /** Runs a job in `state`. The peak of a lazy job is what is live after it, so only that of the last job counts. */
  #run(job: number): void {
    const { reads, reusable, sizes, state } = this;
    let dying = 0;
    for (let at = reads.first[job]; at < reads.first[job + 1]; at++) {
      if (this.#diesAt(reads.items[at], job)) dying += sizes[reads.items[at]];
    }
    let reused = 0;
    for (let at = reusable.first[job]; at < reusable.first[job + 1]; at++) {
      const storage = reusable.items[at];
      if (sizes[storage] > reused && this.#diesAt(storage, job)) reused = sizes[storage];
    }
    this.peak = this.after + Math.max(0, this.madeBytes[job] - reused);
    this.after += this.keptBytes[job] - dying;
    this.hash ^= this.#hashes[job];
    addTo(state, job);
  }

  /** Whether all other readers of a storage have run. */
  #diesAt(storage: number, job: number): boolean {
    const { first, items } = this.readers;
    for (let at = first[storage]; at < first[storage + 1]; at++) {
      if (items[at] !== job && !isIn(this.state, items[at])) return false;
    }
    return true;
  }

  /** The most bytes that are live at once where the choices run in `order`, and the bytes that are live afterwards. */
  run(order: readonly number[]): { readonly peak: number; readonly after: number } {
    const state = new Int32Array(this.words);
    let peak = this.startLoad;
    let load = this.startLoad;
    for (const choice of order) {
      this.tryChoice(state, 0, load, choice);
      peak = Math.max(peak, this.peak);
      load = this.after;
      state.set(this.state);
    }
    return { peak, after: load };
  }
}

/** Storages that some job of a segment reads, and no later job, and that do not last to the end. */
function mortalStorages(
  { reads, readers, isKept }: OrderProblem,
  jobs: readonly number[],
  local: ReadonlyMap<number, number>,
  isDone: Uint8Array,
): number[] {
  const found = new Set<number>();
  for (const job of jobs) {
    for (const storage of itemsOf(reads, job)) {
      if (found.has(storage) || isKept[storage] === 1) continue;
      if (itemsOf(readers, storage).every((reader) => local.has(reader) || isDone[reader] === 1)) found.add(storage);
    }
  }
  return [...found];
}
