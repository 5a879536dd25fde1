/**
 * What every sequence needs in which the jobs run first in the given order: bytes, and the cost of further runs.
 *
 *     stage    0    1    2    3         While c runs for the first time, either the value of a is live, or a runs again
 *     job      a    b    c    d         before d. Where more values are between two reads than fit, some of them must be
 *              └─────────────▲ reads    dropped, and each of these costs another run at least.
 *
 * The value of a first run is read by somebody, or else the job would in truth run later, in another order.
 *
 * Invariant: `floor <= least peak`, and `costBound(limit) <= least cost of all sequences within limit`.
 */
import { NO_STORAGE } from '../order/order-problem.js';
import { itemsOf } from '../order/lists.js';
import type { RecomputeProblem } from './recompute-problem.js';

/** Steps by which the shares of the stages are improved. */
const ASCENTS = 300;

export class Bounds {
  /** Bytes that are live at some job, whatever is dropped. */
  readonly floor: number;
  readonly #problem: RecomputeProblem;
  /** By stage, bytes that are live if nothing is dropped that is read later, with as much reused as may be. */
  readonly #loads: Float64Array;
  /** Storages that may be dropped, with the stages at which that takes away bytes: from, to (exclusive), but for reads. */
  readonly #items: readonly { storage: number; from: number; to: number; reads: readonly number[] }[];

  /** O(jobs + reads). */
  constructor(problem: RecomputeProblem) {
    this.#problem = problem;
    const { jobCount, sizes, makers, readers, isKept, canRerun, made, madeBytes, firstLoad, startLoad } = problem;
    const fixed = new Float64Array(jobCount + 1);
    const droppable = new Float64Array(jobCount + 1);
    const items: { storage: number; from: number; to: number; reads: number[] }[] = [];
    for (let storage = 0; storage < sizes.length; storage++) {
      const from = makers[storage] + 1;
      const list = [...itemsOf(readers, storage)];
      const isLasting = isKept[storage] === 1;
      if (list.length === 0 && !isLasting) continue;
      const to = isLasting ? jobCount : list.at(-1)! + 1;
      const mayDrop = !isLasting && makers[storage] !== NO_STORAGE && canRerun[makers[storage]] === 1;
      // The first run is for somebody, so nothing is dropped before the first read.
      const free = mayDrop ? list[0] + 1 : to;
      fixed[from] += sizes[storage];
      fixed[free] -= sizes[storage];
      droppable[free] += sizes[storage];
      droppable[to] -= sizes[storage];
      if (free < to) items.push({ storage, from: free, to, reads: list.slice(1) });
    }
    this.#items = items;
    for (let stage = 1; stage < jobCount; stage++) {
      fixed[stage] += fixed[stage - 1];
      droppable[stage] += droppable[stage - 1];
    }
    // What a job reads is there while it runs.
    const read = new Float64Array(jobCount);
    for (const { storage, reads } of items) for (const stage of reads) read[stage] += sizes[storage];
    this.#loads = new Float64Array(jobCount);
    let floor = Math.max(firstLoad, startLoad);
    for (let stage = 0; stage < jobCount; stage++) {
      const reusable = itemsOf(problem.reusable, stage).reduce((most, storage) => Math.max(most, sizes[storage]), 0);
      const own = made[stage] === NO_STORAGE ? 0 : Math.max(0, madeBytes[stage] - reusable);
      this.#loads[stage] = fixed[stage] + droppable[stage] + own;
      floor = Math.max(floor, fixed[stage] + read[stage] + own);
    }
    this.floor = floor;
  }

  /**
   * The least cost of further runs within `limit` bytes; `Infinity` below the floor. The dual of a cover of all stages: any
   * prices for bytes at stages give a bound, and the prices are raised where drops do not pay for them yet.
   * O(ascents · (jobs + reads)).
   */
  costWithin(limit: number): number {
    if (limit < this.floor) return Infinity;
    const { jobCount } = this.#problem;
    const excess = this.#loads.map((load) => Math.max(0, load - limit));
    const stages = [...excess.keys()].filter((stage) => excess[stage] > 0);
    if (stages.length === 0) return 0;
    const prices = new Float64Array(jobCount);
    const worst = stages.reduce((a, b) => (excess[b] > excess[a] ? b : a));
    const single = this.#coverOf(worst, excess[worst]);
    prices[worst] = single.price;
    let best = single.cost;
    const slopes = new Float64Array(jobCount);
    for (let ascent = 0; ascent < ASCENTS; ascent++) {
      const value = this.#dual(prices, excess, slopes);
      best = Math.max(best, value);
      let norm = 0;
      for (const stage of stages) if (prices[stage] > 0 || slopes[stage] > 0) norm += slopes[stage] ** 2;
      if (norm === 0) break;
      const step = (Math.max(best, single.cost) * 1.05 - value) / norm / (1 + ascent / 30);
      for (const stage of stages) prices[stage] = Math.max(0, prices[stage] + step * slopes[stage]);
    }
    return best;
  }

  /** The least cost to drop so many bytes at one stage, in parts of values if need be, and the cost of the last byte. */
  #coverOf(stage: number, bytes: number): { readonly cost: number; readonly price: number } {
    const { sizes, costs, makers } = this.#problem;
    const choices = this.#items
      .filter(({ from, to, reads }) => from <= stage && stage < to && !reads.includes(stage))
      .map(({ storage }) => ({ size: sizes[storage], cost: costs[makers[storage]] }))
      .sort((a, b) => a.cost / a.size - b.cost / b.size);
    let left = bytes;
    let cost = 0;
    for (const choice of choices) {
      const share = Math.min(1, left / choice.size);
      cost += share * choice.cost;
      left -= share * choice.size;
      if (left <= 0) return { cost, price: choice.cost / choice.size };
    }
    return { cost, price: 0 };
  }

  /** The bound that prices give; writes by how much more bytes are to be dropped at each stage than would pay. */
  #dual(prices: Float64Array, excess: Float64Array, slopes: Float64Array): number {
    const { sizes, costs, makers, jobCount } = this.#problem;
    const sums = new Float64Array(jobCount + 1);
    let value = 0;
    for (let stage = 0; stage < jobCount; stage++) {
      sums[stage + 1] = sums[stage] + prices[stage];
      value += prices[stage] * excess[stage];
    }
    const dropped = new Float64Array(jobCount + 1);
    const spared = new Float64Array(jobCount);
    for (const { storage, from, to, reads } of this.#items) {
      let sum = sums[to] - sums[from];
      for (const stage of reads) sum -= prices[stage];
      const surplus = sizes[storage] * sum - costs[makers[storage]];
      if (surplus <= 0) continue;
      value -= surplus;
      dropped[from] += sizes[storage];
      dropped[to] -= sizes[storage];
      for (const stage of reads) spared[stage] += sizes[storage];
    }
    for (let stage = 0, bytes = 0; stage < jobCount; stage++) {
      bytes += dropped[stage];
      slopes[stage] = excess[stage] - bytes + spared[stage];
    }
    return value;
  }
}
