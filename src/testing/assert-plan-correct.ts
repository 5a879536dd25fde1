/**
 * All checks of a plan at once, for users' own tests.
 */
import { checkOptions, type OptionNames } from '../errors.js';
import type { Graph } from '../graph/graph.js';
import { replayPlan } from '../verify/replay.js';
import { verifyPlan, type CheckLimits } from '../verify/verify-plan.js';
import type { PlanLike } from '../verify/plan-like.js';
import { whyNotExecutable } from '../exec/reference/execute.js';
import { checkSeed } from '../exec/reference/fill.js';
import { compareExecutions } from './compare-executions.js';

/** How a plan is checked. */
export interface PlanCheckOptions extends CheckLimits {
  /** Seed of the values that the graph is run with. Default 1. */
  readonly seed?: number;
}

const PLAN_CHECK_OPTIONS: OptionNames<PlanCheckOptions> = {
  seed: true,
  alignment: true,
  maxChunkSize: true,
  pools: true,
  allowOversize: true,
  runtime: true,
  maxViolations: true,
};

/** More than this many lines say nothing new. */
const PRINTED_VIOLATIONS = 10;

/**
 * Throws unless `plan` is right for `graph`: by its geometry (`verifyPlan`), by replay (`replayPlan`), and by running the
 * graph in the arena and in separate memory, where the reference executor can run it (see `whyNotExecutable`): node by node,
 * and with all nodes computed at once that the plan's runtime may compute so.
 *
 * @throws Error with one line per violation; PlannerError `BAD_ARGUMENT` where indices that the graph computes name rows that are not there
 */
export function assertPlanCorrect(graph: Graph, plan: PlanLike, options: PlanCheckOptions = {}): void {
  checkOptions(options, PLAN_CHECK_OPTIONS);
  const { seed = 1, ...limits } = options;
  checkSeed(seed);
  const { runtime } = limits;
  const lines = [
    ...verifyPlan(graph, plan, limits).map(({ message }) => `geometry: ${message}`),
    ...replayPlan(graph, plan, runtime === undefined ? {} : { runtime }).map(({ message }) => `replay: ${message}`),
  ];
  // A plan without a place for every tensor cannot be run at all; geometry has said so.
  if (lines.length === 0 && whyNotExecutable(graph) === null) {
    lines.push(...compareExecutions(graph, plan, seed, runtime).map(({ message }) => `execution: ${message}`));
  }
  if (lines.length === 0) return;
  const more = lines.length > PRINTED_VIOLATIONS ? [`and ${lines.length - PRINTED_VIOLATIONS} more`] : [];
  throw new Error(['The plan is wrong.', ...lines.slice(0, PRINTED_VIOLATIONS), ...more].join('\n  '));
}
