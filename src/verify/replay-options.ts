/**
 * What a replay is told besides a graph and a plan.
 */
import type { OptionNames } from '../errors.js';
import type { Pools } from '../graph/pools.js';
import type { Runtime } from '../runtime/runtime.js';
import type { RuntimeName } from '../runtime/runtimes.js';
import type { Copy } from '../schedule/schedule.js';

/** The options of a replay. */
export interface ReplayOptions {
  /**
   * `program`: nodes run in the order of the graph. `stated`: nodes run in any order that sources, destinations and
   * dependencies allow, and a graph that relies on a certain one has violations. Default `program`.
   */
  readonly order?: 'program' | 'stated';
  /**
   * The copies between devices, as `scheduleGraph` returns them: each reads what it copies at its step, and nobody may read
   * it before. Default: none; the values of nodes without an operation come from outside then.
   */
  readonly copies?: readonly Copy[];
  /** The pools that the plan was to be made for: each storage must lie in its own. Default: not checked. */
  readonly pools?: Pools;
  /** The runtime that runs the graph, in place of the plan's. Default: the plan's. */
  readonly runtime?: RuntimeName | Runtime;
  /** Violations that are reported at most: the first to be found. Default 10,000. */
  readonly maxViolations?: number;
}

export const REPLAY_OPTIONS: OptionNames<ReplayOptions> = {
  order: true,
  copies: true,
  pools: true,
  runtime: true,
  maxViolations: true,
};
