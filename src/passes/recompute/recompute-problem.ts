/**
 * What it costs to compute values again, in flat columns: the jobs of an order, which of them may run once more, and what a
 * run costs.
 *
 * A job may run again if that changes nothing: its operation is pure, it alone writes its storage, and what it reads is never
 * overwritten after its first run. All other jobs run once.
 *
 * Invariant: jobs are in the order in which they run first; a job runs again only after that.
 */
import type { Graph } from '../../graph/graph.js';
import { isPureView } from '../../graph/node-kind.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { Jobs } from '../order/jobs.js';
import { orderProblemOf, type OrderProblem } from '../order/order-problem.js';
import type { ResolvedOptions } from '../../plan/options.js';

export interface RecomputeProblem extends OrderProblem {
  /** By storage, the job that makes it; -1 if it is there from the start. */
  readonly makers: Int32Array;
  /** By job, 1 if it may run again. */
  readonly canRerun: Uint8Array;
  /** By job, the cost of a run. */
  readonly costs: Float64Array;
  /** The cost of running every job once. */
  readonly totalCost: number;
  /** What the search takes a run to cost that costs nothing, or next to nothing. */
  readonly leastCost: number;
}

/** As a share of the cost of all jobs. */
const LEAST_COST = 1e-6;

/** O(tensors + sources). @param costOf the cost of computing a node */
export function recomputeProblemOf(
  graph: Graph,
  jobs: Jobs,
  { alignment, reuse }: ResolvedOptions,
  costOf: (node: Tensor) => number,
): RecomputeProblem {
  const problem = orderProblemOf(graph, jobs, { alignment, reuse, smallest: 1 });
  const { made, jobCount, isKept } = problem;
  const { nodes } = graph;
  const makers = new Int32Array(problem.sizes.length).fill(-1);
  const canRerun = new Uint8Array(jobCount);
  const costs = new Float64Array(jobCount);
  const isRepeatable = repeatable(graph);
  jobs.steps.forEach((steps, job) => {
    if (made[job] !== -1) makers[made[job]] = job;
    for (const step of steps) if (!isPureView(nodes[step])) costs[job] += costOf(nodes[step]);
    if (made[job] !== -1 && isKept[made[job]] === 0 && isRepeatable(nodes[steps[0]])) canRerun[job] = 1;
  });
  const totalCost = graph.nodes.reduce((sum, node) => (isPureView(node) ? sum : sum + costOf(node)), 0);
  return {
    ...problem,
    makers,
    canRerun,
    costs,
    totalCost,
    leastCost: Math.max(LEAST_COST * totalCost, Number.MIN_VALUE),
  };
}

/** A test of nodes: whether one may be computed again, any time after its step. */
function repeatable(graph: Graph): (node: Tensor) => boolean {
  const lastWrite = new Map<Tensor, number>();
  const writeCounts = new Map<Tensor, number>();
  /** Storages with views that wait for something else as well: a view made anew would keep that alive. */
  const isTied = new Set<Tensor>();
  const write = ({ root }: Tensor, step: number): void => {
    lastWrite.set(root, step);
    writeCounts.set(root, (writeCounts.get(root) ?? 0) + 1);
  };
  graph.nodes.forEach((node, step) => {
    if (isPureView(node)) {
      if (node.sources.some((source) => source !== null && source.root !== node.root)) isTied.add(node.root);
      return;
    }
    write(node, step);
    for (const slot of node.operation?.updates ?? []) {
      const updated = node.sources[slot];
      if (updated !== null) write(updated, step);
    }
  });
  const stepOf = new Map(graph.nodes.map((node, step) => [node, step]));
  return (node) => {
    const { operation, sources } = node;
    if (operation?.isPure !== true || operation.updates.length > 0 || node.isView || graph.inputs.has(node))
      return false;
    if (writeCounts.get(node) !== 1 || isTied.has(node)) return false;
    const step = stepOf.get(node)!;
    return sources.every((source) => source === null || source === node || (lastWrite.get(source.root) ?? -1) < step);
  };
}
