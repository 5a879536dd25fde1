/**
 * The order of a graph's nodes with the least peak.
 *
 * Invariant: the result has the tensors of the given graph, and computes the same; it never needs more bytes.
 */
import { checkArgument } from '../../errors.js';
import { checkGraph, Graph } from '../../graph/graph.js';
import { rejectUnplannable } from '../../plan/measure.js';
import type { ResolvedOptions } from '../../plan/options.js';
import { Budget } from '../../solver/budget.js';
import { finish, finishInTurns } from '../../solver/turns.js';
import { MEASURES, type Minimised } from '../measures.js';
import { BestOrder } from './best-order.js';
import { inOrder, jobsOf, type Jobs } from './jobs.js';
import { lazinessOf } from './lazy.js';
import { DEFAULT_MAX_EFFORT, resolveOrderOptions, type OrderedGraph, type OrderOptions } from './options.js';
import { orderProblemOf } from './order-problem.js';

/**
 * Finds the order of `graph` that needs the fewest bytes, and proves it where it can.
 *
 * The nodes stay as they are, and so does what they compute: a node still follows what it reads; two nodes that touch the
 * same bytes, one of them writing, keep their order; so do nodes of which nobody knows what they do, and no node passes one
 * at whose step somebody outside fills a tensor. The order is that of `graph` unless another is better.
 *
 * `bound` holds for every such order with nodes computed one by one; a runtime that computes several at once can only
 * need more. For large graphs the search may end at a limit: `bound` is proven all the same.
 *
 * O(tensors + sources) where all orders are alike or cuts leave little to choose; exponential in the worst case, within
 * `maxEffort`.
 *
 * @throws PlannerError `BAD_ARGUMENT`, also for a graph that names several memories; `BAD_ALIGNMENT`; `HAZARD` as
 * `measureGraph`; `BYTES_TOO_LARGE`
 * @example
 * ```ts
 * import { Context, Graph } from 'tensor-arena';
 * import { orderGraph } from 'tensor-arena/passes';
 * const ctx = Context.deferred();
 * const x = ctx.setInput(ctx.newTensor('f32', [64]));
 * const a = ctx.repeat(x, [64, 100]);
 * const b = ctx.repeat(x, [64, 100]);
 * const y = ctx.setOutput(ctx.add(ctx.sum(a), ctx.sum(b)));
 * const graph = new Graph().expand(a).expand(b).expand(y); // a and b are live at once in this order
 * const { peakBefore, peak, isOptimal } = orderGraph(graph);
 * console.log(peakBefore, peak, isOptimal); // 51456 25888 true
 * ```
 */
export function orderGraph(graph: Graph, options: OrderOptions = {}): OrderedGraph {
  return finish(searchOrder(graph, options));
}

/**
 * The same as {@link orderGraph}, but other work of the thread gets a turn every 20 ms or so, so that `options.signal` can be
 * aborted.
 *
 * @throws PlannerError (a rejection) as {@link orderGraph}
 */
export async function orderGraphAsync(graph: Graph, options: OrderOptions = {}): Promise<OrderedGraph> {
  return finishInTurns(searchOrder(graph, options));
}

/** The search of {@link orderGraph}, which pauses now and then. */
export function searchOrder(graph: Graph, options: OrderOptions): Generator<void, OrderedGraph> {
  checkGraph(graph);
  const { planning, minimise } = resolveOrderOptions(options);
  const remedy = 'Order it before it is spread over devices.';
  checkArgument(graph.pools === null, 'memories of the graph', graph.pools?.list.length, 'one', remedy);
  rejectUnplannable(graph, planning);
  return search(graph, planning, minimise, options);
}

function* search(
  graph: Graph,
  planning: ResolvedOptions,
  minimise: Minimised,
  options: OrderOptions,
): Generator<void, OrderedGraph> {
  const { maxEffort = DEFAULT_MAX_EFFORT, timeLimitMs = Infinity, signal, onProgress } = options;
  const measure = MEASURES[minimise];
  const peakBefore = measure(graph, planning);
  let best = { graph, peak: peakBefore };
  let bound = 0;
  const onTick = (): void => onProgress?.({ peak: best.peak, bound, effort: budget.effort });
  // Slices of an effort without a limit would have one.
  const most = Math.min(maxEffort, Number.MAX_SAFE_INTEGER);
  const budget = new Budget({ maxEffort: most, timeLimitMs, signal, onTick });
  let jobs = jobsOf(graph);
  for (const [index, { leastShare, tolerance, effortShare }] of LEVELS.entries()) {
    const smallest = Math.max(1, Math.floor(leastShare * peakBefore));
    const problem = orderProblemOf(graph, jobs, { ...planning, smallest });
    const laziness = lazinessOf(problem, tolerance * peakBefore);
    const found = new BestOrder(problem, laziness, bound, budget.slice(effortShare));
    if (index === 0) found.raiseToFloor();
    if (best.peak > found.bound) yield* found.run();
    bound = found.bound;
    if (best.peak > bound) {
      jobs = inOrder(jobs, found.order);
      const candidate = reordered(graph, jobs);
      const peak = measure(candidate, planning);
      if (peak < best.peak) best = { graph: candidate, peak };
    }
    if (best.peak <= bound || budget.isSpent) break;
  }
  if (best.peak > bound) budget.giveUp();
  return {
    graph: best.graph,
    origin: Int32Array.from(best.graph.tensors, (_, id) => id),
    peak: best.peak,
    peakBefore,
    bound,
    isOptimal: best.peak === bound,
    effort: budget.effort,
    stopped: best.peak > bound ? budget.reason : 'done',
  };
}

/**
 * Storages that are left out, as a share of the peak, and the share of the effort that is left. Many small storages, such as
 * what a time step means to each block, may be made and read at any time: without them, large graphs fall into segments.
 * What is proven of the rest holds for all, and the order of the rest is a good start.
 */
const LEVELS = [
  { leastShare: 0, tolerance: 0, effortShare: 0.1 },
  { leastShare: 1 / 32, tolerance: 0, effortShare: 0.1 },
  { leastShare: 1 / 128, tolerance: 1 / 32, effortShare: 0.1 },
  { leastShare: 1 / 128, tolerance: 0, effortShare: 0.1 },
  { leastShare: 1 / 512, tolerance: 1 / 32, effortShare: 0.1 },
  { leastShare: 1 / 512, tolerance: 0, effortShare: 0.2 },
  { leastShare: 1 / 4096, tolerance: 1 / 32, effortShare: 0.2 },
  { leastShare: 1 / 4096, tolerance: 0, effortShare: 0.4 },
  { leastShare: 0, tolerance: 0, effortShare: 1 },
] as const;

/** The graph with its jobs as they are given. */
function reordered({ leafs, nodes, tensors }: Graph, { prelude, steps }: Jobs): Graph {
  const newSteps = [...prelude, ...steps.flat()];
  return new Graph({ leafs, nodes: newSteps.map((step) => nodes[step]), tensors });
}
