/**
 * Local search over orders of placement: one buffer at a time moves to another place in the order, and stays there
 * unless the result is worse. A stuck search begins again with another order.
 *
 * An order leads to a placement whatever the alignments and gaps. So this search also finds placements where alignments
 * or gaps weaken the bounds, which make the exact search slow.
 *
 * Invariant: deterministic.
 */
import type { Problem } from '../../problem/problem.js';
import type { Budget } from '../budget.js';
import type { Incumbent } from '../incumbent.js';
import { createRandom } from '../random.js';
import { WORK_PER_EFFORT } from './fit.js';
import { createLowestFit, placeInOrder } from './lowest-fit.js';
import { byKey } from './orders.js';
import { createTimeline } from '../../problem/timeline.js';

/** Orders between two turns of the caller. */
const TURN_ORDERS = 64;
/** Moves in a row without an improvement, after which the search begins again. */
const PATIENCE = 1000;
/** The first order is by size, with each size multiplied by a random factor from 1 to 1 + `NOISE`. */
const NOISE = 0.65;

/**
 * Looks for placements below the best one until the incumbent is done or the budget is spent. An order costs at least
 * one unit of effort.
 *
 * @throws PlannerError `FIXED_OVERLAP`
 */
export function* climb(problem: Problem, incumbent: Incumbent<Float64Array>, budget: Budget): Generator<void, void> {
  const fit = createLowestFit(problem, createTimeline(problem));
  const offsets = new Float64Array(problem.bufferCount);
  const orders = new OrderClimb(problem, (order, limit) => placeInOrder(problem, fit, order, limit, offsets));
  for (let i = 1; !incumbent.isDone && !budget.isSpent; i++) {
    const before = fit.work;
    const peak = orders.tryOne();
    budget.charge(1 + Math.floor((fit.work - before) / WORK_PER_EFFORT));
    // A placement with a higher peak may be incomplete.
    if (peak < incumbent.peak) incumbent.offer(offsets);
    if (i % TURN_ORDERS === 0) yield;
  }
}

/** The current order, and the next one to try. */
export class OrderClimb {
  readonly #random = createRandom(1);
  #order: Int32Array;
  #candidate: Int32Array;
  #peak = Infinity;
  #stalled = PATIENCE;
  readonly #problem: Problem;
  readonly #evaluate: (order: Int32Array, limit: number) => number;

  constructor(
    problem: Problem,
    /** The bytes of the placement by an order, or any number above `limit` if they exceed `limit`. */
    evaluate: (order: Int32Array, limit: number) => number,
  ) {
    this.#problem = problem;
    this.#evaluate = evaluate;
    this.#order = new Int32Array(problem.bufferCount);
    this.#candidate = new Int32Array(problem.bufferCount);
  }

  /** Evaluates one more order, and returns its bytes. */
  tryOne(): number {
    const isFresh = this.#stalled >= PATIENCE;
    if (isFresh) this.#begin();
    else this.#move();
    const peak = this.#evaluate(this.#candidate, isFresh ? Infinity : this.#peak);
    this.#stalled = isFresh || peak < this.#peak ? 0 : this.#stalled + 1;
    if (isFresh || peak <= this.#peak) {
      this.#peak = peak;
      [this.#order, this.#candidate] = [this.#candidate, this.#order];
    }
    return peak;
  }

  #begin(): void {
    const problem = this.#problem;
    const random = this.#random;
    this.#candidate = byKey(
      problem,
      problem.sizes.map((size) => size * (1 + random() * NOISE)),
    );
  }

  #move(): void {
    const order = this.#order;
    const candidate = this.#candidate;
    const [from, to] = [this.#place(), this.#place()];
    candidate.set(order);
    if (from < to) candidate.copyWithin(from, from + 1, to + 1);
    else candidate.copyWithin(to + 1, to, from);
    candidate[to] = order[from];
  }

  #place(): number {
    return Math.floor(this.#random() * this.#order.length);
  }
}
