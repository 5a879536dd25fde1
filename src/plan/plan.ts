/**
 * Where every tensor goes: the result of planning, as data that prints and as a way to find a tensor's bytes.
 *
 * Invariant: `tensors` holds each storage owner that has bytes in the compute buffer, once, by ascending id; all other
 * tensors with bytes there are views, and are found through their roots.
 */
import type { Graph } from '../graph/graph.js';
import { isPureView } from '../graph/node-kind.js';
import { isKept } from '../graph/table.js';
import { NO_BUFFER } from '../liveness/liveness.js';
import type { Hazard } from '../liveness/hazards.js';
import { requireTensor } from '../tensor/require-tensor.js';
import type { Tensor } from '../tensor/tensor.js';
import { alignUp } from '../units.js';
import { Arena } from './arena.js';
import type { ArenaMemory } from './arena-memory.js';
import { locationOf, type PlannedLocation, type PlannedTensor, type PlanLayout } from './layout.js';
import { hazardsOf, place, type Measurement, type Outcome } from './measure.js';
import { resolveOptions, type PlanOptions } from './options.js';
import type { PoolMeasurement } from './pools.js';

/** Why a tensor has the bytes of another tensor. */
export type ShareReason = 'view' | 'dependency' | 'output' | 'reuse';

/** A tensor that has the bytes of another. */
export interface SharedStorage {
  readonly id: number;
  readonly name: string;
  /** Id of the tensor whose bytes these are. */
  readonly owner: number;
  /**
   * `view`: looks into it; `dependency`: is the same tensor, after something else; `output`: is written straight into
   * it by `setOutput`; `reuse`: overwrites it, as its last reader.
   */
  readonly why: ShareReason;
}

/** A plan as it is written to a file. */
export interface PlanJson {
  readonly allocator: string;
  /** The name of the runtime; left out in the plan of a problem, which nothing runs. */
  readonly runtime?: string;
  readonly alignment: number;
  readonly bufferSize: number;
  readonly lowerBound: number;
  readonly optimal: boolean;
  readonly chunks: readonly number[];
  /** The memories that the plan was made for, whose chunks make up `chunks`; left out for one memory. */
  readonly pools?: readonly PoolJson[];
  readonly tensors: readonly PlannedTensor[];
}

/** One of several memories, as a plan file has it; `maxChunkSize` is left out where there is no limit. */
export type PoolJson = Omit<PoolMeasurement, 'maxChunkSize' | 'isOptimal' | 'bufferCount'> & {
  readonly maxChunkSize?: number;
  readonly optimal: boolean;
};

/** The plan of one graph. */
export class Plan implements Measurement, PlanLayout {
  readonly graph: Graph;
  readonly bufferSize: number;
  readonly chunks: readonly number[];
  readonly lowerBound: number;
  readonly isOptimal: boolean;
  readonly allocator: Measurement['allocator'];
  readonly reuse: Measurement['reuse'];
  readonly runtime: Measurement['runtime'];
  readonly alignment: number;
  readonly pools: Measurement['pools'];
  readonly bufferCount: number;
  readonly nodeCount: number;
  readonly tensors: readonly PlannedTensor[];
  readonly shares: readonly SharedStorage[];
  /** Orders that the graph relies on without stating them; see `findHazards`. */
  readonly hazards: readonly Hazard[];
  readonly #byTensor: ReadonlyMap<Tensor, PlannedTensor>;
  /** Storages that still hold their values at the end, by the outputs at the time of planning. */
  readonly #kept: ReadonlySet<PlannedTensor>;

  /** @internal Use {@link planGraph}. */
  constructor(graph: Graph, outcome: Outcome) {
    const { measurement } = outcome;
    this.graph = graph;
    this.bufferSize = measurement.bufferSize;
    this.chunks = measurement.chunks;
    this.lowerBound = measurement.lowerBound;
    this.isOptimal = measurement.isOptimal;
    this.allocator = measurement.allocator;
    this.reuse = measurement.reuse;
    this.runtime = measurement.runtime;
    this.alignment = measurement.alignment;
    this.pools = measurement.pools;
    this.bufferCount = measurement.bufferCount;
    this.nodeCount = measurement.nodeCount;
    this.hazards = hazardsOf(graph);
    this.tensors = plannedTensors(graph, outcome);
    this.shares = sharesOf(graph, outcome);
    this.#byTensor = new Map(this.tensors.map((planned) => [graph.tensors[planned.id], planned]));
    this.#kept = new Set(this.tensors.filter(({ id }) => isKept(graph.table.traits[id])));
  }

