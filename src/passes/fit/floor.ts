/**
 * Bytes that a graph needs whatever the order of its nodes, and whatever is computed again.
 *
 * Invariant: while a node runs, its operands and its result are there; at the start all inputs are, in the end all results.
 */
import type { Graph } from '../../graph/graph.js';
import type { ResolvedOptions } from '../../plan/options.js';
import { jobsOf } from '../order/jobs.js';
import { itemsOf } from '../order/lists.js';
import { orderProblemOf } from '../order/order-problem.js';

/** O(tensors + sources). */
export function floorOfAllOrders(graph: Graph, { alignment, reuse }: ResolvedOptions): number {
  const problem = orderProblemOf(graph, jobsOf(graph), { alignment, reuse, smallest: 1 });
  const { sizes, isKept, reads, reusable, madeBytes, jobCount, firstLoad } = problem;
  let floor = Math.max(
    firstLoad,
    sizes.reduce((sum, size, storage) => sum + isKept[storage] * size, 0),
  );
  for (let job = 0; job < jobCount; job++) {
    const read = itemsOf(reads, job).reduce((sum, storage) => sum + sizes[storage], 0);
    const reused = itemsOf(reusable, job).reduce((most, storage) => Math.max(most, sizes[storage]), 0);
    floor = Math.max(floor, read + Math.max(0, madeBytes[job] - reused));
  }
  return floor;
}
