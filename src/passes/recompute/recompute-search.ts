/**
 * What every number of bytes costs for a graph: the exact search for small ones, and the way down from the peak.
 *
 * Invariant: `bound <= least peak`, and `costWithin(limit) <= least cost within limit`, whatever ends the search.
 */
import type { Graph } from '../../graph/graph.js';
import type { Rewritten } from '../../graph/rewritten.js';
import type { ResolvedOptions } from '../../plan/options.js';
import type { Budget } from '../../solver/budget.js';
import type { Tensor } from '../../tensor/tensor.js';
import { jobsOf, type Jobs } from '../order/jobs.js';
import { Bounds } from './bounds.js';
import { Descent } from './descent.js';
import { ExactSearch, MOST_STORAGES } from './exact.js';
import { Frontier, type FrontierPoint } from './frontier.js';
import { rebuilt } from './rebuilt.js';
import { recomputeProblemOf, type RecomputeProblem } from './recompute-problem.js';
import { Retention } from './retention.js';
import { Runs } from './runs.js';

/** The share of the exact search in the effort, for small graphs. */
const EXACT_SHARE = 0.5;

export class RecomputeSearch {
  readonly frontier = new Frontier();
  /** Bytes that nothing can go below. */
  bound: number;
  readonly #graph: Graph;
  readonly #jobs: Jobs;
  readonly #problem: RecomputeProblem;
  readonly #bounds: Bounds;
  /** Bytes: for all that are no fewer, the frontier is the cheapest that there is. */
  #provenPeak: number;

  constructor(graph: Graph, planning: ResolvedOptions, costOf: (node: Tensor) => number) {
    this.#graph = graph;
    this.#jobs = jobsOf(graph);
    this.#problem = recomputeProblemOf(graph, this.#jobs, planning, costOf);
    this.#bounds = new Bounds(this.#problem);
    const runs = new Runs(this.#problem);
    new Retention(this.#problem).run(runs);
    this.frontier.offer(runs);
    this.bound = this.#bounds.floor;
    this.#provenPeak = runs.peak;
  }

  /** Pauses now and then. */
  *run(budget: Budget): Generator<void, void> {
    if (this.#problem.sizes.length <= MOST_STORAGES) yield* this.#proveAll(budget.slice(EXACT_SHARE));
    if (this.#provenPeak <= this.bound) return;
    yield* new Descent(this.#problem, this.#bounds, this.frontier, budget).lowerThrough(this.frontier.points[0].peak);
  }

  /** The cheapest sequences for fewer and fewer bytes, until none are possible. */
  *#proveAll(budget: Budget): Generator<void, void> {
    const exact = new ExactSearch(this.#problem);
    const runs = new Runs(this.#problem);
    while (this.#provenPeak > this.bound) {
      const answer = yield* exact.run(this.#provenPeak - 1, budget, runs);
      if (answer === 'unknown') return;
      if (answer === 'impossible') this.bound = this.#provenPeak;
      else {
        this.frontier.offer(runs);
        this.#provenPeak = runs.peak;
      }
    }
  }

  /** What every sequence costs within so many bytes. */
  costWithin(limit: number): number {
    if (limit < this.bound) return Infinity;
    const exact = this.frontier.cheapestWithin(Math.max(this.#provenPeak, limit))!.cost;
    return limit >= this.#provenPeak ? exact : Math.max(exact, this.#bounds.costWithin(limit));
  }

  /** A cost as a fraction of that of the given graph. */
  shareOf(cost: number): number {
    return cost === 0 ? 0 : cost / this.#problem.totalCost;
  }

  /** What was found, but for the graph as it was given. */
  get points(): FrontierPoint[] {
    return this.frontier.points.filter(({ jobs }) => jobs.length > this.#problem.jobCount);
  }

  get asGiven(): Rewritten {
    return { graph: this.#graph, origin: Int32Array.from(this.#graph.tensors, (_, id) => id) };
  }

  rebuilt({ jobs }: FrontierPoint): Rewritten {
    return rebuilt(this.#graph, this.#jobs, jobs);
  }
}
