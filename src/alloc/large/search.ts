/**
 * Tries several orders with the lowest fit, then again and again with what ended too high moved forward.
 *
 * Moving forward is squeaky wheel optimisation (Joslin and Clements 1999): whoever ends above the goal takes half its
 * place in the order. In a round each order gets one attempt; an order that ends far above the best is given up.
 *
 * Invariant: `offsets` is the best placement found, with `peak`; attempts stop at the goal or when the budget is spent,
 * which is counted in steps, never in time.
 */
import type { Problem } from '../../problem/problem.js';
import { largeOrders } from './large-orders.js';
import { LowestFit } from './lowest-fit.js';
import { placeOnline } from './online.js';
import type { Timeline } from './timeline.js';

/** An order is given up when it ends this much above the best. */
const HOPELESS = 1.05;
/** What sorting costs, in steps a buffer. */
const ORDER_STEPS = 10;
/** Hardly any attempt is finished in fewer steps a buffer than these, so none is begun with less to spend. */
const ATTEMPT_STEPS = 50;
/** An order in which no more buffers than these came too late is tried again at once. */
const FEW_LATE = 16;

/** After so many buffers of an attempt, {@link Watcher.shouldStop} is asked. */
const WATCH_INTERVAL = 4096;

/** Who looks on. */
export interface Watcher {
  /** Whether to end with the best so far; one placement is always finished. */
  readonly shouldStop: () => boolean;
  /** A lower peak has been found. */
  readonly onPlacement: (peak: number, steps: number) => void;
}

export class Search {
  /** Bytes; one per buffer. */
  offsets: Float64Array;
  peak = Infinity;
  readonly #problem: Problem;
  readonly #goal: number;
  readonly #stepBudget: number;
  readonly #fit: LowestFit;
  readonly #watcher: Watcher;
  #orderSteps = 0;
  #scratch: Float64Array;
  /** Places in the order, ascending, of the buffers that ended above the goal in the last attempt. */
  #late: number[] = [];

  constructor(problem: Problem, timeline: Timeline, goal: number, stepBudget: number, watcher: Watcher) {
    this.#problem = problem;
    this.#goal = goal;
    this.#stepBudget = stepBudget;
    this.#watcher = watcher;
    this.#fit = new LowestFit(problem, timeline);
    this.offsets = new Float64Array(problem.bufferCount);
    this.#scratch = new Float64Array(problem.bufferCount);
  }

  get steps(): number {
    return this.#fit.steps + this.#orderSteps;
  }

  run(): void {
    this.#startOnline();
    if (this.#isDone) return;
    let contenders = this.#round(largeOrders(this.#problem), ORDER_STEPS * this.#problem.bufferCount);
    while (contenders.length > 0) contenders = this.#round(contenders, 0);
  }

  /** Tries orders until done, and returns what to try next: the orders with the fewest late buffers first. */
  #round(orders: Iterable<Int32Array>, stepsPerOrder: number): Int32Array[] {
    const next: { order: Int32Array; lateCount: number }[] = [];
    for (let order of orders) {
      this.#orderSteps += stepsPerOrder;
      let isWorthMore = this.#attempt(order);
      if (isWorthMore && !this.#isDone && this.#late.length <= FEW_LATE) {
        order = movedForward(order, this.#late);
        isWorthMore = this.#attempt(order);
      }
      if (this.#isDone) return [];
      if (isWorthMore) next.push({ order: movedForward(order, this.#late), lateCount: this.#late.length });
    }
    return next.sort((a, b) => a.lateCount - b.lateCount).map(({ order }) => order);
  }

  get #isDone(): boolean {
    if (this.peak === Infinity) return false;
    const left = this.#stepBudget - this.steps;
    return this.peak <= this.#goal || left < ATTEMPT_STEPS * this.#problem.bufferCount || this.#watcher.shouldStop();
  }

  #startOnline(): void {
    const { bufferCount, sizes } = this.#problem;
    const offsets = placeOnline(this.#problem);
    this.#orderSteps += ORDER_STEPS * bufferCount;
    if (offsets === null) return;
    this.offsets = offsets;
    this.peak = 0;
    for (let b = 0; b < bufferCount; b++) this.peak = Math.max(this.peak, offsets[b] + sizes[b]);
    this.#watcher.onPlacement(this.peak, this.steps);
  }

  /** Places by one order and keeps the result if it is the best. Returns whether the order is worth another attempt. */
  #attempt(order: Int32Array): boolean {
    const { sizes, fixedOffsets } = this.#problem;
    const offsets = this.#scratch;
    const fit = this.#fit;
    const hopeless = this.peak * HOPELESS;
    const canStop = this.peak < Infinity;
    fit.reset();
    let peak = fit.takeFixed(Infinity);
    this.#late = [];
    for (let i = 0; i < order.length; i++) {
      if (canStop && (i + 1) % WATCH_INTERVAL === 0 && this.#watcher.shouldStop()) return false;
      const b = order[i];
      const fixed = fixedOffsets === null ? NaN : fixedOffsets[b];
      if (!Number.isNaN(fixed)) {
        offsets[b] = fixed;
        continue;
      }
      const offset = fit.find(b);
      const end = offset + sizes[b];
      if (canStop && (end > hopeless || this.steps > this.#stepBudget)) return false;
      fit.take(b, offset);
      offsets[b] = offset;
      if (end > peak) peak = end;
      if (end > this.#goal) this.#late.push(i);
    }
    if (peak >= this.peak) return true;
    this.peak = peak;
    this.#scratch = this.offsets;
    this.offsets = offsets;
    this.#watcher.onPlacement(peak, this.steps);
    return true;
  }
}

/** The order with what stands at the places `late`, ascending, at half its place. Merges, O(n). */
function movedForward(order: Int32Array, late: readonly number[]): Int32Array {
  const isLate = new Uint8Array(order.length);
  for (const place of late) isLate[place] = 1;
  const moved = new Int32Array(order.length);
  let count = 0;
  let next = 0;
  for (let place = 0; place < order.length; place++) {
    while (next < late.length && late[next] <= 2 * place) moved[count++] = order[late[next++]];
    if (isLate[place] === 0) moved[count++] = order[place];
  }
  return moved;
}
