/**
 * The options and the result of `recomputeGraph`.
 */
import { checkArgument, checkChoice, checkOptions, type OptionNames } from '../../errors.js';
import type { Rewritten } from '../../graph/rewritten.js';
import { resolveOptions, type PlanOptions, type ResolvedOptions } from '../../plan/options.js';
import { checkSearchLimits, type StopReason } from '../../solver/budget.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { Minimised } from '../measures.js';
import { operationsOf } from '../operations.js';

/** How far a graph is to be reduced, what it may cost, and what the search may spend. */
export interface RecomputeOptions extends Pick<PlanOptions, 'alignment' | 'reuse' | 'runtime'> {
  /** Bytes that are to suffice. */
  readonly budgetBytes: number;
  /**
   * The cost of computing a node once, in any unit, at least 0. Default: its multiply-adds if it is a product, a
   * convolution or attention, else one for each element that it makes. Views are never asked for.
   */
  readonly costOf?: (node: Tensor) => number;
  /**
   * What the budget is for: `load` is the live load of the plan, which no placement can go below; `size` is the buffer that
   * `measureGraph` makes, which takes a placement for some of the graphs that were found. Default `load`.
   */
  readonly minimise?: Minimised;
  /**
   * Most effort that the search may spend, the one limit that is the same on every machine. A unit is 64 runs of nodes that
   * are looked at, or one state of the exact search. Default 1,000,000: some seconds at most.
   */
  readonly maxEffort?: number;
  /** Milliseconds. Default: no limit; with one, the result depends on the machine. */
  readonly timeLimitMs?: number;
  /**
   * An `AbortSignal` that ends the search with what it has found. Only `onProgress` can abort `recomputeGraph`, which is
   * synchronous; `recomputeGraphAsync` also lets other code abort it.
   */
  readonly signal?: { readonly aborted: boolean };
  /** Called every 256 units of effort. */
  readonly onProgress?: (progress: RecomputeProgress) => void;
}

const RECOMPUTE_OPTIONS: OptionNames<RecomputeOptions> = {
  budgetBytes: true,
  costOf: true,
  minimise: true,
  alignment: true,
  reuse: true,
  runtime: true,
  maxEffort: true,
  timeLimitMs: true,
  signal: true,
  onProgress: true,
};

/** How far a search for values to compute again has come. */
export interface RecomputeProgress {
  /** Bytes: the least live load of all that was found, with nodes computed one by one. */
  readonly peak: number;
  /** What the cheapest that keeps to the budget costs, as a fraction of all operations; null if nothing does yet. */
  readonly extraOps: number | null;
  /** Effort spent so far, in the unit of `maxEffort`. */
  readonly effort: number;
}

/** What some number of bytes costs. */
export interface RecomputeStep {
  /** Bytes: the live load with nodes computed one by one. */
  readonly peak: number;
  /** The cost of what is computed again, as a fraction of the cost of the given graph. */
  readonly extraOps: number;
}

/** A graph that computes some values again, and nothing else. */
export interface RecomputedGraph extends Rewritten {
  /** Whether `peak` is within the budget. */
  readonly fits: boolean;
  /** Bytes that the graph needs: the live load of its plan with the same options, or the size of its buffer. */
  readonly peak: number;
  /** The same for the graph that was given. */
  readonly peakBefore: number;
  /** Bytes that no such graph can go below, whatever is computed again: a smaller budget cannot be met. */
  readonly bound: number;
  /** The cost of what is computed again, as a fraction of the cost of the given graph. */
  readonly extraOps: number;
  /** What every such graph costs that keeps to the budget; `Infinity` if the budget is below `bound`. */
  readonly extraOpsBound: number;
  /** Whether the answer is proven: nothing cheaper keeps to the budget, or nothing does at all. */
  readonly isOptimal: boolean;
  /** What fewer bytes cost, the largest and cheapest first. The same for every budget below the peak. */
  readonly frontier: readonly RecomputeStep[];
  /** Effort spent, in the unit of `maxEffort`. */
  readonly effort: number;
  /** What ended the search. */
  readonly stopped: StopReason;
}

export const DEFAULT_RECOMPUTE_EFFORT = 1_000_000;

/** @throws PlannerError `BAD_ARGUMENT`, `BAD_ALIGNMENT` */
export function resolveRecomputeOptions(options: RecomputeOptions): {
  readonly planning: ResolvedOptions;
  readonly minimise: Minimised;
  readonly costOf: (node: Tensor) => number;
} {
  checkOptions(options, RECOMPUTE_OPTIONS);
  checkSearchLimits(options);
  const { budgetBytes, alignment, reuse, runtime, minimise = 'load', costOf = operationsOf } = options;
  checkBudgetBytes(budgetBytes);
  checkChoice('minimise', minimise, ['load', 'size']);
  const remedy = 'Give a function from a node to its cost, or leave it out.';
  checkArgument(typeof costOf === 'function', 'costOf', costOf, 'a function', remedy);
  return { planning: resolveOptions({ alignment, reuse, runtime }), minimise, costOf: checkedCost(costOf) };
}

/** @throws PlannerError `BAD_ARGUMENT` */
export function checkBudgetBytes(budgetBytes: unknown): void {
  const isCount = Number.isSafeInteger(budgetBytes) && (budgetBytes as number) >= 0;
  checkArgument(isCount, 'budgetBytes', budgetBytes, 'an integer from 0 to 2^53 - 1', 'Give a number of bytes.');
}

/** The same, but what it returns is checked. */
export function checkedCost(costOf: (node: Tensor) => number): (node: Tensor) => number {
  return (node) => {
    const cost = costOf(node);
    const isCost = typeof cost === 'number' && cost >= 0 && cost < Infinity;
    const remedy = `Let it return a finite number for ${node.label}.`;
    checkArgument(isCost, 'costOf', cost, 'a function that returns numbers of at least 0', remedy);
    return cost;
  };
}
