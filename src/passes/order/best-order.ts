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
  /** Its choices in the best order so far: jobs of the problem. */
  order: readonly number[];
  /** The most bytes that are live while they run, and those that are live before. */
  peak: number;
  readonly startLoad: number;
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
  /** By job, the part that it runs in. */
  readonly #partOf: Int32Array;
  #bound: number;

  /** @param bound bytes that every order is known to need */
  constructor(problem: OrderProblem, laziness: Laziness, bound: number, budget: Budget) {
    this.#problem = problem;
    this.#laziness = laziness;
    this.#budget = budget;
    this.#partOf = new Int32Array(problem.jobCount).fill(-1);
    this.#parts = this.#runGivenOrder();
    this.#bound = Math.max(bound, problem.firstLoad);
  }

  /** The segments, each with the given order. */
  #runGivenOrder(): Part[] {
    const { jobCount, startLoad } = this.#problem;
    const { isLazy, brings } = this.#laziness;
    const partOf = this.#partOf;
    const choices = Array.from(isLazy.keys()).filter((job) => isLazy[job] === 0);
    // Every lazy job is brought by some choice, so the jobs of this segment are those of the problem.
    const whole = new Segment(this.#problem, this.#laziness, choices, new Uint8Array(jobCount), startLoad);
    const state = new Int32Array(whole.words);
    let load = startLoad;
    return segmentsOf(this.#laziness).map((order, part) => {
      const before = load;
      let peak = load;
      for (const job of order) {
        whole.tryChoice(state, 0, load, job);
        peak = Math.max(peak, whole.peak);
        load = whole.after;
        state.set(whole.state);
        partOf[job] = part;
        for (const lazy of itemsOf(brings, job)) if (partOf[lazy] === -1) partOf[lazy] = part;
      }
      return { order, peak, startLoad: before };
    });
  }

  #segmentOf({ order, startLoad }: Part): Segment {
    const part = this.#partOf[order[0]];
    const isDone = Uint8Array.from(this.#partOf, (other) => (other < part ? 1 : 0));
    return new Segment(this.#problem, this.#laziness, order, isDone, startLoad);
  }

  /** The parts that may need fewer bytes than they do, those with the highest peak first. */
  #open(): Part[] {
    return this.#parts.filter(({ peak }) => peak > this.#bound).sort((a, b) => b.peak - a.peak);
  }

  /** Raises the bound to what single jobs need, whatever the order. */
  raiseToFloor(): void {
    for (const part of this.#open()) {
      if (part.peak > this.#bound) this.#bound = Math.max(this.#bound, floorOf(this.#segmentOf(part)));
    }
  }

  /** Bytes that every order needs. */
  get bound(): number {
    return this.#bound;
  }

  /** All jobs in the best order so far. */
  get order(): number[] {
    const { brings } = this.#laziness;
    const isPlaced = new Uint8Array(this.#problem.jobCount);
    const order: number[] = [];
    const place = (job: number): void => {
      if (isPlaced[job] === 0) order.push(job);
      isPlaced[job] = 1;
    };
    for (const part of this.#parts) {
      for (const job of part.order) {
        itemsOf(brings, job).forEach(place);
        place(job);
      }
    }
    return order;
  }

  /** Improves the order within the budget. Pauses now and then. */
  *run(): Generator<void, void> {
    const waiting = this.#open();
    for (const [index, part] of waiting.entries()) {
      if (this.#budget.isSpent) break;
      if (part.peak <= this.#bound) continue;
      const left = waiting.slice(index).filter(({ peak }) => peak > this.#bound).length;
      yield* this.#lower(part, left === 1 ? this.#budget : this.#budget.slice(1 / left));
    }
  }

  *#lower(part: Part, budget: Budget): Generator<void, void> {
    const segment = this.#segmentOf(part);
    const found = yield* new OrderSearch(segment, budget.slice(SEARCH_SHARE)).run(this.#bound, part.peak);
    this.#bound = Math.max(this.#bound, found.bound);
    if (found.order !== null) return accept(part, segment, found.order);
    for (const width of BEAM_WIDTHS) {
      if (part.peak <= this.#bound || budget.isSpent) return;
      const order = yield* beamOrder(segment, width, part.peak, budget);
      if (order !== null) accept(part, segment, order);
    }
  }
}

function accept(part: Part, segment: Segment, order: readonly number[]): void {
  const { peak } = segment.run(order);
  if (peak >= part.peak) return;
  part.order = order.map((choice) => segment.jobs[choice]);
  part.peak = peak;
}
