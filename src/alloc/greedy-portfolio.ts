/**
 * Several greedy orders in turn, until one reaches the goal.
 *
 * Invariant: the best of the family; the first order alone is enough on nearly every real graph.
 */
import type { Problem } from '../problem/problem.js';
import { placementSize, type Placement, type PlaceOptions } from './allocator.js';
import { byArea, byLifetime, byLoad, bySize } from './orders.js';
import type { Overlaps } from './overlaps.js';
import { placeInOrder } from './place-in-order.js';

const ORDERS = [bySize, byLoad, byLifetime, byArea];

/** The best greedy placement of a problem, or the first whose size is at most `goal` bytes. */
export function placeGreedily(problem: Problem, overlaps: Overlaps, goal: number, options: PlaceOptions): Placement {
  let best: Placement | null = null;
  for (const order of ORDERS) {
    const placement = placeInOrder(problem, overlaps, order(problem), 'lowest', options);
    if (best === null || placementSize(placement) < placementSize(best)) best = placement;
    if (placementSize(best) <= goal) break;
  }
  return best!;
}
