/**
 * Placements in several chunks of limited size.
 *
 * First greedy orders, among them the one by size with some noise, which moves buffers between chunks; then each chunk
 * of the best one is a problem of its own, for the exact search.
 *
 * Invariant: valid. Optimal if it equals the live load; the split into chunks is that of an order.
 */
import { liveLoad } from '../problem/lower-bound.js';
import type { Problem } from '../problem/problem.js';
import { selectBuffers } from '../problem/select.js';
import { placementSize, type Placement, type PlaceOptions } from './allocator.js';
import { EFFORT_PER_STEP, type Budget } from './exact/budget.js';
import { createInstance, isSearchable } from './exact/instance.js';
import { minimise } from './exact/minimise.js';
import { createRandom } from './random.js';
import { fillChunks } from './greedy/fill-chunks.js';
import { byKey, ORDERS } from './greedy/orders.js';
import type { Timeline } from './greedy/timeline.js';

const NOISY_ORDERS = 100;
/** Sizes are multiplied by one and up to so much more. */
const NOISE = 0.65;
/** What part of the remaining budget one chunk may take. */
const CHUNK_SHARE = 0.5;

/** The placement with the smallest total that is found; `goal`: bytes at which to stop. */
export function* placeInChunks(
  problem: Problem,
  timeline: Timeline,
  options: PlaceOptions,
  goal: number,
  budget: Budget,
): Generator<void, Placement> {
  let best: Placement | null = null;
  for (const order of orders(problem)) {
    const { steps, ...candidate } = fillChunks(problem, timeline, order, options);
    budget.charge(Math.ceil(steps / EFFORT_PER_STEP));
    if (best === null || placementSize(candidate) < placementSize(best)) best = candidate;
    if (placementSize(best) <= goal || budget.isSpent) return best;
    yield;
  }
  for (let c = 0; c < best!.chunks.length && placementSize(best!) > goal && !budget.isSpent; c++) {
    best = yield* lowerChunk(problem, best!, c, budget);
  }
  return best!;
}

function* orders(problem: Problem): Generator<Int32Array> {
  for (const order of ORDERS) yield order(problem);
  const random = createRandom(1);
  for (let i = 0; i < NOISY_ORDERS; i++) {
    yield byKey(
      problem,
      problem.sizes.map((size) => size * (1 + random() * NOISE)),
    );
  }
}

function* lowerChunk(problem: Problem, best: Placement, chunk: number, budget: Budget): Generator<void, Placement> {
  const all = Int32Array.from({ length: problem.bufferCount }, (_, b) => b);
  const buffers = all.filter((b) => best.chunkOf[b] === chunk);
  const part = selectBuffers(problem, buffers);
  if (!isSearchable(part)) return best;
  const instance = createInstance(part);
  const { unit } = instance;
  const low = Math.ceil(liveLoad(part).bytes / unit);
  const range = { low, high: Math.ceil(best.chunks[chunk] / unit) };
  const offsets = best.offsets.slice();
  const chunks = [...best.chunks];
  yield* minimise(instance, range, low, budget.slice(CHUNK_SHARE), {
    onPlacement: (found) => {
      buffers.forEach((b, i) => (offsets[b] = found[i] * unit));
      chunks[chunk] = range.high * unit;
    },
    onBound: () => true,
  });
  return { offsets, chunkOf: best.chunkOf, chunks };
}
