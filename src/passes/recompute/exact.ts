/**
 * The cheapest sequence of runs within a limit, for small graphs: the shortest way through all that may happen.
 *
 * A *state* is how many jobs have run for the first time, and which storages are live. In it, the next job may run, or an
 * earlier one again, over an operand if it may reuse that; if one of them does not fit, any value may be dropped. What is
 * still to be paid is at least a run of each dropped value that is read again, and the cheapest way to make room at the
 * stage that lacks most.
 *
 * Invariant: this never exceeds what is to be paid, so that the first way to the end is the cheapest.
 */
/* eslint-disable no-bitwise -- sets of storages, never bytes */
import type { Budget } from '../../solver/budget.js';
import { itemsOf } from '../order/lists.js';
import { NO_STORAGE } from '../order/order-problem.js';
import { StateHeap } from '../order/state-heap.js';
import type { RecomputeProblem } from './recompute-problem.js';
import type { Runs } from './runs.js';

/** Storages of a graph that is searched. */
export const MOST_STORAGES = 30;

/** What is known of the least cost within a limit. */
export type ExactAnswer = 'found' | 'impossible' | 'unknown';

export class ExactSearch {
  readonly #problem: RecomputeProblem;
  readonly #reads: number[];
  readonly #kept: number;
  readonly #start: number;
  /** By storage, its first and its last read by the first run of a job; -1 if nobody reads it. */
  readonly #firstReads: number[];
  readonly #lastReads: number[];
  /** Storages by cost for their bytes, the cheapest first. */
  readonly #byWorth: number[];

  constructor(problem: RecomputeProblem) {
    const { sizes, isKept, readers, makers, jobCount, costs } = problem;
    this.#problem = problem;
    const storages = [...sizes.keys()];
    const setOf = (list: Iterable<number>): number => [...list].reduce((set, storage) => set | (1 << storage), 0);
    this.#reads = Array.from({ length: jobCount }, (_, job) => setOf(itemsOf(problem.reads, job)));
    this.#kept = setOf(storages.filter((storage) => isKept[storage] === 1));
    this.#firstReads = storages.map((storage) => itemsOf(readers, storage)[0] ?? -1);
    this.#lastReads = storages.map((storage) => itemsOf(readers, storage).at(-1) ?? -1);
    const lasts = (storage: number): boolean => isKept[storage] === 1 || this.#lastReads[storage] !== -1;
    this.#start = setOf(storages.filter((storage) => makers[storage] === -1 && lasts(storage)));
    const worth = (storage: number): number => (makers[storage] === -1 ? 0 : costs[makers[storage]]) / sizes[storage];
    this.#byWorth = storages.sort((a, b) => worth(a) - worth(b));
  }

