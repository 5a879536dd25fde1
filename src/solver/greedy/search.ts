/**
 * Tries several orders with the lowest fit, then moves buffers that ended too high forward and tries again.
 *
 * Moving forward is squeaky wheel optimisation (Joslin and Clements 1999): a buffer that ends above the goal goes to
 * half its place in the order. In a round each order gets one attempt. An order that ends far above the best one is
 * given up. A first attempt that takes too long is given up as well, since the allocator of `online.ts` gives a
 * placement at any size.
 *
 * Invariant: `offsets` is the best placement found, with `peak`; work is counted, never time.
 */
import type { Problem } from '../../problem/problem.js';
import type { LowestFit } from './fit.js';
import { createLowestFit, takeFixed } from './lowest-fit.js';
import { placeOnline } from './online.js';
import { ORDERS } from './orders.js';
import type { Timeline } from '../../problem/timeline.js';

/** Most work of the first attempt: a fraction of a second. */
const FIRST_WORK = 1.25e7;
/** An order is given up when it ends above `HOPELESS` times the best. */
const HOPELESS = 1.05;
/** Work per buffer of sorting, or of placing online. */
const ORDER_WORK = 10;
/** Hardly any attempt takes less work per buffer, so no attempt begins with less work left. */
const ATTEMPT_WORK = 50;
/** An order with at most so many late buffers is tried again at once. */
const FEW_LATE = 16;
/** Buffers of an attempt between two turns of the caller. */
const PAUSE_INTERVAL = 4096;

/** An order that may be worth another attempt. */
interface Contender {
  readonly order: Int32Array;
  /** Places in it, ascending, of the buffers that ended above the goal. */
  readonly late: readonly number[];
}

export class GreedySearch {
  /** Bytes; one per buffer. */
  offsets: Float64Array;
  peak = Infinity;
  readonly #fit: LowestFit;
  #orderWork = 0;
  #scratch: Float64Array;
  /** What the next round tries, the orders with the fewest late buffers first. */
  #contenders: Iterator<Int32Array, void> = this.#firstOrders();
  /** The orders of this round that are worth another attempt. */
  #tried: Contender[] = [];
  /** Places in the order, ascending, of the buffers that ended above the goal in the last attempt. */
  #late: number[] = [];
  readonly #problem: Problem;
  readonly #goal: number;

  /** `goal`: bytes at which to stop. */
  constructor(problem: Problem, timeline: Timeline, goal: number) {
    this.#problem = problem;
    this.#goal = goal;
    this.#fit = createLowestFit(problem, timeline);
    this.offsets = new Float64Array(problem.bufferCount);
    this.#scratch = new Float64Array(problem.bufferCount);
  }

  /** Work so far, in the unit of {@link LowestFit}. */
  get work(): number {
    return this.#fit.work + this.#orderWork;
  }

  /**
   * Makes one attempt with each order that is worth it, or with the next `most` orders, until the goal is reached or
   * `workBudget` is spent. Returns whether more orders are left, in this round or the next. Pauses now and then:
   * `offsets` then is the best placement so far, once `peak` is finite.
   */
  *round(workBudget: number, most = Infinity): Generator<void, boolean> {
    for (let i = 0; i < most; i++) {
      const next = this.#contenders.next();
      if (next.done) return this.#beginRound();
      let order = next.value;
      const isFirst = this.peak === Infinity;
      let isWorthMore = yield* this.#attempt(order, isFirst ? Math.min(FIRST_WORK, workBudget) : workBudget);
      if (isFirst && this.peak === Infinity && !this.#placeOnline()) {
        isWorthMore = yield* this.#attempt(order, Infinity);
      }
      for (let few = FEW_LATE; isWorthMore && this.#late.length <= few && !this.#isDone(workBudget);) {
        few = this.#late.length - 1;
        order = movedForward(order, this.#late);
        isWorthMore = yield* this.#attempt(order, workBudget);
      }
      if (this.#isDone(workBudget)) return false;
      if (isWorthMore) this.#tried.push({ order, late: this.#late });
    }
    return true;
  }

  /** Begins the next round; returns whether there is an order to try. */
  #beginRound(): boolean {
    const next = this.#tried.sort((a, b) => a.late.length - b.late.length);
    this.#tried = [];
    this.#contenders = next.map(({ order, late }) => movedForward(order, late)).values();
    return next.length > 0;
  }

  *#firstOrders(): Generator<Int32Array> {
    for (const order of ORDERS) {
      this.#orderWork += ORDER_WORK * this.#problem.bufferCount;
      yield order(this.#problem);
    }
  }

  #isDone(workBudget: number): boolean {
    const left = workBudget - this.work;
    return this.peak <= this.#goal || left < ATTEMPT_WORK * this.#problem.bufferCount;
  }

  /** Places as `online.ts` does; false if that cannot be done. */
  #placeOnline(): boolean {
    const offsets = placeOnline(this.#problem);
    this.#orderWork += ORDER_WORK * this.#problem.bufferCount;
    if (offsets === null) return false;
    this.#keep(
      offsets,
      this.#problem.sizes.reduce((peak, size, b) => Math.max(peak, offsets[b] + size), 0),
    );
    return true;
  }

  /**
   * Places by one order and keeps the result if it is the best, but gives up above `workLimit`. Returns whether the
   * order is worth another attempt.
   */
  *#attempt(order: Int32Array, workLimit: number): Generator<void, boolean> {
    const fit = this.#fit;
    const goal = this.#goal;
    const offsets = this.#scratch;
    const { sizes, fixedOffsets } = this.#problem;
    const hopeless = this.peak * HOPELESS;
    fit.reset();
    let peak = takeFixed(this.#problem, fit);
    this.#late = [];
    for (let i = 0; i < order.length; i++) {
      if ((i + 1) % PAUSE_INTERVAL === 0) yield;
      const b = order[i];
      const fixed = fixedOffsets === null ? NaN : fixedOffsets[b];
      if (!Number.isNaN(fixed)) {
        offsets[b] = fixed;
        continue;
      }
      const offset = fit.find(b);
      const end = offset + sizes[b];
      if ((end > hopeless && this.#late.length > FEW_LATE) || this.work > workLimit) return false;
      fit.take(b, offset);
      offsets[b] = offset;
      if (end > peak) peak = end;
      if (end > goal) this.#late.push(i);
    }
    this.#keep(offsets, peak);
    return true;
  }

  /** Keeps a placement if it is the best so far. */
  #keep(offsets: Float64Array, peak: number): void {
    if (peak >= this.peak) return;
    this.peak = peak;
    this.#scratch = this.offsets;
    this.offsets = offsets;
  }
}

/** A copy of the order that puts the buffers at the ascending places `late` at half their places. A merge, O(n). */
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
