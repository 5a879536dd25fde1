/**
 * The options and the result of `fitGraph`.
 */
import { checkArgument, checkOptions, type OptionNames } from '../../errors.js';
import type { Rewritten } from '../../graph/rewritten.js';
import { resolveOptions, type PlanOptions, type ResolvedOptions } from '../../plan/options.js';
import type { Plan } from '../../plan/plan.js';
import { checkSearchLimits, type StopReason } from '../../solver/budget.js';
import type { Tensor } from '../../tensor/tensor.js';
import { operationsOf } from '../operations.js';
import { checkedCost } from '../recompute/options.js';

/** Which passes may change a graph, what that may cost, and what the search may spend. */
export interface FitOptions extends Pick<PlanOptions, 'alignment' | 'reuse' | 'runtime'> {
  /** Whether the nodes may run in another order. Default true. */
  readonly order?: boolean;
  /** Whether regions may be computed in parts. Default true. */
  readonly split?: boolean;
  /** Whether values may be computed again. Default true. */
  readonly recompute?: boolean;
  /** The most extra work, as a fraction of that of the given graph. Default: no limit. */
  readonly maxExtraOps?: number;
  /** The most bytes that may be read again. Default: no limit. */
  readonly maxRereadBytes?: number;
  /** The cost of computing a node once, as in `RecomputeOptions`. */
  readonly costOf?: (node: Tensor) => number;
  /**
   * Most effort that all passes may spend together, the one limit that is the same on every machine. Default 600,000: some
   * seconds at most.
   */
  readonly maxEffort?: number;
  /** Milliseconds. Default: no limit; with one, the result depends on the machine. */
  readonly timeLimitMs?: number;
  /**
   * An `AbortSignal` that ends the search with the best so far. Only `onProgress` can abort `fitGraph`, which is synchronous;
   * `fitGraphAsync` also lets other code abort it.
   */
  readonly signal?: { readonly aborted: boolean };
  /** Called when a pass begins, and every 256 units of its effort. */
  readonly onProgress?: (progress: FitProgress) => void;
}

const FIT_OPTIONS: OptionNames<FitOptions> = {
  order: true,
  split: true,
  recompute: true,
  maxExtraOps: true,
  maxRereadBytes: true,
  costOf: true,
  alignment: true,
  reuse: true,
  runtime: true,
  maxEffort: true,
  timeLimitMs: true,
  signal: true,
  onProgress: true,
};

/** A pass that `fitGraph` uses. */
export type PassName = 'order' | 'split' | 'recompute';

/** How far `fitGraph` has come. */
export interface FitProgress {
  /** The pass that is at work. */
  readonly pass: PassName;
  /** Bytes: the smallest buffer of the graphs that earlier passes have made, within what they may cost. */
  readonly bufferSize: number;
  /** Effort spent so far, in the unit of `maxEffort`. */
  readonly effort: number;
}

/** What a change of a graph costs. */
export interface FitCost {
  /** Extra work, as a fraction of that of the given graph. */
  readonly extraOps: number;
  /** Bytes that are read more often than in the given graph, because a region is computed in parts. */
  readonly rereadBytes: number;
}

/** A size that was reached, and what it costs. */
export interface FitPoint extends FitCost {
  /** Bytes of the compute buffer. */
  readonly bufferSize: number;
}

/**
 * Why a graph does not fit: `bound`: no graph that these passes can make does; `maxExtraOps`, `maxRereadBytes`: one does that
 * costs more than is allowed; `effort`, `time`, `abort`: none was found before the search ended.
 */
export type FitLimit = 'bound' | 'maxExtraOps' | 'maxRereadBytes' | Exclude<StopReason, 'done'>;

/** The cheapest graph within a budget that was found, or the smallest of those that were allowed. */
export interface FittedGraph extends Rewritten {
  /** Whether the compute buffer is within the budget. */
  readonly fits: boolean;
  /** The plan of the graph. */
  readonly plan: Plan;
  readonly cost: FitCost;
  /** Bytes that no graph can go below which these passes can make. */
  readonly bound: number;
  /** Why the graph does not fit; null if it does. */
  readonly limitedBy: FitLimit | null;
  /** What was found, from the largest and cheapest down; costs beyond what is allowed are left out. */
  readonly frontier: readonly FitPoint[];
  /** Effort spent, in the unit of `maxEffort`. */
  readonly effort: number;
}

export interface ResolvedFitOptions {
  readonly planning: ResolvedOptions;
  readonly costOf: (node: Tensor) => number;
  readonly enabled: Readonly<Record<PassName, boolean>>;
  readonly maxExtraOps: number;
  readonly maxRereadBytes: number;
}

/** @throws PlannerError `BAD_ARGUMENT`, `BAD_ALIGNMENT` */
export function resolveFitOptions(options: FitOptions): ResolvedFitOptions {
  checkOptions(options, FIT_OPTIONS);
  checkSearchLimits(options);
  const { order = true, split = true, recompute = true, maxExtraOps = Infinity, maxRereadBytes = Infinity } = options;
  const { alignment, reuse, runtime, costOf = operationsOf } = options;
  const check = (culprit: string, value: unknown, isValid: boolean, limit: string): void =>
    checkArgument(isValid, culprit, value, limit, 'Correct it, or leave it out.');
  check('order', order, typeof order === 'boolean', 'true or false');
  check('split', split, typeof split === 'boolean', 'true or false');
  check('recompute', recompute, typeof recompute === 'boolean', 'true or false');
  check('maxExtraOps', maxExtraOps, typeof maxExtraOps === 'number' && maxExtraOps >= 0, 'a number of at least 0');
  check('maxRereadBytes', maxRereadBytes, typeof maxRereadBytes === 'number' && maxRereadBytes >= 0, 'at least 0');
  return {
    planning: resolveOptions({ alignment, reuse, runtime }),
    costOf: checkedCost(costOf),
    enabled: { order, split, recompute },
    maxExtraOps,
    maxRereadBytes,
  };
}
