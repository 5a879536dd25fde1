/**
 * The order of a segment with the least peak, by search over states.
 *
 *     limit 12   {} ─▶ {a} ─▶ {a,b} ─ ─(13)─ ─ ▶ {a,b,c}      No step within the limit leads on: the least limit that
 *                 └──▶ {c} ─ ─(14)─ ─ ▶ {a,c}                 does is 13, so no order has a peak below 13.
 *
 * Depth first among the states that can be reached within a limit. When none is left, the limit rises to the smallest
 * load that stood in the way, and that is a proven lower bound.
 *
 * A state is dropped if a *dominating* state was reached within the limit: one with more jobs and no more live bytes, if
 * no state between the two has fewer. Whatever order completes the dropped state completes the other as well, without
 * the jobs that it has had, and needs no more bytes at any of them: live bytes are submodular.
 *
 * Invariant: deterministic within an effort. No job is ever forced: states are only compared with states that were reached.
 */
import type { Budget } from '../../solver/budget.js';
import { StateHeap } from './state-heap.js';
import { addTo, isIn, removeFrom, type Segment } from './segment.js';
import { StateStore } from './state-store.js';

/** How far a search has come. */
export interface SearchResult {
  /** No order of the segment has a peak below this. */
  readonly bound: number;
  /** An order whose peak is no larger than `bound`; null if none was found. */
  readonly order: readonly number[] | null;
}

/** Jobs in a row that lead from a state to one that may dominate it. */
const LONGEST_CHAIN = 12;
/** One unit of effort looks at so many jobs. */
const JOBS_PER_EFFORT = 64;

export class OrderSearch {
  readonly #segment: Segment;
  readonly #budget: Budget;
  readonly #store: StateStore;
  readonly #open: number[] = [];
  /** States that lead on beyond the limit, by the least load on the way. */
  readonly #waiting: StateHeap;
  readonly #state: Int32Array;
  /** By job of the state in hand that is ready: the load at it and after it. */
  readonly #peaks: Float64Array;
  readonly #afters: Float64Array;
  readonly #ready: Int32Array;
  #readyCount = 0;

  constructor(segment: Segment, budget: Budget) {
    this.#segment = segment;
    this.#budget = budget;
    this.#store = new StateStore(segment);
    this.#waiting = new StateHeap(this.#store);
    this.#state = new Int32Array(segment.words);
    this.#peaks = new Float64Array(segment.count);
    this.#afters = new Float64Array(segment.count);
    this.#ready = new Int32Array(segment.count);
  }

  /**
   * Pauses now and then, so that the caller can do something else.
   *
   * @param floor bytes that are needed anyway: a smaller peak is not looked for
   * @param ceiling the peak of a known order: a larger one, or one as large, is not looked for
   */
  *run(floor: number, ceiling: number): Generator<void, SearchResult> {
    const budget = this.#budget;
    let limit = Math.max(floor, this.#segment.startLoad);
    this.#open.push(this.#store.add(this.#state, 0, this.#segment.startLoad, -1, -1));
    while (limit < ceiling) {
      const state = this.#open.pop();
      if (state === undefined) {
        limit = Math.min(ceiling, this.#raise());
        continue;
      }
      if (!budget.spend()) return { bound: limit, order: null };
      const depth = this.#load(state);
      if (depth === this.#segment.count) return { bound: limit, order: this.#store.pathTo(state) };
      this.#expand(state, limit);
      yield;
    }
    return { bound: ceiling, order: null };
  }

  /** Opens the states that lead on within the next limit, and returns it. */
  #raise(): number {
    const waiting = this.#waiting;
    const limit = waiting.least;
    while (waiting.least <= limit && limit < Infinity) this.#open.push(waiting.pop());
    return limit;
  }

  /** Takes a state in hand: finds its ready jobs and what they cost. Returns how many jobs it has. */
  #load(state: number): number {
    const segment = this.#segment;
    const bits = this.#state;
    this.#store.read(state, bits);
    const load = this.#store.loads[state];
    let depth = 0;
    this.#readyCount = 0;
    for (let job = 0; job < segment.count; job++) {
      if (isIn(bits, job)) {
        depth++;
      } else if (segment.isReady(bits, job)) {
        segment.tryJob(bits, load, job);
        this.#peaks[job] = segment.peak;
        this.#afters[job] = segment.after;
        this.#ready[this.#readyCount++] = job;
      }
    }
    this.#budget.charge(Math.floor(segment.count / JOBS_PER_EFFORT));
    return depth;
  }

  /** Opens what the state in hand leads to, unless it is dominated; what gives the fewest live bytes comes next. */
  #expand(state: number, limit: number): void {
    const store = this.#store;
    const bits = this.#state;
    const hash = store.hashOf(state);
    if (this.#isDominated(store.loads[state], hash, limit)) return;
    const afters = this.#afters;
    const ready = this.#ready.subarray(0, this.#readyCount).sort((a, b) => afters[b] - afters[a] || b - a);
    let next = Infinity;
    for (let index = 0; index < ready.length; index++) {
      const job = ready[index];
      if (this.#peaks[job] > limit) {
        next = Math.min(next, this.#peaks[job]);
        continue;
      }
      addTo(bits, job);
      const childHash = store.hashWith(hash, job);
      if (store.find(bits, childHash) === -1) this.#open.push(store.add(bits, childHash, afters[job], state, job));
      removeFrom(bits, job);
    }
    if (next < Infinity) this.#waiting.push(state, next);
  }

  /** Whether a state that was reached has the jobs of the state in hand and more, and no more live bytes. */
  #isDominated(load: number, hash: number, limit: number): boolean {
    for (let index = 0; index < this.#readyCount; index++) {
      const job = this.#ready[index];
      if (this.#peaks[job] <= limit && this.#isDominatedThrough(job, load, hash)) return true;
    }
    return false;
  }

  /**
   * The same for the states that `first` leads to, with jobs in a row each of which becomes ready by the one before: all
   * states between the two are those of the row.
   */
  #isDominatedThrough(first: number, load: number, hash: number): boolean {
    const { followers } = this.#segment;
    const store = this.#store;
    const bits = this.#state;
    let job = first;
    let childHash = hash;
    let length = 0;
    let isFound = false;
    const chain: number[] = [];
    while (job !== -1 && length++ < LONGEST_CHAIN) {
      addTo(bits, job);
      chain.push(job);
      childHash = store.hashWith(childHash, job);
      const found = store.find(bits, childHash);
      if (found === -1) break;
      if (store.loads[found] <= load) {
        isFound = true;
        break;
      }
      let next = -1;
      for (let at = followers.first[job]; at < followers.first[job + 1]; at++) {
        const follower = followers.items[at];
        if (!isIn(bits, follower) && this.#segment.isReady(bits, follower)) {
          next = next === -1 ? follower : next;
        }
      }
      job = next;
    }
    for (const each of chain) removeFrom(bits, each);
    return isFound;
  }
}
