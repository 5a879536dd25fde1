/**
 * The layers of the search for the lowest placement, the cheapest first. Bounds and greedy orders come first, then
 * exact search in each component whose peak is above the bound, unless a component is too large. Each layer can end the
 * search.
 *
 * Invariant: whatever ends the search, the placement is valid and `lowerBound <= true minimum <= peak`.
 */
import type { Problem } from '../../problem/problem.js';
import { selectBuffers } from '../../problem/select.js';
import { placementSize } from '../allocator.js';
import { boundOf, stackBoundOf } from './bounds.js';
import { Budget } from '../budget.js';
import { placeInChunks } from './chunks.js';
import { timeComponents } from '../../problem/components.js';
import { isSearchable } from '../exact/instance.js';
import { checkChunkLimit } from '../greedy/fill-chunks.js';
import { WORK_PER_EFFORT } from '../greedy/fit.js';
import { GreedySearch } from '../greedy/search.js';
import { createTimeline, type Timeline } from '../../problem/timeline.js';
import { PartIncumbent, WholeIncumbent } from './incumbents.js';
import { lowerPart } from './lower-part.js';
import { bestPartition, MOST_PARTITIONED } from './partitions.js';
import type { Solution, SolveOptions } from './solution.js';

const DEFAULT_MAX_EFFORT = 200_000;
/** Work of the greedy search in a common budget: a number per buffer, within limits. */
const WORK_PER_BUFFER = 1600;
const LEAST_WORK = 1e6;
const MOST_WORK = 5e7;
/** With a larger budget than this one, the caller is ready to wait: the greedy search may spend all of it. */
const COMMON_EFFORT = 200_000;
/** If the first order ends above `FAR` times the goal, other orders seldom reach it: the exact search comes first. */
const FAR = 1.1;
/** With more buffers than these, another order costs less than a few dives of the exact search. */
const MOST_SEARCHED_FIRST = 1024;
/** The share of the exact search then; the other orders get the rest. */
const SEARCH_SHARE = 0.98;

export class Solver {
  readonly #budget: Budget;
  readonly #maxEffort: number;
  readonly #timeline: Timeline;
  readonly #incumbent: WholeIncumbent;
  readonly #problem: Problem;
  readonly #options: SolveOptions;

  /** @throws PlannerError `OVERSIZE`, `BAD_ARGUMENT` */
  constructor(problem: Problem, options: SolveOptions, budget?: Budget) {
    this.#problem = problem;
    this.#options = options;
    checkChunkLimit(problem, options);
    const { maxEffort = DEFAULT_MAX_EFFORT, timeLimitMs = Infinity, signal } = options;
    this.#maxEffort = maxEffort;
    this.#budget = budget ?? new Budget({ maxEffort, timeLimitMs, signal, onTick: () => this.#report() });
    this.#timeline = createTimeline(problem);
    this.#incumbent = new WholeIncumbent(problem, options, boundOf(problem, options), () => this.#report());
  }

  /** Pauses every few milliseconds, so that the caller can do something else. @throws PlannerError `FIXED_OVERLAP` */
  *run(): Generator<void, Solution> {
    const problem = this.#problem;
    const options = this.#options;
    const budget = this.#budget;
    const incumbent = this.#incumbent;
    if (problem.bufferCount === 0) {
      incumbent.offer({ offsets: new Float64Array(0), chunkOf: new Int32Array(0), chunks: [] });
    } else {
      yield* this.#placeInOneChunk();
      if (!this.#isWithinLimit) {
        incumbent.forget();
        yield* placeInChunks(incumbent, this.#timeline, options, budget);
      }
      const { maxChunkSize = Infinity } = options;
      if (maxChunkSize < Infinity && problem.bufferCount <= MOST_PARTITIONED && !budget.isSpent) this.#partition();
      if (!incumbent.isDone) budget.giveUp();
    }
    return this.#solution();
  }

  /** Whether the placement keeps the limit. One chunk that is too large only leads to the search for several. */
  get #isWithinLimit(): boolean {
    const { placement, peak } = this.#incumbent;
    return placement !== null && (placement.chunks.length > 1 || peak <= this.#largestChunk);
  }

  /** Bytes that a chunk may have at most. */
  get #largestChunk(): number {
    const { maxChunkSize = Infinity, allowOversize = false } = this.#options;
    return allowOversize ? this.#problem.sizes.reduce((a, b) => Math.max(a, b), maxChunkSize) : maxChunkSize;
  }

