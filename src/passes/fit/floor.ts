/**
 * Bytes that a graph needs whatever passes do to it.
 *
 * Invariant: at the start all inputs are there, in the end all results; while a node runs as a whole, its operands and its
 * result are.
 */
import type { Graph } from '../../graph/graph.js';
import type { ResolvedOptions } from '../../plan/options.js';
import { jobsOf } from '../order/jobs.js';
import { itemsOf } from '../order/lists.js';
import { orderProblemOf, type OrderProblem } from '../order/order-problem.js';

/** What is there at the start or in the end, whatever is computed in parts: inputs and results. O(tensors + sources). */
export function floorOfAllParts(graph: Graph, { alignment, reuse }: ResolvedOptions): number {
  return endsOf(orderProblemOf(graph, jobsOf(graph), { alignment, reuse, smallest: 1 }));
}

/** While no node is computed in parts. O(tensors + sources). */
export function floorOfAllOrders(graph: Graph, { alignment, reuse }: ResolvedOptions): number {
  const problem = orderProblemOf(graph, jobsOf(graph), { alignment, reuse, smallest: 1 });
  const { sizes, reads, reusable, madeBytes, jobCount } = problem;
  let floor = endsOf(problem);
  for (let job = 0; job < jobCount; job++) {
    const read = itemsOf(reads, job).reduce((sum, storage) => sum + sizes[storage], 0);
    const reused = itemsOf(reusable, job).reduce((most, storage) => Math.max(most, sizes[storage]), 0);
    floor = Math.max(floor, read + Math.max(0, madeBytes[job] - reused));
  }
  return floor;
}

function endsOf({ sizes, isKept, firstLoad }: OrderProblem): number {
  return Math.max(
    firstLoad,
    sizes.reduce((sum, size, storage) => sum + isKept[storage] * size, 0),
  );
}
