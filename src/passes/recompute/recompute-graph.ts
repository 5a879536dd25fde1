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
import { jobsOf } from '../order/jobs.js';
import { Bounds } from './bounds.js';
import { Descent } from './descent.js';
import { ExactSearch, MOST_STORAGES } from './exact.js';
import { Frontier } from './frontier.js';
import {
  DEFAULT_RECOMPUTE_EFFORT,
  resolveRecomputeOptions,
  type RecomputedGraph,
  type RecomputeOptions,
} from './options.js';
import { rebuilt } from './rebuilt.js';
import { recomputeProblemOf, type RecomputeProblem } from './recompute-problem.js';
import { Retention } from './retention.js';
import { Runs } from './runs.js';

/**
 * Drops values of `graph` and computes them again for later readers, so that `budgetBytes` suffice, for the least extra
 * work that is found.
 *
 * The nodes run for the first time in the given order, each for some reader, so order the graph before. Only what is pure runs again: no random
 * number is drawn twice, no cache is written twice, and no value is computed again from an operand that was overwritten
 * meanwhile. Outputs and results that nobody reads are kept.
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
  return finish(begin(graph, options));
}

/**
 * The same as {@link recomputeGraph}, but other work of the thread gets a turn every 20 ms or so, so that `options.signal`
 * can be aborted.
 *
 * @throws PlannerError (a rejection) as {@link recomputeGraph}
 */
export async function recomputeGraphAsync(graph: Graph, options: RecomputeOptions): Promise<RecomputedGraph> {
  return finishInTurns(begin(graph, options));
}

function begin(graph: Graph, options: RecomputeOptions): Generator<void, RecomputedGraph> {
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
  const peakBefore = measure(graph);
  const jobs = jobsOf(graph);
  const problem = recomputeProblemOf(graph, jobs, planning, costOf);
  const shareOf = (cost: number): number => (problem.totalCost === 0 ? 0 : cost / problem.totalCost);
  const bounds = new Bounds(problem);
  const frontier = new Frontier();
  const onTick = (): void => {
    const cheapest = frontier.cheapestWithin(budgetBytes);
    const extraOps = cheapest === null ? null : shareOf(cheapest.cost);
    onProgress?.({ peak: frontier.points.at(-1)!.peak, extraOps, effort: budget.effort });
  };
  const runs = new Runs(problem);
  new Retention(problem).run(runs);
  frontier.offer(runs);
  // Slices of an effort without a limit would have one.
  const most = Math.min(maxEffort, Number.MAX_SAFE_INTEGER);
  const budget = new Budget({ maxEffort: most, timeLimitMs, signal, onTick });
  const proven = { peak: runs.peak, bound: bounds.floor };
  if (peakBefore > budgetBytes) {
    if (problem.sizes.length <= MOST_STORAGES) yield* proveAll(problem, frontier, budget.slice(EXACT_SHARE), proven);
    if (proven.peak > proven.bound) yield* new Descent(problem, bounds, frontier, budget).lowerThrough(runs.peak);
  }
  const asGiven = { graph, origin: Int32Array.from(graph.tensors, (_, id) => id) };
  const best = choose(frontier, budgetBytes, measure, { rewritten: asGiven, peak: peakBefore, cost: 0 }, (each) =>
    rebuilt(graph, jobs, each),
  );
  const fits = best.peak <= budgetBytes;
  const costBound = costBoundOf(frontier, bounds, proven, budgetBytes);
  const isOptimal = fits ? best.cost <= costBound : costBound === Infinity;
  if (!isOptimal) budget.giveUp();
  return {
    ...best.rewritten,
    fits,
    peak: best.peak,
    peakBefore,
    bound: proven.bound,
    extraOps: shareOf(best.cost),
    extraOpsBound: shareOf(costBound),
    isOptimal,
    frontier: frontier.points.map(({ peak, cost }) => ({ peak, extraOps: shareOf(cost) })),
    effort: budget.effort,
    stopped: isOptimal ? 'done' : budget.reason,
  };
}

/** The share of the exact search in the effort, for small graphs. */
const EXACT_SHARE = 0.5;

/** What the exact search has proven. */
interface Proven {
  /** Bytes: for all that are no fewer, the frontier is the cheapest that there is. */
  peak: number;
  /** Bytes that nothing can go below. */
  bound: number;
}

/** The cheapest sequences for fewer and fewer bytes, until none are possible. */
function* proveAll(
  problem: RecomputeProblem,
  frontier: Frontier,
  budget: Budget,
  proven: Proven,
): Generator<void, void> {
  const exact = new ExactSearch(problem);
  const runs = new Runs(problem);
  while (proven.peak > proven.bound) {
    const answer = yield* exact.run(proven.peak - 1, budget, runs);
    if (answer === 'unknown') return;
    if (answer === 'impossible') proven.bound = proven.peak;
    else {
      frontier.offer(runs);
      proven.peak = runs.peak;
    }
  }
}

/** What every sequence costs within the budget. */
function costBoundOf(frontier: Frontier, bounds: Bounds, { peak, bound }: Proven, budgetBytes: number): number {
  if (budgetBytes < bound) return Infinity;
  const exact = frontier.cheapestWithin(Math.max(peak, budgetBytes))!.cost;
  return budgetBytes >= peak ? exact : Math.max(exact, bounds.costWithin(budgetBytes));
}

interface Choice {
  readonly rewritten: Rewritten;
  /** Bytes, as measured. */
  readonly peak: number;
  readonly cost: number;
}

/** The cheapest graph that keeps to the budget as it is measured, or that which needs the fewest bytes. */
function choose(
  { points }: Frontier,
  budgetBytes: number,
  measure: (graph: Graph) => number,
  asGiven: Choice,
  rebuild: (jobs: Int32Array) => Rewritten,
): Choice {
  if (asGiven.peak <= budgetBytes) return asGiven;
  const made = ({ jobs, cost }: Frontier['points'][number]): Choice => {
    const rewritten = rebuild(jobs);
    return { rewritten, peak: measure(rewritten.graph), cost };
  };
  const within = points.filter(({ peak, cost }) => peak <= budgetBytes && cost > 0);
  let best = asGiven;
  for (const point of within.length === 0 ? points.slice(-1) : within) {
    if (point.cost === 0) continue;
    const choice = made(point);
    if (choice.peak < best.peak) best = choice;
    if (choice.peak <= budgetBytes) return choice;
  }
  return best;
}
