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
import { isIn } from './bits.js';
import type { Segment } from './segment.js';
import { StateHeap } from './state-heap.js';
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
/** Readers of one storage that are run together to find a state that may dominate. */
const MOST_READERS = 4;
/** One unit of effort looks at so many choices, or tries so many. */
export const CHOICES_PER_EFFORT = 64;
export const TRIES_PER_EFFORT = 8;

export class OrderSearch {
  readonly #segment: Segment;
  readonly #budget: Budget;
  readonly #store: StateStore;
  readonly #open: number[] = [];
  /** States that lead on beyond the limit, by the least load on the way. */
  readonly #waiting: StateHeap;
  /** The state in hand. */
  readonly #state: Int32Array;
  /** Its choices that are ready; by choice, the load at it, the load after it, and the state after it with its hash. */
  readonly #ready: Int32Array;
  #readyCount = 0;
  readonly #peaks: Float64Array;
  readonly #afters: Float64Array;
  readonly #hashes: Int32Array;
  readonly #nextStates: Int32Array;
  /** A state at the end of a chain. */
  readonly #chained: Int32Array;

  constructor(segment: Segment, budget: Budget) {
    const { count, words } = segment;
    this.#segment = segment;
    this.#budget = budget;
    this.#store = new StateStore(segment);
    this.#waiting = new StateHeap(this.#store);
    this.#state = new Int32Array(words);
    this.#ready = new Int32Array(count);
    this.#peaks = new Float64Array(count);
    this.#afters = new Float64Array(count);
    this.#hashes = new Int32Array(count);
    this.#nextStates = new Int32Array(count * words);
    this.#chained = new Int32Array(words);
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
      this.#take(state);
      if (this.#readyCount === 0) return { bound: limit, order: this.#store.pathTo(state) };
      if (!this.#isDominated(state, limit)) this.#expand(state, limit);
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

  /** Takes a state in hand: finds its ready choices and what they cost. */
  #take(state: number): void {
    const segment = this.#segment;
    const { choices, words } = segment;
    const bits = this.#state;
    this.#store.read(state, bits);
    const load = this.#store.loads[state];
    const hash = this.#store.hashOf(state);
    this.#readyCount = 0;
    for (let index = 0; index < choices.length; index++) {
      const choice = choices[index];
      if (isIn(bits, choice) || !segment.isReady(bits, choice)) continue;
      segment.tryChoice(bits, hash, load, choice);
      this.#ready[this.#readyCount++] = choice;
      this.#peaks[choice] = segment.peak;
      this.#afters[choice] = segment.after;
      this.#hashes[choice] = segment.hash;
      this.#nextStates.set(segment.state, choice * words);
    }
    const work = choices.length / CHOICES_PER_EFFORT + this.#readyCount / TRIES_PER_EFFORT;
    this.#budget.charge(Math.floor(work));
  }

  /** Opens what the state in hand leads to; what leaves the fewest live bytes comes next. */
  #expand(state: number, limit: number): void {
    const store = this.#store;
    const afters = this.#afters;
    const ready = this.#ready.subarray(0, this.#readyCount).sort((a, b) => afters[b] - afters[a] || b - a);
    let next = Infinity;
    for (let index = 0; index < ready.length; index++) {
      const choice = ready[index];
      if (this.#peaks[choice] > limit) {
        next = Math.min(next, this.#peaks[choice]);
        continue;
      }
      const bits = this.#nextState(choice);
      const hash = this.#hashes[choice];
      if (store.find(bits, hash) === -1) this.#open.push(store.add(bits, hash, afters[choice], state, choice));
    }
    if (next < Infinity) this.#waiting.push(state, next);
  }

  #nextState(choice: number): Int32Array {
    const { words } = this.#segment;
    return this.#nextStates.subarray(choice * words, (choice + 1) * words);
  }

  /** Whether a state that was reached dominates the state in hand. */
  #isDominated(state: number, limit: number): boolean {
    const load = this.#store.loads[state];
    for (let index = 0; index < this.#readyCount; index++) {
      const choice = this.#ready[index];
      if (this.#peaks[choice] <= limit && this.#isDominatedThrough(choice, load)) return true;
    }
    for (const readers of this.#segment.sharedReads) if (this.#isDominatedByAll(readers, state)) return true;
    return false;
  }

  /**
   * The same for the state that all readers of one storage lead to, if those that have not run are ready: the storage dies
   * there. States between the two are looked at one by one.
   */
  #isDominatedByAll(readers: Int32Array, state: number): boolean {
    const segment = this.#segment;
    const store = this.#store;
    const left: number[] = [];
    for (let index = 0; index < readers.length; index++) {
      const reader = readers[index];
      if (isIn(this.#state, reader)) continue;
      if (left.length === MOST_READERS || !segment.isReady(this.#state, reader)) return false;
      left.push(reader);
    }
    if (left.length < 2) return false;
    const bits = this.#chained;
    bits.set(this.#state);
    let hash = store.hashOf(state);
    for (const reader of left) hash = segment.advance(bits, hash, reader);
    const found = store.find(bits, hash);
    return found !== -1 && store.loads[found] <= store.loads[state] && this.#isLeast(left, state, store.loads[found]);
  }

  /** Whether no state that some of these choices lead to, which are all ready, has fewer live bytes than `least`. */
  #isLeast(choices: readonly number[], state: number, least: number): boolean {
    const bits = this.#chained;
    for (let some = 1; some < 2 ** choices.length - 1; some++) {
      bits.set(this.#state);
      let load = this.#store.loads[state];
      for (const [index, choice] of choices.entries()) {
        if (Math.floor(some / 2 ** index) % 2 === 0) continue;
        this.#segment.tryChoice(bits, 0, load, choice);
        load = this.#segment.after;
        bits.set(this.#segment.state);
      }
      if (load < least) return false;
    }
    return true;
  }

  /**
   * The same for the states that `first` leads to, with choices in a row each of which becomes ready by the one before:
   * all states between the two are those of the row.
   */
  #isDominatedThrough(first: number, load: number): boolean {
    const segment = this.#segment;
    const { followers } = segment;
    const store = this.#store;
    const bits = this.#chained;
    bits.set(this.#nextState(first));
    let hash = this.#hashes[first];
    let last = first;
    for (let length = 1; length <= LONGEST_CHAIN; length++) {
      const found = store.find(bits, hash);
      if (found === -1) return false;
      if (store.loads[found] <= load) return true;
      let next = -1;
      for (let at = followers.first[last]; at < followers.first[last + 1] && next === -1; at++) {
        if (segment.isReady(bits, followers.items[at])) next = followers.items[at];
      }
      if (next === -1) return false;
      hash = segment.advance(bits, hash, next);
      last = next;
    }
    return false;
  }
}
