/**
 * The size of a graph's compute buffer: the whole pipeline, without an object per tensor.
 */
import { ALLOCATORS } from '../solver/allocators.js';
import { placementSize, type Placement } from '../solver/allocator.js';
import { named, PlannerError, subject } from '../errors.js';
import { checkGraph, type Graph } from '../graph/graph.js';
import { checkPoolOfEach } from '../graph/pools.js';
import { isPlanned, type GraphTable } from '../graph/table.js';
import { mayConflict } from '../liveness/conflicts.js';
import { findHazards, type Hazard } from '../liveness/hazards.js';
import { groupsOf, type FusedGroups } from '../liveness/groups.js';
import { analyzeLiveness, type ReuseMode, type Liveness } from '../liveness/liveness.js';
import { liveLoad } from '../problem/lower-bound.js';
import type { Runtime } from '../runtime/runtime.js';
import { nameOrRules, type RuntimeName } from '../runtime/runtimes.js';
import { placeWith } from './allocator-choice.js';
import { placeInPools, type PoolMeasurement } from './pools.js';
import { improveReuse, type PlacedChoice } from './reuse-choice.js';
import { resolveOptions, type PlanOptions, type ResolvedOptions } from './options.js';

/** What a compute buffer needs. All sizes in bytes. */
export interface Measurement {
  /** The compute buffer: the sum of all chunks. */
  readonly bufferSize: number;
  /** The size of each chunk; one unless `maxChunkSize` asks for more. */
  readonly chunks: readonly number[];
  /** Bytes that no placement with this order and these reuses can go below. */
  readonly lowerBound: number;
  /** Whether `bufferSize` is proven minimal for this order and these reuses. */
  readonly isOptimal: boolean;
  /** The name of the allocator: one that the library has, or of your own. */
  readonly allocator: string;
  readonly reuse: ReuseMode;
  /** What runs the graph: the name of a runtime that the library knows, or rules of your own. */
  readonly runtime: RuntimeName | Runtime;
  /** Bytes; the largest one of several pools. */
  readonly alignment: number;
  /** What each pool needs, where the plan was made for several: the chunks of all of them make up `chunks`. */
  readonly pools: readonly PoolMeasurement[] | null;
  /** Storages that share the buffer; storages that reuse one another count as one. */
  readonly bufferCount: number;
  readonly nodeCount: number;
}

/** A measurement, with the liveness and the placement that led to it. */
export interface Outcome {
  readonly measurement: Measurement;
  readonly liveness: Liveness;
  readonly placement: Placement;
}

/**
 * The size of the compute buffer that `graph` needs.
 *
 * Linear in the graph for the default allocator unless a placement is hard; no object per tensor is made.
 *
 * @throws PlannerError `BAD_ARGUMENT`, `BAD_ALIGNMENT` for options; `BYTES_TOO_LARGE`; `HAZARD` if a node needs a value
 * that another node has destroyed by then (not with the allocator `ggml`, which takes the order as it is, as ggml
 * does); `OVERSIZE` if one tensor exceeds `maxChunkSize` (not with `allowOversize`, nor with `ggml`, which opens a
 * larger chunk)
 * @example
 * ```ts
 * import { Context, Graph, measureGraph } from 'tensor-arena';
 * const ctx = Context.deferred();
 * const x = ctx.setInput(ctx.newTensor('f32', [1024]));
 * const y = ctx.setOutput(ctx.relu(x));
 * console.log(measureGraph(Graph.forward(y)).bufferSize); // 4096
 * ```
 */
export function measureGraph(graph: Graph, options?: PlanOptions): Measurement {
  return place(graph, resolveOptions(options)).measurement;
}

/** Runs the pipeline once. */
export function place(graph: Graph, options: ResolvedOptions): Outcome {
  checkGraph(graph);
  const { table } = graph;
  if (options.pools !== null) checkPoolOfEach(options.pools, table.tensorCount);
  rejectUnplannable(graph, options);
  const asked = { ...options, pools: options.target?.poolsOf?.(graph, options.reuse) ?? options.pools };
  const { liveness, placement, pools } = placeTable(table, groupsOf(graph, options.runtime), asked);
  const { problem } = liveness;
  const bufferSize = placementSize(placement);
  const lowerBound = placement.lowerBound ?? liveLoad(problem).bytes;
  const measurement: Measurement = {
    bufferSize,
    chunks: placement.chunks,
    lowerBound,
    isOptimal: bufferSize === lowerBound,
    allocator: options.allocator.name,
    reuse: options.reuse,
    runtime: nameOrRules(options.runtime),
    alignment: options.alignment,
    pools,
    bufferCount: problem.bufferCount,
    nodeCount: table.nodes.length,
  };
  return { measurement, liveness, placement };
}

