/**
 * The solver alone: place buffers, and check a placement. Nothing of tensors or graphs. Exports only.
 *
 * @module tensor-arena/solver
 */
export { ERROR_CODES, PlannerError, type ErrorCode, type ErrorDetails } from '../errors.js';
export { createProblem, type BufferGap, type BufferSpec, type GapTable, type Problem } from '../problem/problem.js';
export { parseProblemCsv, type CsvProblem } from '../problem/csv.js';
export { formatPlacementCsv } from '../problem/csv-writer.js';
export { liveBytesPerStep, liveLoad, type LiveLoad } from '../problem/lower-bound.js';
export { ALLOCATORS, type AllocatorName } from './allocators.js';
export type { Allocator, Placement, PlaceOptions } from './allocator.js';
export { solve, solveAsync } from './search/solve.js';
export type { Certificate, Solution, SolveOptions, SolveProgress } from './search/solution.js';
export type { StopReason } from './budget.js';
export { placeInTiers, type TieredPlacement, type TierOptions } from './tiers.js';
export {
  verifyPlacement,
  type PlacementLike,
  type PlacementLimits,
  type PlacementViolation,
} from '../verify/placement.js';