  *#placeInOneChunk(): Generator<void, void> {
    const problem = this.#problem;
    const budget = this.#budget;
    const incumbent = this.#incumbent;
    const greedy = new GreedySearch(problem, this.#timeline, incumbent.goal);
    let isWorthMore = yield* this.#placeGreedily(greedy, 1);
    const isFar = incumbent.peak > FAR * incumbent.goal && problem.bufferCount <= MOST_SEARCHED_FIRST;
    if (isWorthMore && !isFar) isWorthMore = yield* this.#placeGreedily(greedy);
    if (!incumbent.isDone) incumbent.raise(stackBoundOf(problem, this.#options, incumbent.certificate));
    if (incumbent.isDone || incumbent.bound > this.#largestChunk || budget.isSpent) return;
    const components = timeComponents(problem).map((buffers) => ({ buffers, own: selectBuffers(problem, buffers) }));
    if (components.every(({ own }) => isSearchable(own))) {
      const parts = components.map(({ buffers, own }) => new PartIncumbent(own, buffers, incumbent));
      const keepsRest = isFar && isWorthMore && this.#maxEffort < Infinity;
      yield* this.#lowerParts(parts, keepsRest ? budget.slice(SEARCH_SHARE) : budget);
      if (keepsRest && !incumbent.isDone && !budget.isSpent) yield* this.#placeGreedily(greedy);
      return;
    }
    while (isWorthMore && !budget.isSpent) isWorthMore = yield* this.#placeGreedily(greedy);
  }

  /** Tries the rest of a round of orders, or the next `orderCount` orders; returns whether more orders are left. */
  *#placeGreedily(greedy: GreedySearch, orderCount = Infinity): Generator<void, boolean> {
    const budget = this.#budget;
    const incumbent = this.#incumbent;
    const maxEffort = this.#maxEffort;
    const problem = this.#problem;
    const chunkOf = new Int32Array(problem.bufferCount);
    const most = maxEffort > COMMON_EFFORT ? Infinity : commonWork(problem);
    const round = greedy.round(Math.min(most, WORK_PER_EFFORT * maxEffort), orderCount);
    for (let before = greedy.work; ; before = greedy.work) {
      const { done, value } = round.next();
      budget.charge(Math.floor(greedy.work / WORK_PER_EFFORT) - Math.floor(before / WORK_PER_EFFORT));
      if (greedy.peak < Infinity) incumbent.offer({ offsets: greedy.offsets, chunkOf, chunks: [greedy.peak] });
      if (done) return value;
      if (greedy.peak < Infinity && budget.isSpent) return false;
      yield;
    }
  }

  /** Lowers the parts one by one, the highest first, until the highest is as low as it can be. */
  *#lowerParts(parts: PartIncumbent[], budget: Budget): Generator<void, void> {
    for (const part of parts.sort((a, b) => b.peak - a.peak)) {
      if (part.isDone || budget.isSpent) return;
      yield* lowerPart(part, budget);
      yield;
    }
  }

  /** Tries every split into chunks, within what is left of the budget. */
  #partition(): void {
    const problem = this.#problem;
    const options = this.#options;
    const budget = this.#budget;
    const incumbent = this.#incumbent;
    if (incumbent.isDone) return;
    const share = 2 ** -problem.bufferCount;
    const { isProven, ...placement } = bestPartition(problem, options, (part) => solveWhole(part, budget.slice(share)));
    incumbent.offer(placement);
    if (isProven) incumbent.prove(placementSize(placement), 2 ** problem.bufferCount);
  }

  #report(): void {
    this.#options.onProgress?.({
      bufferSize: this.#isWithinLimit ? this.#incumbent.peak : Infinity,
      lowerBound: this.#incumbent.bound,
      effort: this.#budget.effort,
    });
  }

  #solution(): Solution {
    const incumbent = this.#incumbent;
    const budget = this.#budget;
    const { certificate, capacity, bound: lowerBound, peak } = incumbent;
    const placement = incumbent.placement!;
    let status: Solution['status'] = 'feasible';
    if (lowerBound > capacity) status = 'infeasible';
    else if (peak > capacity) status = 'unknown';
    else if (peak === lowerBound) status = 'optimal';
    const stopped = status === 'unknown' || status === 'feasible' ? budget.reason : 'done';
    return { ...placement, status, bufferSize: peak, lowerBound, certificate, effort: budget.effort, stopped };
  }
}

/** Solves a part in one chunk, as far as the budget goes. */
function solveWhole(problem: Problem, budget: Budget): Solution {
  const search = new Solver(problem, {}, budget).run();
  for (;;) {
    const { done, value } = search.next();
    if (done) return value;
  }
}

/** The work of the greedy search in a common budget. */
function commonWork({ bufferCount }: Problem): number {
  return Math.min(MOST_WORK, Math.max(LEAST_WORK, WORK_PER_BUFFER * bufferCount));
}
