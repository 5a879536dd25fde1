/**
 * The graph that keeps to a budget by computing values again, for the least cost.
 *
 * Invariant: what is found does not depend on the budget, which only chooses from it. So a larger budget never costs more.
 */
import { checkArgument } from '../../errors.js';
import { checkGraph, type Graph } from '../../graph/graph.js';
import type { Rewritten } from '../../graph/rewritten.js';
import { rejectUnplannable } from '../../plan/measure.js';
import { Budget } from '../../solver/budget.js';
import { finish, finishInTurns } from '../../solver/turns.js';
import { MEASURES } from '../measures.js';
import {
  DEFAULT_RECOMPUTE_EFFORT,
  resolveRecomputeOptions,
  type RecomputedGraph,
  type RecomputeOptions,
} from './options.js';
import { RecomputeSearch } from './recompute-search.js';

/**
 * Drops values of `graph` and computes them again for later readers, so that `budgetBytes` suffice, for the least extra
 * work that is found.
 *
 * The nodes run for the first time in the given order, each for some reader, so order the graph before. Only what is pure
 * runs again: no random number is drawn twice, no cache is written twice, and no value is computed again from an operand
 * that was overwritten meanwhile. Outputs and results that nobody reads are kept.
 *
 * `bound` and `extraOpsBound` hold for every graph that computes values again in this order, one node at a time. For a
 * larger budget the same graph and effort never cost more. If the budget is not met, the graph that needs the fewest bytes
 * of all that were found is returned.
 *
 * O(tensors + sources) if the graph keeps to the budget already; else the search goes through all budgets, within
 * `maxEffort`.
 *
 * @throws PlannerError `BAD_ARGUMENT`, also for a graph that names several memories; `BAD_ALIGNMENT`; `HAZARD` as
 * `measureGraph`; `BYTES_TOO_LARGE`
 * @example
 * ```ts
 * import { Context, Graph } from 'tensor-arena';
 * import { recomputeGraph } from 'tensor-arena/passes';
 * const ctx = Context.deferred();
 * const x = ctx.setInput(ctx.newTensor('f32', [64]));
 * const wide = ctx.repeat(x, [64, 100]);
 * const other = ctx.repeat(ctx.sum(wide), [64, 100]); // wide is read before and after it
 * const graph = Graph.forward(ctx.setOutput(ctx.sum(ctx.add(wide, ctx.sum(other)))));
 * const { peakBefore, peak, extraOps } = recomputeGraph(graph, { budgetBytes: 30_000 });
 * console.log(peakBefore, peak, extraOps.toFixed(3)); // 51232 25888 0.333
 * ```
 */
export function recomputeGraph(graph: Graph, options: RecomputeOptions): RecomputedGraph {
  return finish(searchRecompute(graph, options));
}

/**
 * The same as {@link recomputeGraph}, but other work of the thread gets a turn every 20 ms or so, so that `options.signal`
 * can be aborted.
 *
 * @throws PlannerError (a rejection) as {@link recomputeGraph}
 */
export async function recomputeGraphAsync(graph: Graph, options: RecomputeOptions): Promise<RecomputedGraph> {
  return finishInTurns(searchRecompute(graph, options));
}

/** The search of {@link recomputeGraph}, which pauses now and then. */
function searchRecompute(graph: Graph, options: RecomputeOptions): Generator<void, RecomputedGraph> {
  checkGraph(graph);
  const resolved = resolveRecomputeOptions(options);
  const remedy = 'Rewrite it before it is spread over devices.';
  checkArgument(graph.pools === null, 'memories of the graph', graph.pools?.list.length, 'one', remedy);
  rejectUnplannable(graph, resolved.planning);
  return search(graph, options, resolved);
}

function* search(
  graph: Graph,
  options: RecomputeOptions,
  { planning, minimise, costOf }: ReturnType<typeof resolveRecomputeOptions>,
): Generator<void, RecomputedGraph> {
  const { budgetBytes, maxEffort = DEFAULT_RECOMPUTE_EFFORT, timeLimitMs = Infinity, signal, onProgress } = options;
  const measure = (each: Graph): number => MEASURES[minimise](each, planning);
  const found = new RecomputeSearch(graph, planning, costOf);
  const onTick = (): void => {
    const cheapest = found.frontier.cheapestWithin(budgetBytes);
    const extraOps = cheapest === null ? null : found.shareOf(cheapest.cost);
    onProgress?.({ peak: found.frontier.points.at(-1)!.peak, extraOps, effort: budget.effort });
  };
  // Slices of an effort without a limit would have one.
  const most = Math.min(maxEffort, Number.MAX_SAFE_INTEGER);
  const budget = new Budget({ maxEffort: most, timeLimitMs, signal, onTick });
  const peakBefore = measure(graph);
  if (peakBefore > budgetBytes) yield* found.run(budget);
  const best = choose(found, budgetBytes, measure, peakBefore);
  const fits = best.peak <= budgetBytes;
  const costBound = found.costWithin(budgetBytes);
  const isOptimal = fits ? best.cost <= costBound : costBound === Infinity;
  if (!isOptimal) budget.giveUp();
  return {
    ...best.rewritten,
    fits,
    peak: best.peak,
    peakBefore,
    bound: found.bound,
    extraOps: found.shareOf(best.cost),
    extraOpsBound: found.shareOf(costBound),
    isOptimal,
    frontier: found.frontier.points.map(({ peak, cost }) => ({ peak, extraOps: found.shareOf(cost) })),
    effort: budget.effort,
    stopped: isOptimal ? 'done' : budget.reason,
  };
}

interface Choice {
  readonly rewritten: Rewritten;
  /** Bytes, as measured. */
  readonly peak: number;
  readonly cost: number;
}

/** The cheapest graph that keeps to the budget as it is measured, or that which needs the fewest bytes. */
function choose(
  found: RecomputeSearch,
  budgetBytes: number,
  measure: (graph: Graph) => number,
  peakBefore: number,
): Choice {
  let best: Choice = { rewritten: found.asGiven, peak: peakBefore, cost: 0 };
  if (peakBefore <= budgetBytes) return best;
  const { points } = found;
  const within = points.filter(({ peak }) => peak <= budgetBytes);
  for (const point of within.length === 0 ? points.slice(-1) : within) {
    const rewritten = found.rebuilt(point);
    const choice = { rewritten, peak: measure(rewritten.graph), cost: point.cost };
    if (choice.peak < best.peak) best = choice;
    if (choice.peak <= budgetBytes) return choice;
  }
  return best;
}
