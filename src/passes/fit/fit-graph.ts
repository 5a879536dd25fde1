/**
 * The cheapest way into a budget: one pass after another, until a graph fits that costs nothing, or none is left.
 *
 * Invariant: what is returned fits, costs no more than is allowed and no more than anything else that was found; or nothing
 * that was found fits.
 */
import { checkArgument } from '../../errors.js';
import { checkGraph, type Graph } from '../../graph/graph.js';
import { rejectUnplannable } from '../../plan/measure.js';
import { planGraph } from '../../plan/plan.js';
import type { StopReason } from '../../solver/budget.js';
import { finish, finishInTurns } from '../../solver/turns.js';
import { checkBudgetBytes } from '../recompute/options.js';
import { frontierOf, type Candidate } from './candidate.js';
import { floorOfAllOrders, floorOfAllParts } from './floor.js';
import {
  resolveFitOptions,
  type FitLimit,
  type FitOptions,
  type FittedGraph,
  type ResolvedFitOptions,
} from './options.js';
import { sizeOf, STEPS } from './steps.js';

/**
 * Makes `graph` fit into a compute buffer of `budgetBytes`, as cheaply as is found: by another order of its nodes, by
 * computing regions in parts, and by computing values again. Each pass works on the cheapest graph that is there.
 * `verifyEquivalent` accepts the result.
 *
 * If it does not fit, `limitedBy` says why, and the graph is the smallest that was found within what it may cost. A `bound`
 * above the budget proves that no other graph would do.
 *
 * O(tensors + sources) if the graph fits as it is; else the searches of the passes, within `maxEffort`. The same on every
 * machine without a time limit.
 *
 * @param budgetBytes bytes that the compute buffer may have
 * @throws PlannerError `BAD_ARGUMENT`, also for a graph that names several memories; `BAD_ALIGNMENT`; `HAZARD` as
 * `measureGraph`; `BYTES_TOO_LARGE`
 * @example
 * ```ts
 * import { Context, Graph } from 'tensor-arena';
 * import { fitGraph } from 'tensor-arena/passes';
 * const ctx = Context.deferred();
 * const x = ctx.setInput(ctx.newTensor('f32', [64]));
 * const wide = ctx.repeat(x, [64, 100]);
 * const other = ctx.repeat(ctx.sum(wide), [64, 100]); // wide is read before and after it
 * const graph = Graph.forward(ctx.setOutput(ctx.sum(ctx.add(wide, ctx.sum(other)))));
 * const { fits, plan, cost } = fitGraph(graph, 30_000);
 * console.log(fits, plan.bufferSize, cost.extraOps.toFixed(3)); // true 25888 0.333
 * ```
 */
export function fitGraph(graph: Graph, budgetBytes: number, options: FitOptions = {}): FittedGraph {
  return finish(begin(graph, budgetBytes, options));
}

/**
 * The same as {@link fitGraph}, but other work of the thread gets a turn every 20 ms or so, so that `options.signal` can be
 * aborted.
 *
 * @throws PlannerError (a rejection) as {@link fitGraph}
 */
export async function fitGraphAsync(graph: Graph, budgetBytes: number, options: FitOptions = {}): Promise<FittedGraph> {
  return finishInTurns(begin(graph, budgetBytes, options));
}

function begin(graph: Graph, budgetBytes: number, options: FitOptions): Generator<void, FittedGraph> {
  checkGraph(graph);
  checkBudgetBytes(budgetBytes);
  const resolved = resolveFitOptions(options);
  const remedy = 'Rewrite it before it is spread over devices.';
  checkArgument(graph.pools === null, 'memories of the graph', graph.pools?.list.length, 'one', remedy);
  rejectUnplannable(graph, resolved.planning);
  return search(graph, budgetBytes, options, resolved);
}

const DEFAULT_EFFORT = 600_000;

