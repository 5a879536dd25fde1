/**
 * The options and the result of `orderGraph`.
 */
import { checkChoice, checkOptions, type OptionNames } from '../../errors.js';
import type { Rewritten } from '../../graph/rewritten.js';
import { resolveOptions, type PlanOptions, type ResolvedOptions } from '../../plan/options.js';
import { checkSearchLimits, type StopReason } from '../../solver/budget.js';

/** What an order is judged by, and what the search for it may spend. */
export interface OrderOptions extends Pick<PlanOptions, 'alignment' | 'reuse' | 'runtime'> {
  /**
   * What the order is to make small: `load` is the live load of its plan, which no placement can go below; `size` is the
   * buffer that `measureGraph` makes of it, which takes a placement for each order that is looked at. Default `load`.
   */
  readonly minimise?: 'load' | 'size';
  /**
   * Most effort that the search may spend, the one limit that is the same on every machine. A unit is one set of nodes that
   * have run, or 64 nodes looked at for it. Default 200,000: a few seconds at most.
   */
  readonly maxEffort?: number;
  /** Milliseconds. Default: no limit; with one, the result depends on the machine. */
  readonly timeLimitMs?: number;
  /**
   * An `AbortSignal` that ends the search with the best order so far. Only `onProgress` can abort `orderGraph`, which is
   * synchronous; `orderGraphAsync` also lets other code abort it.
   */
  readonly signal?: { readonly aborted: boolean };
  /** Called every 256 units of effort. */
  readonly onProgress?: (progress: OrderProgress) => void;
}

const ORDER_OPTIONS: OptionNames<OrderOptions> = {
  alignment: true,
  reuse: true,
  runtime: true,
  minimise: true,
  maxEffort: true,
  timeLimitMs: true,
  signal: true,
  onProgress: true,
};

/** How far a search for an order has come. */
export interface OrderProgress {
  /** Bytes: the live load of the best order so far, with nodes computed one by one. */
  readonly peak: number;
  /** Bytes that no order can go below. */
  readonly bound: number;
  /** Effort spent so far, in the unit of `maxEffort`. */
  readonly effort: number;
}

/** A graph in another order, which computes the same. */
export interface OrderedGraph extends Rewritten {
  /**
   * Bytes that the order needs: the live load of its plan with the same options, or the size of its buffer if that was to be
   * small.
   */
  readonly peak: number;
  /** The same for the order that was given. */
  readonly peakBefore: number;
  /** Bytes that no order of the graph can go below, whatever the placement. */
  readonly bound: number;
  /** Whether `peak` is proven to be the least: whether it equals `bound`. */
  readonly isOptimal: boolean;
  /** Effort spent, in the unit of `maxEffort`. */
  readonly effort: number;
  /** What ended the search. */
  readonly stopped: StopReason;
}

export const DEFAULT_MAX_EFFORT = 200_000;

/** @throws PlannerError `BAD_ARGUMENT`, `BAD_ALIGNMENT` */
export function resolveOrderOptions(options: OrderOptions): {
  readonly planning: ResolvedOptions;
  readonly minimise: 'load' | 'size';
} {
  checkOptions(options, ORDER_OPTIONS);
  checkSearchLimits(options);
  const { alignment, reuse, runtime, minimise = 'load' } = options;
  checkChoice('minimise', minimise, ['load', 'size']);
  return { planning: resolveOptions({ alignment, reuse, runtime }), minimise };
}
