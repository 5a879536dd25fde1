/**
 * Local search over orders of placement: one buffer at a time moves to another place in the order, and stays there unless the
 * result is worse. What is stuck begins again with another order.
 *
 * The placement that an order leads to takes alignments and gaps as they are, whatever they do to bounds. So this finds
 * what the exact search, which reasons with bounds, is slow to find where they are weak.
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

/** After so many orders, the caller can do something else. */
const TURN_ORDERS = 64;
/** After so many moves in a row that were no better. */
const PATIENCE = 1000;
/** The first order is by size, with sizes multiplied by one and up to so much more. */
const NOISE = 0.65;

/**
 * Looks for placements below the best one until the incumbent is done, or the budget is spent. An order costs one unit of effort at least.
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
    // Above it, the placement may be incomplete.
    if (peak < incumbent.peak) incumbent.offer(offsets);
    if (i % TURN_ORDERS === 0) yield;
  }
}

/** The current order, and what becomes of it. */
export class OrderClimb {
  private readonly random = createRandom(1);
  private order: Int32Array;
  private candidate: Int32Array;
  private peak = Infinity;
  private stalled = PATIENCE;

  constructor(
    private readonly problem: Problem,
    /** The bytes that an order leads to, or anything above `limit` if that is what they exceed. */
    private readonly evaluate: (order: Int32Array, limit: number) => number,
  ) {
    this.order = new Int32Array(problem.bufferCount);
    this.candidate = new Int32Array(problem.bufferCount);
  }

  /** Evaluates one more order, and returns its bytes. */
  tryOne(): number {
    const isFresh = this.stalled >= PATIENCE;
    if (isFresh) this.begin();
    else this.move();
    const peak = this.evaluate(this.candidate, isFresh ? Infinity : this.peak);
    this.stalled = isFresh || peak < this.peak ? 0 : this.stalled + 1;
    if (isFresh || peak <= this.peak) {
      this.peak = peak;
      [this.order, this.candidate] = [this.candidate, this.order];
    }
    return peak;
  }

  private begin(): void {
    const { problem, random } = this;
    this.candidate = byKey(
      problem,
      problem.sizes.map((size) => size * (1 + random() * NOISE)),
    );
  }

  private move(): void {
    const { order, candidate } = this;
    const [from, to] = [this.place(), this.place()];
    candidate.set(order);
    if (from < to) candidate.copyWithin(from, from + 1, to + 1);
    else candidate.copyWithin(to + 1, to, from);
    candidate[to] = order[from];
  }

  private place(): number {
    return Math.floor(this.random() * this.order.length);
  }
}