function* search(
  graph: Graph,
  budgetBytes: number,
  options: FitOptions,
  resolved: ResolvedFitOptions,
): Generator<void, FittedGraph> {
  const { maxEffort = DEFAULT_EFFORT, timeLimitMs = Infinity, signal, onProgress } = options;
  const deadline = performance.now() + timeLimitMs;
  const origin = Int32Array.from(graph.tensors, (_, id) => id);
  const bufferSize = sizeOf({ graph }, resolved);
  let frontier: Candidate[] = [{ graph, origin, bufferSize, extraOps: 0, rereadBytes: 0 }];
  const steps = STEPS.filter(({ name }) => resolved.enabled[name]);
  const floorOf = resolved.enabled.split ? floorOfAllParts : floorOfAllOrders;
  let bound = steps.length === 0 ? bufferSize : floorOf(graph, resolved.planning);
  let effort = 0;
  let stopped: StopReason = 'done';
  for (const { name, effortShare, run } of steps) {
    const [cheapest] = frontier;
    if (cheapest.bufferSize <= budgetBytes) break;
    const spent = effort;
    const onTick = (own: number): void =>
      onProgress?.({ pass: name, bufferSize: allowed(frontier, resolved).at(-1)!.bufferSize, effort: spent + own });
    onTick(0);
    const context = {
      ...resolved,
      signal,
      budgetBytes,
      maxEffort: Math.min(Number.MAX_SAFE_INTEGER, Math.ceil(effortShare * maxEffort)),
      timeLimitMs: Math.max(0, deadline - performance.now()),
      onTick,
    };
    const found = yield* run(cheapest, context);
    frontier = frontierOf([...frontier, ...found.candidates]);
    effort += found.effort;
    if (found.stopped !== 'done') stopped = found.stopped;
    if (steps.length === 1) bound = Math.max(bound, found.bound);
  }
  return answer(frontier, budgetBytes, resolved, { bound, effort, stopped });
}

function answer(
  frontier: readonly Candidate[],
  budgetBytes: number,
  resolved: ResolvedFitOptions,
  { bound, effort, stopped }: { readonly bound: number; readonly effort: number; readonly stopped: StopReason },
): FittedGraph {
  const affordable = allowed(frontier, resolved);
  const best = affordable.find(({ bufferSize }) => bufferSize <= budgetBytes) ?? affordable.at(-1)!;
  const fits = best.bufferSize <= budgetBytes;
  const { alignment, reuse, runtime } = resolved.planning;
  return {
    graph: best.graph,
    origin: best.origin,
    ...(best.slices === undefined ? {} : { slices: best.slices }),
    fits,
    plan: planGraph(best.graph, { alignment, reuse, runtime }),
    cost: { extraOps: best.extraOps, rereadBytes: best.rereadBytes },
    bound: Math.min(bound, best.bufferSize),
    limitedBy: fits ? null : limitOf(frontier, budgetBytes, resolved, bound, stopped),
    frontier: affordable.map(({ bufferSize, extraOps, rereadBytes }) => ({ bufferSize, extraOps, rereadBytes })),
    effort,
  };
}

/** Never empty: the first candidate, which is the cheapest, costs nothing. */
function allowed(
  frontier: readonly Candidate[],
  { maxExtraOps, maxRereadBytes }: Pick<ResolvedFitOptions, 'maxExtraOps' | 'maxRereadBytes'>,
): Candidate[] {
  return frontier.filter(({ extraOps, rereadBytes }) => extraOps <= maxExtraOps && rereadBytes <= maxRereadBytes);
}

function limitOf(
  frontier: readonly Candidate[],
  budgetBytes: number,
  { maxExtraOps }: ResolvedFitOptions,
  bound: number,
  stopped: StopReason,
): FitLimit {
  if (bound > budgetBytes) return 'bound';
  const fitting = frontier.filter(({ bufferSize }) => bufferSize <= budgetBytes);
  if (fitting.length > 0)
    return fitting.every(({ extraOps }) => extraOps > maxExtraOps) ? 'maxExtraOps' : 'maxRereadBytes';
  return stopped === 'done' ? 'effort' : stopped;
}
