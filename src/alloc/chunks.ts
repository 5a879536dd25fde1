/**
 * Lowers the total of a placement in several chunks.
 *
 * First other greedy orders, by size with some noise, which move buffers between chunks; then each chunk of the best one
 * is a problem of its own, for the exact search.
 *
 * Invariant: the result is valid and no larger than what was given. It is optimal if it equals the live load; the split
 * into chunks itself is not searched exhaustively.
 */
import { liveLoad } from '../problem/lower-bound.js';
import type { Problem } from '../problem/problem.js';
import { selectBuffers } from '../problem/select.js';
import { placementSize, type Placement, type PlaceOptions } from './allocator.js';
import type { Budget } from './exact/budget.js';
import { createInstance } from './exact/instance.js';
import { minimise } from './exact/minimise.js';
import { createRandom } from './exact/random.js';
import { byKey } from './orders.js';
import type { Overlaps } from './overlaps.js';
import { placeInOrder } from './place-in-order.js';

const NOISY_ORDERS = 100;
/** Sizes are multiplied by something between 1 and e to this power. */
const NOISE = 0.5;
/** What part of the remaining budget one chunk may take. */
const CHUNK_SHARE = 0.5;

export function polishChunks(
  problem: Problem,
  overlaps: Overlaps,
  placement: Placement,
  goal: number,
  options: PlaceOptions,
  budget: Budget,
): Placement {
  let best = placement;
  const random = createRandom(1);
  for (let i = 0; i < NOISY_ORDERS && placementSize(best) > goal && budget.spend(); i++) {
    const order = byKey(
      problem,
      problem.sizes.map((size) => size * Math.exp(random() * NOISE)),
    );
    const candidate = placeInOrder(problem, overlaps, order, 'lowest', options);
    if (placementSize(candidate) < placementSize(best)) best = candidate;
  }
  for (let c = 0; c < best.chunks.length && placementSize(best) > goal && !budget.isSpent; c++) {
    best = lowerChunk(problem, overlaps, best, c, budget);
  }
  return best;
}

function lowerChunk(problem: Problem, overlaps: Overlaps, best: Placement, chunk: number, budget: Budget): Placement {
  const all = Int32Array.from({ length: problem.bufferCount }, (_, b) => b);
  const buffers = all.filter((b) => best.chunkOf[b] === chunk);
  const instance = createInstance(problem, overlaps, buffers);
  const { unit } = instance;
  const low = Math.ceil(liveLoad(selectBuffers(problem, buffers)).bytes / unit);
  const range = { low, high: Math.ceil(best.chunks[chunk] / unit) };
  const offsets = best.offsets.slice();
  const chunks = [...best.chunks];
  minimise(instance, range, low, budget.slice(CHUNK_SHARE), {
    onPlacement: (found) => {
      buffers.forEach((b, i) => (offsets[b] = found[i] * unit));
      chunks[chunk] = range.high * unit;
    },
    onBound: () => true,
  });
  return { offsets, chunkOf: best.chunkOf, chunks };
}
