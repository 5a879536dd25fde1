/**
 * Whether two graphs have one structure: all that a plan rests on but the bytes of each tensor.
 *
 * Invariant: of two graphs with one structure, tensors of the same id are written, read and kept at the same steps.
 */
import { named, subject } from '../errors.js';
import type { Graph } from '../graph/graph.js';
import type { GraphTable } from '../graph/table.js';
import type { FusedGroups } from '../liveness/groups.js';

/** A graph as far as plans depend on it. */
export interface Structure {
  readonly graph: Graph;
  readonly table: GraphTable;
  /** The groups of nodes that the runtime computes at once; null if there are none. */
  readonly groups: FusedGroups | null;
}

/** How `other` differs in structure, as a sentence; null if it does not. O(tensors + sources). */
export function structuralDifference(one: Structure, other: Structure): string | null {
  const [a, b] = [one.table, other.table];
  if (a.nodes.length !== b.nodes.length || a.tensorCount !== b.tensorCount) {
    return `The graph has ${countOf(b)}, but ${countOf(a)} are reserved.`;
  }
  const tensor = firstOf(
    unequal(a.sourceFirst.subarray(1), b.sourceFirst.subarray(1)),
    ownerOf(a, unequal(a.sources, b.sources)),
    unequal(a.roots, b.roots),
    unequal(a.destinations, b.destinations),
  );
  if (tensor !== Infinity) return `${subjectOf(other, tensor)} has other operands than ${namedIn(one, tensor)}.`;
  const step = unequal(a.nodes, b.nodes);
  if (step !== Infinity) return `${subjectOf(other, b.nodes[step])} runs in another place of the order.`;
  const marked = unequal(a.traits, b.traits);
  if (marked !== Infinity) return `${subjectOf(other, marked)} is in other memory, or marked in another way.`;
  return unequal(a.outputs, b.outputs) === Infinity ? null : 'Other tensors are outputs.';
}

const countOf = ({ nodes, leafs }: GraphTable): string => `${nodes.length} nodes and ${leafs.length} leafs`;
const labelOf = ({ graph }: Structure, id: number): string => graph.tensors[id].label;
const namedIn = (structure: Structure, id: number): string => named(labelOf(structure, id));
const subjectOf = (structure: Structure, id: number): string => subject(labelOf(structure, id));
const firstOf = (...indices: readonly number[]): number => Math.min(...indices);

/** The tensor whose sources have the entry. */
function ownerOf({ sourceFirst }: GraphTable, entry: number): number {
  if (entry === Infinity) return Infinity;
  let id = 0;
  while (sourceFirst[id + 1] <= entry) id++;
  return id;
}

type Column = Int32Array | Uint8Array;

/** The first index at which two columns differ; Infinity without one. */
function unequal(a: Column, b: Column): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return i;
  return a.length === b.length ? Infinity : length;
}
