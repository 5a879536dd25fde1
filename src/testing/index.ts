/**
 * The public names of `tensor-arena/testing`. Exports only.
 *
 * @module tensor-arena/testing
 */
export { arbitraryGraph, describeGraph, type ArbitraryGraphOptions } from './arbitrary-graph.js';
export {
  arbitraryLimitedProblem,
  arbitraryProblem,
  type ArbitraryProblemOptions,
  type LimitedProblem,
} from './arbitrary-problem.js';
export { assertPlanCorrect, type PlanCheckOptions } from './assert-plan-correct.js';
export { compareExecutions, compareScheduled, type ExecutionDifference } from './compare-executions.js';
