/**
 * The plan of one graph by the offsets of a reservation.
 *
 * Invariant: it is made without work per tensor; what it says of a tensor is looked up when it is asked for.
 */
import type { Graph } from '../graph/graph.js';
import { isKept, isPlanned } from '../graph/table.js';
import { Arena } from '../plan/arena.js';
import type { ArenaMemory } from '../plan/arena-memory.js';
import { locationOf, type PlannedLocation, type PlannedTensor, type PlanLayout } from '../plan/layout.js';
import type { Runtime } from '../runtime/runtime.js';
import { nameOrRules, type RuntimeName } from '../runtime/runtimes.js';
import { requireTensor } from '../tensor/require-tensor.js';
import type { Tensor } from '../tensor/tensor.js';
import { alignUp } from '../units.js';
import type { Reservation } from './reservation.js';

/** What all plans of one reserved arena have in common. */
export interface ReservedArena {
  /** Bytes of each chunk. */
  readonly chunks: readonly number[];
  readonly alignment: number;
  readonly runtime: Runtime;
}

/** Where the tensors of a graph are in an arena that was reserved before. Made by `planner.plan`. */
export class ReservedPlan implements PlanLayout {
  readonly graph: Graph;
  /** Size of each chunk of the arena, bytes: for the largest of the reserved graphs. */
  readonly chunks: readonly number[];
  readonly bufferSize: number;
  readonly alignment: number;
  readonly runtime: RuntimeName | Runtime;
  readonly #reservation: Reservation;
  #tensors: readonly PlannedTensor[] | null = null;

  /** @internal Use `planner.plan`. */
  constructor(graph: Graph, reservation: Reservation, { chunks, alignment, runtime }: ReservedArena) {
    this.graph = graph;
    this.chunks = chunks;
    this.bufferSize = chunks.reduce((sum, size) => sum + size, 0);
    this.alignment = alignment;
    this.runtime = nameOrRules(runtime);
    this.#reservation = reservation;
  }

  get nodeCount(): number {
    return this.graph.nodes.length;
  }

  /** Every storage that has bytes in the arena, by ascending id. O(tensors) the first time. */
  get tensors(): readonly PlannedTensor[] {
    const { tensors, table } = this.graph;
    this.#tensors ??= tensors.flatMap((_, id) => (isPlanned(table.traits[id]) ? [this.#plannedAt(id)] : []));
    return this.#tensors;
  }

  /**
   * The plan of the storage that `tensor` owns or looks into; `undefined` if that storage is not in the arena. O(1).
   *
   * @throws PlannerError `BAD_ARGUMENT`
   */
  find(tensor: Tensor): PlannedTensor | undefined {
    requireTensor(tensor);
    const id = this.graph.idOf(tensor.root);
    return id !== -1 && isPlanned(this.graph.table.traits[id]) ? this.#plannedAt(id) : undefined;
  }

  /** Whether a planned tensor still holds its value when the graph has run. */
  isKept({ id }: PlannedTensor): boolean {
    return isKept(this.graph.table.traits[id]);
  }

  /**
   * Where the first byte of `tensor`, or of a view, is. O(1).
   *
   * @throws PlannerError `NOT_READABLE` if it is in no chunk, `BAD_ARGUMENT`
   */
  locate(tensor: Tensor): PlannedLocation {
    return locationOf(tensor, this.find(tensor));
  }

  /**
   * Memory for the plan: new, or that of the arena of another plan of the same planner, `arena.memory`.
   *
   * @throws PlannerError `OUT_OF_MEMORY`, `BAD_ALIGNMENT`, `BAD_ARGUMENT`; see {@link ArenaMemory}
   */
  allocate(memory?: ArenaMemory): Arena {
    return new Arena(this, memory);
  }

  #plannedAt(id: number): PlannedTensor {
    const { tensors, table, inputs } = this.graph;
    const tensor = tensors[id];
    return {
      id,
      name: tensor.name,
      chunk: this.#reservation.chunkOf(id),
      offset: this.#reservation.offsetOf(id),
      size: alignUp(table.sizes[id], this.alignment),
      start: inputs.has(tensor) ? 0 : Math.max(0, table.steps[id]),
      end: this.#reservation.endOf(id),
    };
  }
}
