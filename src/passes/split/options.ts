/**
 * The options and the result of `splitGraph`.
 */
import { checkArgument, checkOptions, type OptionNames } from '../../errors.js';
import type { Rewritten } from '../../graph/rewritten.js';
import { resolveOptions, type PlanOptions, type ResolvedOptions } from '../../plan/options.js';

/** How far a graph may be split, and what it may cost. */
export interface SplitOptions extends Pick<PlanOptions, 'alignment' | 'reuse' | 'runtime'> {
  /**
   * Bytes that the graph should need at most: the cheapest way there is looked for, and nothing is split that need not be.
   * Default 0: as few as possible.
   */
  readonly budget?: number;
  /**
   * Multiply-adds that may be computed more than once, as a fraction of those of the graph: rows that neighbouring parts of a
   * convolution both need. Default 0.1.
   */
  readonly maxExtraOps?: number;
  /** Bytes of operands that may be read again, such as weights once per part. Default: no limit. */
  readonly maxRereadBytes?: number;
  /**
   * Whether outputs are written straight into memory of the caller: they need no bytes of the plan then. The caller reads
   * the tensors of {@link SplitGraph.graph} that are marked as outputs. Default false.
   */
  readonly streamOutputs?: boolean;
}

const SPLIT_OPTIONS: OptionNames<SplitOptions> = {
  alignment: true,
  reuse: true,
  runtime: true,
  budget: true,
  maxExtraOps: true,
  maxRereadBytes: true,
  streamOutputs: true,
};

/** A graph of which some regions are computed in parts; it computes the same, bit by bit. */
export interface SplitGraph extends Rewritten {
  /** Bytes that it needs: the live load of its plan with the same options. */
  readonly peak: number;
  /** The same for the graph that was given. */
  readonly peakBefore: number;
  /** Regions that are computed in parts. */
  readonly regionCount: number;
  /** Multiply-adds that are computed more than once, as a fraction of those of the given graph. */
  readonly extraOps: number;
  /** Bytes of operands that are read again. */
  readonly rereadBytes: number;
}

export interface ResolvedSplitOptions {
  readonly planning: ResolvedOptions;
  readonly budget: number;
  readonly maxExtraOps: number;
  readonly maxRereadBytes: number;
  readonly streamOutputs: boolean;
}

/** @throws PlannerError `BAD_ARGUMENT`, `BAD_ALIGNMENT` */
export function resolveSplitOptions(options: SplitOptions): ResolvedSplitOptions {
  checkOptions(options, SPLIT_OPTIONS);
  const { alignment, reuse, runtime, budget = 0, maxExtraOps = 0.1, maxRereadBytes = Infinity } = options;
  const { streamOutputs = false } = options;
  const limits = { budget, maxExtraOps, maxRereadBytes };
  for (const [name, value] of Object.entries(limits)) {
    const isFine = typeof value === 'number' && value >= 0;
    checkArgument(isFine, name, value, 'a number of at least 0', 'Leave it out for the default.');
  }
  const isFlag = typeof streamOutputs === 'boolean';
  checkArgument(isFlag, 'streamOutputs', streamOutputs, 'true or false', 'Leave it out for false.');
  return { planning: resolveOptions({ alignment, reuse, runtime }), ...limits, streamOutputs };
}
