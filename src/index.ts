/**
 * The public names of `tensor-arena`. Exports only.
 *
 * @module tensor-arena
 */
export { ERROR_CODES, PlannerError, type ErrorCode, type ErrorDetails } from './errors.js';
export {
  ELEMENT_TYPES,
  elementType,
  type ElementType,
  type ElementTypeName,
  type GgmlTypeName,
} from './tensor/element-type.js';
export type { PlainTypeName } from './tensor/plain-types.js';
export { byteLength, contiguousStrides, elementCount, isContiguous, rowSize } from './tensor/public-layout.js';
export type { Layout, Dims4 } from './tensor/layout.js';
export type { Operation, OperationFamily } from './tensor/operation.js';
export type { Cut, CutNode, CutRule, Slice } from './tensor/slice.js';
export type { ReuseRule, MemoryKind, OperationParams, OperationParam, Tensor } from './tensor/tensor.js';
export type { ElementOf, TensorElements } from './tensor/elements.js';
export type { TensorData, TypedArrayOf } from './tensor/typed-array.js';
export { Context } from './dialects/ggml/context.js';
export { Graph } from './graph/graph.js';
export type { Pool, Pools } from './graph/pools.js';
export type { MemoryRange } from './tensor/immediate-memory.js';
export { graphToJson, type GraphJson, type GraphPoolJson, type TensorJson } from './json/write.js';
export { graphFromJson } from './json/read.js';
export type { FusedNode, FusionRule, ReadOrder, Runtime } from './runtime/runtime.js';
export { RUNTIMES, type RuntimeName } from './runtime/runtimes.js';
export { createProblem, type BufferGap, type BufferSpec, type GapTable, type Problem } from './problem/problem.js';
export { parseProblemCsv, type CsvProblem } from './problem/csv.js';
export { formatPlacementCsv } from './problem/csv-writer.js';
export { liveBytesPerStep, liveLoad, type LiveLoad } from './problem/lower-bound.js';
export { findHazards, type Hazard } from './liveness/hazards.js';
export type { ReuseMode } from './liveness/liveness.js';
export { ALLOCATORS, type AllocatorName } from './solver/allocators.js';
export type { Allocator, Placement, PlaceOptions } from './solver/allocator.js';
export { solve, solveAsync } from './solver/search/solve.js';
export type { Certificate, Solution, SolveOptions, SolveProgress } from './solver/search/solution.js';
export type { StopReason } from './solver/budget.js';
export { measureGraph, type Measurement } from './plan/measure.js';
export type { PlanOptions, Target } from './plan/options.js';
export { planGraph, Plan, type PlanJson, type PoolJson, type SharedStorage, type ShareReason } from './plan/plan.js';
export { planFromJson, type StoredPlan } from './plan/stored-plan.js';
export type { PlanLayout, PlannedLocation, PlannedTensor } from './plan/layout.js';
export type { Arena } from './plan/arena.js';
export type { ArenaMemory, ChunkMemory, GrowableMemory } from './plan/arena-memory.js';
export type { Box, Dims } from './planner/box.js';
export { Planner, type PlannerOptions, type ReserveOptions } from './planner/planner.js';
export type { GivenTensor } from './planner/sequence.js';
export type { ReservedPlan } from './planner/reserved-plan.js';
export {
  planFamily,
  type BuildGraph,
  type Family,
  type FamilyCost,
  type FamilyOptions,
  type Uncovered,
} from './planner/family.js';
export { replayPlan } from './verify/replay.js';
export type { ReplayOptions } from './verify/replay-options.js';
export type { ReplayViolation } from './verify/replay-violation.js';
export { verifyPlan, type CheckLimits } from './verify/verify-plan.js';
export type { PlanEntry, PlanLike, PlanPool } from './verify/plan-like.js';
export type { PlanViolation } from './verify/plan-violation.js';
export {
  verifyPlacement,
  type PlacementLike,
  type PlacementLimits,
  type PlacementViolation,
} from './verify/placement.js';