  /** Writes the cheapest runs within `limit` bytes. Pauses now and then. */
  *run(limit: number, budget: Budget, runs: Runs): Generator<void, ExactAnswer> {
    if (this.#problem.firstLoad > limit) return 'impossible';
    const states = new States();
    const heap = new StateHeap(states);
    const least = this.#toPay(0, this.#start, limit);
    if (least === Infinity) return 'impossible';
    heap.push(states.add(0, this.#start, 0, -1, -1), least);
    const reach = (stage: number, live: number, cost: number, from: number, job: number): void => {
      const known = states.find(stage, live);
      if (known !== -1 && states.costs[known] <= cost) return;
      const toPay = this.#toPay(stage, live, limit);
      if (toPay === Infinity) return;
      heap.push(states.add(stage, live, cost, from, job), cost + toPay);
    };
    for (let count = 0; heap.least < Infinity; count++) {
      const state = heap.pop();
      const [stage, live, cost] = [states.stages[state], states.lives[state], states.costs[state]];
      if (states.find(stage, live) !== state) continue;
      if (stage === this.#problem.jobCount) {
        this.#write(states, state, runs);
        return 'found';
      }
      if (!budget.spend()) return 'unknown';
      if (count % 64 === 0) yield;
      this.#expand(stage, live, limit, (nextStage, nextLive, job) =>
        reach(nextStage, nextLive, cost + (job >= 0 && job < stage ? this.#problem.costs[job] : 0), state, job),
      );
    }
    return 'impossible';
  }

  #bytesOf(set: number): number {
    const { sizes } = this.#problem;
    let bytes = 0;
    for (let storage = 0; storage < sizes.length; storage++) if ((set >>> storage) & 1) bytes += sizes[storage];
    return bytes;
  }

  #expand(stage: number, live: number, limit: number, reach: (stage: number, live: number, job: number) => void): void {
    const { made, madeBytes, sizes, isKept, canRerun } = this.#problem;
    const load = this.#bytesOf(live);
    let lacksRoom = false;
    for (let job = 0; job <= stage; job++) {
      const own = made[job] === NO_STORAGE ? 0 : 1 << made[job];
      if (job < stage && (canRerun[job] === 0 || (live & own) !== 0)) continue;
      if ((this.#reads[job] & ~live) !== 0) continue;
      const nextStage = job === stage ? stage + 1 : stage;
      const lasts = own !== 0 && (isKept[made[job]] === 1 || this.#lastReads[made[job]] !== -1);
      const after = lasts ? live | own : live;
      if (load + madeBytes[job] <= limit) reach(nextStage, after, job);
      else lacksRoom = true;
      for (const storage of itemsOf(this.#problem.reusable, job)) {
        if (load + Math.max(0, madeBytes[job] - sizes[storage]) > limit) continue;
        reach(nextStage, after & ~(1 << storage), job);
      }
    }
    if (!lacksRoom) return;
    for (let storage = 0; storage < sizes.length; storage++) {
      const isDroppable = ((live & ~this.#kept) >>> storage) & 1;
      // The first run is for somebody.
      if (isDroppable && this.#firstReads[storage] < stage) reach(stage, live & ~(1 << storage), -1);
    }
  }

  /** Costs that are certain in a state; `Infinity` if no way leads to the end. */
  #toPay(stage: number, live: number, limit: number): number {
    const { sizes, makers, costs, canRerun, jobCount } = this.#problem;
    let sure = 0;
    /** Those that are made by now, live or paid for. */
    let paid = 0;
    for (let storage = 0; storage < sizes.length; storage++) {
      const maker = makers[storage];
      if (maker >= stage || this.#lastReads[storage] < stage || (live >>> storage) & 1) continue;
      if (maker === -1 || canRerun[maker] === 0) return Infinity;
      sure += costs[maker];
      paid |= 1 << storage;
    }
    let most = 0;
    for (let at = stage; at < jobCount; at++) {
      const cost = this.#costOfRoom(at, paid, limit);
      if (cost === Infinity) return Infinity;
      most = Math.max(most, cost);
    }
    return sure + most;
  }

  /** What it costs at least to make room for the first run of a job, in parts of values if need be. */
  #costOfRoom(stage: number, paid: number, limit: number): number {
    const { sizes, makers, madeBytes, costs, canRerun, reusable } = this.#problem;
    const reads = this.#reads[stage];
    const isNeeded = (storage: number): boolean =>
      makers[storage] < stage &&
      ((((reads | this.#kept) >>> storage) & 1 || this.#lastReads[storage] > stage) as boolean);
    let lacking = -limit;
    for (let storage = 0; storage < sizes.length; storage++) if (isNeeded(storage)) lacking += sizes[storage];
    const reused = itemsOf(reusable, stage).reduce((bytes, storage) => Math.max(bytes, sizes[storage]), 0);
    lacking += Math.max(0, madeBytes[stage] - reused);
    let cost = 0;
    for (const storage of this.#byWorth) {
      if (lacking <= 0) return cost;
      const maker = makers[storage];
      if (!isNeeded(storage) || ((reads | this.#kept) >>> storage) & 1 || maker === -1 || canRerun[maker] === 0)
        continue;
      if (this.#firstReads[storage] >= stage) continue;
      if (((paid >>> storage) & 1) === 0) cost += costs[maker] * Math.min(1, lacking / sizes[storage]);
      lacking -= sizes[storage];
    }
    return lacking <= 0 ? cost : Infinity;
  }

  #write(states: States, last: number, runs: Runs): void {
    const path: number[] = [];
    for (let state = last; state !== -1; state = states.parents[state]) {
      if (states.jobs[state] !== -1) path.push(states.jobs[state]);
    }
    runs.clear();
    let stage = 0;
    for (const job of path.reverse()) {
      runs.push(job, stage);
      if (job === stage) stage++;
    }
    runs.measure();
  }
}

/** States that were reached, in columns. */
class States {
  readonly keys: number[] = [];
  readonly stages: number[] = [];
  readonly lives: number[] = [];
  readonly costs: number[] = [];
  /** By state, the one that it was reached from, and the job that ran; -1 if a value was dropped. */
  readonly parents: number[] = [];
  readonly jobs: number[] = [];
  readonly #found = new Map<number, number>();

  find(stage: number, live: number): number {
    return this.#found.get(stage * 2 ** MOST_STORAGES + live) ?? -1;
  }

  add(stage: number, live: number, cost: number, parent: number, job: number): number {
    const state = this.stages.push(stage) - 1;
    this.lives.push(live);
    this.costs.push(cost);
    this.parents.push(parent);
    this.jobs.push(job);
    this.#found.set(stage * 2 ** MOST_STORAGES + live, state);
    return state;
  }
}
