/**
 * The order of all jobs with the least peak: the segments one by one, the one with the highest peak first.
 *
 * Invariant: `bound <= least peak of all orders <= peak`, whatever ends the search.
 */
import type { Budget } from '../../solver/budget.js';
import { beamOrder } from './beam.js';
import { segmentsOf } from './cuts.js';
import { floorOf } from './floor.js';
import type { Laziness } from './lazy.js';
import { itemsOf } from './lists.js';
import type { OrderProblem } from './order-problem.js';
import { OrderSearch } from './search.js';
import { Segment } from './segment.js';

interface Part {
  readonly segment: Segment;
  order: readonly number[];
  peak: number;
}

/** The share of the search in the effort for a part; beams get the rest. */
const SEARCH_SHARE = 0.7;
/** Sets of jobs that a beam carries on, one beam after another. */
const BEAM_WIDTHS = [1, 16, 128, 1024];

export class BestOrder {
  readonly #problem: OrderProblem;
  readonly #laziness: Laziness;
  readonly #budget: Budget;
  readonly #parts: readonly Part[];
  #bound: number;

  /** @param bound bytes that every order is known to need */
  constructor(problem: OrderProblem, laziness: Laziness, bound: number, budget: Budget) {
    this.#problem = problem;
    this.#laziness = laziness;
    this.#budget = budget;
    this.#parts = partsOf(problem, laziness);
    this.#bound = Math.max(bound, problem.firstLoad);
  }

  /** Raises the bound to what single jobs need, whatever the order. */
  raiseToFloor(): void {
    for (const { segment } of this.#parts) this.#bound = Math.max(this.#bound, floorOf(segment));
  }

  /** Bytes that every order needs. */
  get bound(): number {
    return this.#bound;
  }

  /** All jobs in the best order so far. */
  get order(): number[] {
    const isPlaced = new Uint8Array(this.#problem.jobCount);
    const order: number[] = [];
    for (const { segment, order: choices } of this.#parts) {
      for (const choice of choices) {
        const job = segment.jobs[choice];
        for (const lazy of itemsOf(this.#laziness.brings, job)) if (isPlaced[lazy] === 0) order.push(lazy);
        for (const lazy of itemsOf(this.#laziness.brings, job)) isPlaced[lazy] = 1;
        order.push(job);
      }
    }
    return order;
  }

  /** Improves the order within the budget. Pauses now and then. */
  *run(): Generator<void, void> {
    const waiting = this.#parts.filter(({ peak }) => peak > this.#bound).sort((a, b) => b.peak - a.peak);
    for (const [index, part] of waiting.entries()) {
      if (this.#budget.isSpent) break;
      if (part.peak <= this.#bound) continue;
      const left = waiting.slice(index).filter(({ peak }) => peak > this.#bound).length;
      yield* this.#lower(part, left === 1 ? this.#budget : this.#budget.slice(1 / left));
    }
  }

  *#lower(part: Part, budget: Budget): Generator<void, void> {
    const { segment } = part;
    const found = yield* new OrderSearch(segment, budget.slice(SEARCH_SHARE)).run(this.#bound, part.peak);
    this.#bound = Math.max(this.#bound, found.bound);
    if (found.order !== null) return this.#accept(part, found.order);
    for (const width of BEAM_WIDTHS) {
      if (part.peak <= this.#bound || budget.isSpent) return;
      const order = yield* beamOrder(segment, width, part.peak, budget);
      if (order !== null) this.#accept(part, order);
    }
  }

  #accept(part: Part, order: readonly number[]): void {
    const { peak } = part.segment.run(order);
    if (peak >= part.peak) return;
    part.order = order;
    part.peak = peak;
  }
}

/** The segments, each with the given order. */
function partsOf(problem: OrderProblem, laziness: Laziness): Part[] {
  const isDone = new Uint8Array(problem.jobCount);
  let load = problem.startLoad;
  return segmentsOf(laziness).map((choices) => {
    const segment = new Segment(problem, laziness, choices, isDone, load);
    const order = segment.choices;
    const { peak, after } = segment.run(order);
    load = after;
    for (const job of segment.jobs) isDone[job] = 1;
    return { segment, order, peak };
  });
}
