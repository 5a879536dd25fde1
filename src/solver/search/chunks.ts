/**
 * Placements in several chunks of limited size.
 *
 * First greedy orders, then local search over orders, which moves buffers between chunks; at last each chunk of the best
 * placement is a problem of its own.
 *
 * Invariant: valid; the split into chunks is that of an order. Of a few buffers, partitions.ts tries all splits.
 */
import type { Problem } from '../../problem/problem.js';
import { selectBuffers } from '../../problem/select.js';
import { placementSize, type Placement, type PlaceOptions } from '../allocator.js';
import { stackBoundOf } from './bounds.js';
import type { Budget } from '../budget.js';
import { isSearchable } from '../exact/instance.js';
import { fillChunks } from '../greedy/fill-chunks.js';
import { EFFORT_PER_STEP } from '../greedy/lowest-fit.js';
import { OrderClimb } from '../greedy/order-climb.js';
import { ORDERS } from '../greedy/orders.js';
import type { Timeline } from '../greedy/timeline.js';
import { lowerComponent, type Component } from './lower-component.js';
import { MOST_PARTITIONED } from './partitions.js';

/** The local search gets this part of the budget. So many buffers in an order count as one step. */
const CLIMB_SHARE = 0.25;
const BUFFERS_PER_STEP = 32;
/** What part of the remaining budget one chunk may take. */
const CHUNK_SHARE = 0.5;

/**
 * Looks for the smallest total; `goal`: bytes at which to stop. `onPlacement` is called with the first placement, and with
 * each that is smaller than the one before.
 */
export function* placeInChunks(
  problem: Problem,
  timeline: Timeline,
  options: PlaceOptions,
  goal: number,
  budget: Budget,
  onPlacement: (placement: Placement) => void,
): Generator<void, void> {
  let best: Placement = { offsets: new Float64Array(0), chunkOf: new Int32Array(0), chunks: [Infinity] };
  const keep = (placement: Placement): void => {
    best = placement;
    onPlacement(placement);
  };
  const orderBudget = budget.slice(CLIMB_SHARE);
  const evaluate = (order: Int32Array): number => {
    const { steps, ...candidate } = fillChunks(problem, timeline, order, options);
    orderBudget.charge(Math.ceil(problem.bufferCount / BUFFERS_PER_STEP) + Math.floor(steps / EFFORT_PER_STEP));
    if (placementSize(candidate) < placementSize(best)) keep(candidate);
    return placementSize(candidate);
  };
  const isDone = (): boolean => placementSize(best) <= goal || orderBudget.isSpent;
  for (const order of ORDERS) {
    evaluate(order(problem));
    if (isDone()) break;
    yield;
  }
  const climb = new OrderClimb(problem, evaluate);
  // Of few buffers, every split is tried later.
  while (problem.bufferCount > MOST_PARTITIONED && !isDone()) {
    climb.tryOne();
    yield;
  }
  for (let c = 0; c < best.chunks.length && placementSize(best) > goal && !budget.isSpent; c++) {
    yield* lowerChunk(problem, best, c, budget, keep);
  }
}

function* lowerChunk(
  problem: Problem,
  best: Placement,
  chunk: number,
  budget: Budget,
  keep: (placement: Placement) => void,
): Generator<void, void> {
  const all = Int32Array.from({ length: problem.bufferCount }, (_, b) => b);
  const buffers = all.filter((b) => best.chunkOf[b] === chunk);
  const part = selectBuffers(problem, buffers);
  if (!isSearchable(part)) return;
  let goal = stackBoundOf(part).bytes;
  const component: Component = {
    problem: part,
    capacity: Infinity,
    peak: () => best.chunks[chunk],
    goal: () => goal,
    place: (found) => {
      const offsets = best.offsets.slice();
      buffers.forEach((b, i) => (offsets[b] = found[i]));
      const peak = found.reduce((most, offset, i) => Math.max(most, offset + part.sizes[i]), 0);
      best = { ...best, offsets, chunks: best.chunks.map((bytes, c) => (c === chunk ? peak : bytes)) };
      keep(best);
    },
    prove: (bytes) => (goal = bytes),
  };
  yield* lowerComponent(component, budget.slice(CHUNK_SHARE));
}