  /**
   * The plan of the storage that `tensor` owns or looks into; `undefined` if that storage is not in the compute buffer.
   *
   * @throws PlannerError `BAD_ARGUMENT`
   */
  find(tensor: Tensor): PlannedTensor | undefined {
    requireTensor(tensor);
    return this.#byTensor.get(tensor.root);
  }

  /** Whether a planned tensor still holds its value when the graph has run. */
  isKept(planned: PlannedTensor): boolean {
    return this.#kept.has(planned);
  }

  /**
   * Where the first byte of `tensor`, or of a view, is.
   *
   * @throws PlannerError `NOT_READABLE` if it is in no chunk, `BAD_ARGUMENT`
   */
  locate(tensor: Tensor): PlannedLocation {
    return locationOf(tensor, this.find(tensor));
  }

  /**
   * Real memory for the plan, chunk by chunk.
   *
   * @throws PlannerError `OUT_OF_MEMORY`, `BAD_ALIGNMENT`, `BAD_ARGUMENT`; see {@link ArenaMemory}
   */
  allocate(memory?: ArenaMemory): Arena {
    return new Arena(this, memory);
  }

  /** The plan as plain data, as the command line writes it. */
  toJSON(): PlanJson {
    const { allocator, alignment, bufferSize, lowerBound, isOptimal: optimal, chunks, tensors } = this;
    const runtime = typeof this.runtime === 'string' ? this.runtime : this.runtime.name;
    const pools = this.pools === null ? {} : { pools: this.pools.map(poolToJson) };
    return { allocator, runtime, alignment, bufferSize, lowerBound, optimal, chunks, ...pools, tensors };
  }
}

/**
 * Plans where every tensor of `graph` goes. Complexity and errors as {@link measureGraph}.
 *
 * @example
 * ```ts
 * import { Context, Graph, planGraph } from 'tensor-arena';
 * const ctx = Context.deferred();
 * const x = ctx.setInput(ctx.newTensor('f32', [1024], 'x'));
 * const y = ctx.setOutput(ctx.relu(x));
 * const plan = planGraph(Graph.forward(y));
 * console.log(plan.locate(y), plan.shares); // y reuses the bytes of x: { chunk: 0, offset: 0 }
 * ```
 */
export function planGraph(graph: Graph, options?: PlanOptions): Plan {
  return new Plan(graph, place(graph, resolveOptions(options)));
}

function poolToJson(pool: PoolMeasurement): PoolJson {
  const { name, alignment, maxChunkSize, bufferSize, lowerBound, isOptimal: optimal, firstChunk, chunks } = pool;
  const limit = maxChunkSize === Infinity ? {} : { maxChunkSize };
  return { name, alignment, ...limit, bufferSize, lowerBound, optimal, firstChunk, chunks };
}

function plannedTensors(graph: Graph, { liveness, placement, measurement }: Outcome): PlannedTensor[] {
  const { bufferOf, storageEnds, problem } = liveness;
  const { sizes, steps } = graph.table;
  const planned: PlannedTensor[] = [];
  graph.tensors.forEach((tensor, id) => {
    const buffer = bufferOf[id];
    const isPlaced = buffer !== NO_BUFFER;
    if (!isPlaced && (tensor.isView || tensor.memory !== 'deferred')) return;
    planned.push({
      id,
      name: tensor.name,
      chunk: isPlaced ? placement.chunkOf[buffer] : 0,
      offset: isPlaced ? placement.offsets[buffer] : 0,
      size: alignUp(sizes[id], isPlaced ? problem.alignments[buffer] : measurement.alignment),
      start: graph.inputs.has(tensor) ? 0 : Math.max(0, steps[id]),
      end: storageEnds[id],
    });
  });
  return planned;
}

function sharesOf(graph: Graph, { liveness }: Outcome): SharedStorage[] {
  const { tensors, table } = graph;
  const shares: SharedStorage[] = [];
  tensors.forEach((tensor, id) => {
    const share = (other: number, why: ShareReason): void => {
      shares.push({ id, name: tensor.name, owner: other, why });
    };
    const reused = liveness.reused[id];
    if (reused !== NO_BUFFER) share(reused, 'reuse');
    else if (tensor.isView) share(table.roots[id], viewReason(tensor));
  });
  return shares;
}

function viewReason(tensor: Tensor): ShareReason {
  if (tensor.destination !== null) return 'output';
  if (!isPureView(tensor)) return 'reuse';
  return tensor.sources.length > 1 ? 'dependency' : 'view';
}
