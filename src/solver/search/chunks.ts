/**
 * Placements in several chunks of limited size.
 *
 * Greedy orders come first, then local search over orders, which moves buffers between chunks. At last each chunk of
 * the best placement is lowered as a problem of its own.
 *
 * Invariant: placements are valid, and an order decides the split into chunks. For a few buffers, partitions.ts tries
 * all splits.
 */
import { selectBuffers } from '../../problem/select.js';
import { placementSize, type PlaceOptions } from '../allocator.js';
import { stackBoundOf } from './bounds.js';
import type { Budget } from '../budget.js';
import { isSearchable } from '../exact/instance.js';
import { fillChunks } from '../greedy/fill-chunks.js';
import { WORK_PER_EFFORT } from '../greedy/fit.js';
import { OrderClimb } from '../greedy/order-climb.js';
import { ORDERS } from '../greedy/orders.js';
import type { Timeline } from '../../problem/timeline.js';
import { PartIncumbent, WholeIncumbent } from './incumbents.js';
import { lowerPart } from './lower-part.js';
import { MOST_PARTITIONED } from './partitions.js';

/** The share of the budget that the local search gets. */
const CLIMB_SHARE = 0.25;
/** Buffers of an order per unit of effort. */
const BUFFERS_PER_EFFORT = 32;
/** The share of the remaining budget that one chunk may take. */
const CHUNK_SHARE = 0.5;

/** Looks for the smallest total. */
export function* placeInChunks(
  incumbent: WholeIncumbent,
  timeline: Timeline,
  options: PlaceOptions,
  budget: Budget,
): Generator<void, void> {
  const { problem } = incumbent;
  const orderBudget = budget.slice(CLIMB_SHARE);
  const evaluate = (order: Int32Array): number => {
    const { work, ...candidate } = fillChunks(problem, timeline, order, options);
    orderBudget.charge(Math.ceil(problem.bufferCount / BUFFERS_PER_EFFORT) + Math.floor(work / WORK_PER_EFFORT));
    incumbent.offer(candidate);
    return placementSize(candidate);
  };
  const isOver = (): boolean => incumbent.isDone || orderBudget.isSpent;
  for (const order of ORDERS) {
    evaluate(order(problem));
    if (isOver()) break;
    yield;
  }
  const climb = new OrderClimb(problem, evaluate);
  // For few buffers, every split is tried later.
  while (problem.bufferCount > MOST_PARTITIONED && !isOver()) {
    climb.tryOne();
    yield;
  }
  const { chunks } = incumbent.placement!;
  for (let c = 0; c < chunks.length && !incumbent.isDone && !budget.isSpent; c++) {
    yield* lowerChunk(incumbent, c, budget.slice(CHUNK_SHARE));
  }
}

/** Lowers one chunk as a problem of its own. */
function* lowerChunk(incumbent: WholeIncumbent, chunk: number, budget: Budget): Generator<void, void> {
  const { problem } = incumbent;
  const { offsets, chunkOf, chunks } = incumbent.placement!;
  const all = Int32Array.from(chunkOf.keys());
  const buffers = all.filter((b) => chunkOf[b] === chunk);
  const own = selectBuffers(problem, buffers);
  if (!isSearchable(own)) return;
  const lowered: WholeIncumbent = new WholeIncumbent(own, {}, stackBoundOf(own), () => {
    if (lowered.peak < incumbent.placement!.chunks[chunk]) incumbent.move(buffers, lowered.placement!.offsets);
  });
  lowered.offer({
    offsets: Float64Array.from(buffers, (b) => offsets[b]),
    chunkOf: new Int32Array(buffers.length),
    chunks: [chunks[chunk]],
  });
  yield* lowerPart(new PartIncumbent(own, all.subarray(0, buffers.length), lowered), budget);
}
