/**
 * The greedy family: one order and one fit each.
 *
 * Invariant: placements are valid, not always optimal. The order by size reaches the live load on nearly all real
 * graphs.
 */
import { checkOptions } from '../../errors.js';
import { checkProblem } from '../../problem/check-problem.js';
import type { Problem } from '../../problem/problem.js';
import { PLACE_OPTIONS, type Allocator, type Placement, type PlaceOptions } from '../allocator.js';
import { fillChunks } from './fill-chunks.js';
import { byArea, byLifetime, byLoad, bySize, byStart, type Order } from './orders.js';
import { createTimeline } from '../../problem/timeline.js';

/** Largest buffer first. */
export const greedyBySize = greedy('greedy-by-size', bySize);
/** Longest lifetime first. */
export const greedyByLifetime = greedy('greedy-by-lifetime', byLifetime);
/** Largest product of size and lifetime first. */
export const greedyByArea = greedy('greedy-by-area', byArea);
/** Buffers of the busiest steps first, as in TensorFlow Lite's greedy by breadth. */
export const greedyByLoad = greedy('greedy-by-load', byLoad);
/** In order of start, as at run time: the yardstick that planning ahead has to beat. */
export const greedyByStart = greedy('greedy-by-start', byStart);

function greedy(name: string, order: Order): Allocator {
  return {
    name,
    place(problem: Problem, options: PlaceOptions = {}): Placement {
      checkProblem(problem);
      checkOptions(options, PLACE_OPTIONS);
      const { offsets, chunkOf, chunks } = fillChunks(problem, createTimeline(problem), order(problem), options);
      return { offsets, chunkOf, chunks };
    },
  };
}