/** Live ranges and a placement, with the best choice of reuses that is found. */
export function placeTable(
  table: GraphTable,
  groups: FusedGroups | null,
  options: ResolvedOptions,
): PlacedChoice & Pick<Measurement, 'pools'> {
  const { allocator, alignment, reuse, maxChunkSize, allowOversize, pools } = options;
  const smallest = allocator.placesEmptyBuffers === true ? 0 : 1;
  const liveness = analyzeLiveness(table, reuse, pools ?? alignment, groups, undefined, smallest);
  if (pools !== null) return { liveness, ...placeInPools(table, liveness, pools, allocator, allowOversize) };
  const limits = { maxChunkSize, allowOversize };
  const first = { liveness, placement: placeWith(allocator, liveness.problem, limits) };
  const mayChoose = allocator === ALLOCATORS.auto && reuse === 'full';
  return { ...(mayChoose ? improveReuse(table, alignment, limits, groups, first) : first), pools: null };
}

/** @throws PlannerError `HAZARD`, `OVERSIZE` as {@link measureGraph} */
export function rejectUnplannable(graph: Graph, options: ResolvedOptions): void {
  const { tensors, table } = graph;
  options.target?.check(graph);
  if (options.allocator !== ALLOCATORS.ggml && mayConflict(tensors, table)) rejectConflicts(hazardsOf(graph));
  if (options.maxChunkSize !== Infinity) rejectOversize(graph, options);
}

const hazardsOfTable = new WeakMap<GraphTable, readonly Hazard[]>();

/** The hazards of a graph, found once: they depend on the graph alone. */
export function hazardsOf(graph: Graph): readonly Hazard[] {
  let hazards = hazardsOfTable.get(graph.table);
  if (hazards === undefined) {
    hazards = findHazards(graph);
    hazardsOfTable.set(graph.table, hazards);
  }
  return hazards;
}

function rejectConflicts(hazards: readonly Hazard[]): void {
  const conflict = hazards.find(({ kind }) => kind === 'conflict');
  if (conflict === undefined) return;
  const { writer, other, tensor, missing } = conflict;
  const isItself = writer === other;
  throw new PlannerError('HAZARD', {
    message: isItself
      ? `${subject(other.label)} overwrites its operand ${named(tensor.label)} before it has read all of it.`
      : `${subject(other.label)} needs ${named(tensor.label)}, which ${named(writer.label)} overwrites before ${named(other.label)} runs.`,
    culprit: other.label,
    value: isItself ? `overwriting ${tensor.label}` : `run after ${writer.label}, which overwrites ${tensor.label}`,
    limit: isItself ? 'done with its operand before it overwrites it' : 'run before its operand is overwritten',
    remedy: isItself ? `Give it ${missing}.` : `Read the result of ${writer.label}, or let it work on a copy.`,
  });
}

function rejectOversize({ table, tensors }: Graph, { allocator, maxChunkSize, allowOversize }: ResolvedOptions): void {
  if (allowOversize || allocator === ALLOCATORS.ggml) return;
  for (let id = 0; id < table.tensorCount; id++) {
    if (table.sizes[id] <= maxChunkSize || !isPlanned(table.traits[id])) continue;
    const culprit = tensors[id].label;
    throw new PlannerError('OVERSIZE', {
      message: `${subject(culprit)} takes ${table.sizes[id]} bytes, but a chunk may have at most ${maxChunkSize}.`,
      culprit,
      value: table.sizes[id],
      limit: `at most ${maxChunkSize} bytes, the maxChunkSize`,
      remedy: 'Raise `maxChunkSize`; from code, `allowOversize` gives it a chunk of its own size.',
    });
  }
}
