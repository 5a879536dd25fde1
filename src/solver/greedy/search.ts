/**
 * Tries several orders with the lowest fit, then again and again with what ended too high moved forward.
 *
 * Moving forward is squeaky wheel optimisation (Joslin and Clements 1999): whoever ends above the goal takes half its
 * place in the order. In a round each order gets one attempt; an order that ends far above the best is given up, and so
 * is a first attempt that takes too long, since the allocator of `online.ts` gives a placement at any size.
 *
 * Invariant: `offsets` is the best placement found, with `peak`; work is counted, never time.
 */
import type { Problem } from '../../problem/problem.js';
import type { LowestFit } from './fit.js';
import { createLowestFit, takeFixed } from './lowest-fit.js';
import { placeOnline } from './online.js';
import { ORDERS } from './orders.js';
import type { Timeline } from '../../problem/timeline.js';

/** The first attempt may take no more than this: a fraction of a second. */
const FIRST_WORK = 1.25e7;
/** An order is given up when it ends this much above the best. */
const HOPELESS = 1.05;
/** What sorting, or placing online, costs in work a buffer. */
const ORDER_WORK = 10;
/** Hardly any attempt is finished with less work a buffer than this, so none is begun with less to spend. */
const ATTEMPT_WORK = 50;
/** An order in which no more buffers than these came too late is tried again at once. */
const FEW_LATE = 16;
/** After so many buffers of an attempt, the caller may look up. */
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
  private readonly fit: LowestFit;
  private orderWork = 0;
  private scratch: Float64Array;
  /** What the next round tries, the orders with the fewest late buffers first. */
  private contenders: Iterator<Int32Array, void> = this.firstOrders();
  /** What has been tried in this round and is worth another attempt. */
  private tried: Contender[] = [];
  /** Places in the order, ascending, of the buffers that ended above the goal in the last attempt. */
  private late: number[] = [];

  /** `goal`: bytes at which to stop. */
  constructor(
    private readonly problem: Problem,
    timeline: Timeline,
    private readonly goal: number,
  ) {
    this.fit = createLowestFit(problem, timeline);
    this.offsets = new Float64Array(problem.bufferCount);
    this.scratch = new Float64Array(problem.bufferCount);
  }

  /** Work so far, in the unit of {@link LowestFit}. */
  get work(): number {
    return this.fit.work + this.orderWork;
  }

  /**
   * One attempt with each order that is worth it, or with the next `most` of them, unless the goal is reached or `workBudget`
   * spent. Returns whether there are more, in this round or another one. Pauses now and then; whoever does not go on after a
   * pause has the best placement so far, once `peak` is finite.
   */
  *round(workBudget: number, most = Infinity): Generator<void, boolean> {
    for (let i = 0; i < most; i++) {
      const next = this.contenders.next();
      if (next.done) return this.beginRound();
      let order = next.value;
      const isFirst = this.peak === Infinity;
      let isWorthMore = yield* this.attempt(order, isFirst ? Math.min(FIRST_WORK, workBudget) : workBudget);
      if (isFirst && this.peak === Infinity && !this.placeOnline()) {
        isWorthMore = yield* this.attempt(order, Infinity);
      }
      for (let few = FEW_LATE; isWorthMore && this.late.length <= few && !this.isDone(workBudget);) {
        few = this.late.length - 1;
        order = movedForward(order, this.late);
        isWorthMore = yield* this.attempt(order, workBudget);
      }
      if (this.isDone(workBudget)) return false;
      if (isWorthMore) this.tried.push({ order, late: this.late });
    }
    return true;
  }

  /** Whether there is anything to try in it. */
  private beginRound(): boolean {
    const next = this.tried.sort((a, b) => a.late.length - b.late.length);
    this.tried = [];
    this.contenders = next.map(({ order, late }) => movedForward(order, late)).values();
    return next.length > 0;
  }

  private *firstOrders(): Generator<Int32Array> {
    for (const order of ORDERS) {
      this.orderWork += ORDER_WORK * this.problem.bufferCount;
      yield order(this.problem);
    }
  }

  private isDone(workBudget: number): boolean {
    const left = workBudget - this.work;
    return this.peak <= this.goal || left < ATTEMPT_WORK * this.problem.bufferCount;
  }

  /** Whether that could be done. */
  private placeOnline(): boolean {
    const offsets = placeOnline(this.problem);
    this.orderWork += ORDER_WORK * this.problem.bufferCount;
    if (offsets === null) return false;
    this.keep(
      offsets,
      this.problem.sizes.reduce((peak, size, b) => Math.max(peak, offsets[b] + size), 0),
    );
    return true;
  }

  /**
   * Places by one order and keeps the result if it is the best, but gives up above `workLimit`. Returns whether the order
   * is worth another attempt.
   */
  private *attempt(order: Int32Array, workLimit: number): Generator<void, boolean> {
    const { fit, goal, scratch: offsets } = this;
    const { sizes, fixedOffsets } = this.problem;
    const hopeless = this.peak * HOPELESS;
    fit.reset();
    let peak = takeFixed(this.problem, fit);
    this.late = [];
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
      if ((end > hopeless && this.late.length > FEW_LATE) || this.work > workLimit) return false;
      fit.take(b, offset);
      offsets[b] = offset;
      if (end > peak) peak = end;
      if (end > goal) this.late.push(i);
    }
    this.keep(offsets, peak);
    return true;
  }

  /** Keeps a placement if it is the best so far. */
  private keep(offsets: Float64Array, peak: number): void {
    if (peak >= this.peak) return;
    this.peak = peak;
    this.scratch = this.offsets;
    this.offsets = offsets;
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
