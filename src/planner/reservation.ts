/**
 * Bytes kept for all graphs of one structure: a slot for each tensor, and where it lies.
 *
 *     graph     tensors            slots
 *     512 rows  ████████ ████      ████████ ████     Each slot has the largest size that any of the graphs has. A node
 *     1 row     ██       ██████             ██████   reuses an operand only if it may in all of the graphs.
 *
 * Invariant: a graph whose tensors fit their slots, and whose nodes may reuse what the reservation reuses, is planned
 * right by these offsets: its bytes are some of those that the placement kept apart.
 */
import { named, subject } from '../errors.js';
import { checkGraph, type Graph } from '../graph/graph.js';
import { isPlanned, type GraphTable } from '../graph/table.js';
import { groupsOf } from '../liveness/groups.js';
import { NO_BUFFER, type Liveness } from '../liveness/liveness.js';
import { rejectUnplannable } from '../plan/measure.js';
import type { ResolvedOptions } from '../plan/options.js';
import { firstNewGroup, mergeGroups } from './reserved-groups.js';
import { structuralDifference, type Structure } from './structure.js';

/** Two graphs of one structure as one: each tensor at its largest, reuses that both allow. */
export function merge(one: Structure, other: Structure): Structure {
  const { sizes, reusable } = one.table;
  const table: GraphTable = {
    ...one.table,
    sizes: sizes.map((size, id) => Math.max(size, other.table.sizes[id])),
    reusable: reusable.map((rules, entry) => commonRules(rules, other.table.reusable[entry])),
  };
  return { ...one, table, groups: mergeGroups(one.groups, other.groups) };
}

/** The rules that allow a reuse in both of two graphs. */
// eslint-disable-next-line no-bitwise -- flags
const commonRules = (a: number, b: number): number => a & b;

/** Graphs as one for each structure among them. */
export function mergeAlike(structures: readonly Structure[]): readonly Structure[] {
  const merged: Structure[] = [];
  for (const structure of structures) {
    const at = merged.findIndex((each) => structuralDifference(each, structure) === null);
    if (at === -1) merged.push(structure);
    else merged[at] = merge(merged[at], structure);
  }
  return merged;
}

/** The structure of a graph that can be planned. @throws PlannerError `BAD_ARGUMENT`; `HAZARD`, `OVERSIZE` as `planGraph` */
export function structureOf(graph: Graph, options: ResolvedOptions): Structure {
  checkGraph(graph);
  rejectUnplannable(graph, options);
  return { graph, table: graph.table, groups: groupsOf(graph, options.runtime) };
}

/** Where the tensors of one structure lie. */
export class Reservation {
  readonly structure: Structure;
  readonly #liveness: Liveness;
  readonly #chunks: Int32Array;
  readonly #offsets: Float64Array;
  /** Most bytes that each tensor may take. */
  readonly #limits: ArrayLike<number>;
  /** Entries of `sources` through which a node reuses an operand. */
  readonly #reusedEntries: Int32Array;

  /**
   * @param chunkOf chunk of each buffer of `liveness`, and `offsets` its place there, bytes
   * @param limits most bytes that each tensor may take. Default: what it takes in `structure`
   */
  constructor(
    structure: Structure,
    liveness: Liveness,
    chunkOf: ArrayLike<number>,
    offsets: ArrayLike<number>,
    limits: ArrayLike<number> = structure.table.sizes,
  ) {
    const { bufferOf } = liveness;
    this.structure = structure;
    this.#liveness = liveness;
    this.#limits = limits;
    this.#chunks = Int32Array.from(bufferOf, (buffer) => (buffer === NO_BUFFER ? 0 : chunkOf[buffer]));
    this.#offsets = Float64Array.from(bufferOf, (buffer) => (buffer === NO_BUFFER ? 0 : offsets[buffer]));
    this.#reusedEntries = reusedEntries(structure.table, liveness.reused);
  }

  hasStructureOf(other: Structure): boolean {
    return structuralDifference(this.structure, other) === null;
  }

  /** Why a graph cannot have these offsets, as a sentence; null if it can. O(tensors + sources). */
  misfit(other: Structure): string | null {
    return (
      structuralDifference(this.structure, other) ??
      this.#excess(other) ??
      this.#newGroup(other) ??
      this.#lostReuse(other)
    );
  }

  #excess({ table, graph }: Structure): string | null {
    const limits = this.#limits;
    for (let id = 0; id < limits.length; id++) {
      if (table.sizes[id] <= limits[id] || !isPlanned(table.traits[id])) continue;
      return `${subject(graph.tensors[id].label)} takes ${table.sizes[id]} bytes, but ${limits[id]} are reserved.`;
    }
    return null;
  }

  #newGroup({ table, groups, graph }: Structure): string | null {
    const step = firstNewGroup(this.structure.groups, groups);
    if (step === null) return null;
    return `The runtime computes ${named(graph.tensors[table.nodes[step]].label)} at once with what comes before, which is not reserved.`;
  }

  #lostReuse({ table, groups, graph }: Structure): string | null {
    const { reusable, sources } = this.structure.table;
    for (const entry of this.#reusedEntries) {
      const isAllowed = commonRules(reusable[entry], table.reusable[entry]) === reusable[entry];
      if (isAllowed && groups?.refused?.[entry] !== 1) continue;
      return `A result lies over ${named(graph.tensors[sources[entry]].label)} in the reservation, which these shapes do not allow.`;
    }
    return null;
  }

  chunkOf(id: number): number {
    return this.#chunks[id];
  }

  offsetOf(id: number): number {
    return this.#offsets[id];
  }

  /** One past the last step at which the storage of `id` is needed. */
  endOf(id: number): number {
    return this.#liveness.storageEnds[id];
  }
}

function reusedEntries({ sourceFirst, sources, roots, reusable }: GraphTable, reused: Int32Array): Int32Array {
  const entries: number[] = [];
  reused.forEach((root, id) => {
    if (root === NO_BUFFER) return;
    for (let entry = sourceFirst[id]; entry < sourceFirst[id + 1]; entry++) {
      if (roots[sources[entry]] === root && reusable[entry] > 0) entries.push(entry);
    }
  });
  return Int32Array.from(entries);
}
