/**
 * The order of all jobs with the least peak: the segments one by one, the one with the highest peak first.
 *
 * Invariant: `bound <= least peak of all orders <= peak`, whatever ends the search.
 */
import type { Budget } from '../../solver/budget.js';
import { beamOrder } from './beam.js';
import { segmentsOf } from './cuts.js';
import { floorOf } from './floor.js';
import type { OrderProblem } from './order-problem.js';
import { OrderSearch } from './search.js';
import { itemsOf, Segment } from './segment.js';

/** How far the search for an order has come. */
export interface OrderState {
  /** Bytes that are live at once at most, in the best order so far, and in every order at least. */
  readonly peak: number;
  readonly bound: number;
}

interface Part {
  readonly segment: Segment;
  order: readonly number[];
  peak: number;
}

/** Sets of jobs that are carried on where a segment is too large to search, the first time and the last. */
const BEAM_WIDTHS = [1, 16, 128];
/** A beam over a segment of so many jobs is as wide as that; over a larger one, as much narrower. */
const BEAM_JOBS = 512;

export class BestOrder {
  readonly #problem: OrderProblem;
  readonly #budget: Budget;
  readonly #parts: readonly Part[];
  #bound: number;

  constructor(problem: OrderProblem, budget: Budget) {
    this.#problem = problem;
    this.#budget = budget;
    this.#parts = partsOf(problem);
    this.#bound = this.#parts.reduce((bound, { segment }) => Math.max(bound, floorOf(segment)), problem.firstLoad);
  }

  get state(): OrderState {
    return { peak: this.#peak, bound: this.#bound };
  }

  get #peak(): number {
    return this.#parts.reduce((most, { peak }) => Math.max(most, peak), this.#problem.firstLoad);
  }

  /** The jobs in the best order so far; lazy ones are left out. */
  get order(): number[] {
    return this.#parts.flatMap(({ segment, order }) => order.map((index) => segment.jobs[index]));
  }

  /** Improves the order within the budget. Pauses now and then. */
  *run(): Generator<void, void> {
    const open = (): Part[] => this.#parts.filter(({ peak }) => peak > this.#bound);
    const waiting = open().sort((a, b) => b.peak - a.peak);
    for (const [index, part] of waiting.entries()) {
      if (this.#budget.isSpent) break;
      if (part.peak <= this.#bound) continue;
      const left = waiting.slice(index).filter(({ peak }) => peak > this.#bound).length;
      yield* this.#lower(part, left === 1 ? this.#budget : this.#budget.slice(1 / left));
    }
    if (open().length > 0) this.#budget.giveUp();
  }

  *#lower(part: Part, budget: Budget): Generator<void, void> {
    const { segment } = part;
    const found = yield* new OrderSearch(segment, budget).run(this.#bound, part.peak);
    this.#bound = Math.max(this.#bound, found.bound);
    if (found.order !== null) return this.#accept(part, found.order);
    for (const most of BEAM_WIDTHS) {
      if (part.peak <= this.#bound) return;
      const width = Math.max(1, Math.floor((most * BEAM_JOBS) / Math.max(BEAM_JOBS, segment.count)));
      const order = yield* beamOrder(segment, width, part.peak);
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
function partsOf(problem: OrderProblem): Part[] {
  const { needs, isLazy } = problem;
  const isDone = new Uint8Array(problem.jobCount);
  let load = problem.startLoad;
  return segmentsOf(problem).map((jobs) => {
    const segment = new Segment(problem, jobs, isDone, load);
    const order = segment.givenOrder;
    const { peak, after } = segment.run(order);
    load = after;
    for (const job of jobs) {
      isDone[job] = 1;
      for (const need of itemsOf(needs, job)) if (isLazy[need] === 1) isDone[need] = 1;
    }
    return { segment, order, peak };
  });
}
