/**
 * Orders that a graph relies on without stating them: a node overwrites bytes that another node reads or writes, and no
 * path of operands puts one before the other.
 *
 *     set_rows(cache, k) ──writes──▶ ┌───────┐
 *                                    │ cache │   no path from the write to the read: only the order of the program
 *     mul_mat(view(cache), q) ◀reads─┘───────┘   says which comes first. dependency(view(cache), set_rows) would.
 *
 * Invariant: a pair without a report is ordered by sources, destinations and dependencies alone.
 */
import { checkGraph, type Graph } from '../graph/graph.js';
import { isPureView } from '../graph/node-kind.js';
import { sameLayout } from '../tensor/layout.js';
import type { Tensor } from '../tensor/tensor.js';
import { Paths } from './paths.js';
import { overlapOf, regionOf, type Overlap, type Region } from './regions.js';
import { Touches } from './touches.js';

/**
 * Two nodes that touch the same bytes, at least one of them writing; or one node that overwrites an operand that it
 * still reads.
 */
export interface Hazard {
  /**
   * `conflict`: the reader needs a computed value that the writer has destroyed by then. `unordered`: only the order of
   * the program decides the result; no path of operands states that order.
   */
  readonly kind: 'conflict' | 'unordered';
  /** The node that overwrites. */
  readonly writer: Tensor;
  /**
   * The node that reads or overwrites the same bytes; `writer` itself if it overwrites its own operand, and an output
   * itself if it is lost before it can be read from outside.
   */
  readonly other: Tensor;
  /** Whether `other` runs before `writer` in the graph's order. */
  readonly otherRunsFirst: boolean;
  /** The tensor that both nodes read or overwrite. */
  readonly tensor: Tensor;
  /** The call that would order the two. */
  readonly missing: string;
}

/** A node that reads or writes bytes of a storage that some node overwrites. */
interface Access {
  readonly step: number;
  /** Id of the storage's root. */
  readonly storage: number;
  readonly nodeId: number;
  readonly isWrite: boolean;
  /** Bytes of the operand that is read, or of the node itself where it writes. */
  readonly region: Region;
  /**
   * Id of the operand that is read: for a write, the operand that it overwrites, if the result depends on the old
   * value; else -1.
   */
  readonly readId: number;
}

/** Two accesses to the same bytes, one of them a write, and the numbers of the questions about their order. */
interface Pair {
  readonly earlier: Access;
  readonly later: Access;
  readonly overlap: Overlap;
  /** Whether the later node depends on the earlier one; -1 if both are one node. */
  readonly nodesAsked: number;
  /**
   * Whether the operand of the later node depends on the earlier write; -1 if the earlier access is a read, or if the
   * later node reads nothing.
   */
  readonly readAsked: number;
}

/**
 * Every pair of nodes that touches the same bytes in an order that the graph does not state, in execution order. The
 * search ends at a write that covers the bytes: accesses before and after that write are ordered if each is ordered
 * against the write.
 *
 * O(nodes) for a graph that overwrites nothing. Otherwise also O(log n) for each of the n accesses to overwritten
 * storages and for each pair of accesses that meets, and one pass over the steps between for every 32 pairs whose order
 * is not found nearby.
 */
export function findHazards(graph: Graph): Hazard[] {
  checkGraph(graph);
  const accesses = accessesToOverwritten(graph);
  if (accesses.length === 0) return [];
  const paths = new Paths(graph.table);
  const pairs = pairsOf(accesses, graph.table.tensorCount, paths);
  const answers = paths.answers();
  const hazards: Hazard[] = [];
  for (const pair of pairs) {
    const hazard = hazardOf(graph, pair, answers);
    if (hazard !== null) hazards.push(hazard);
  }
  return hazards;
}

const NONE = -1;

/** The accesses to storages that some node overwrites, in execution order. */
function accessesToOverwritten(graph: Graph): Access[] {
  const { tensors, table } = graph;
  const { nodes, roots, sources, sourceFirst, steps } = table;
  const isOverwritten = overwrittenStorages(graph);
  const accesses: Access[] = [];
  const add = (regionId: number, nodeId: number, step: number, isWrite: boolean, readId: number): void => {
    const storage = roots[regionId];
    if (isOverwritten[storage] === 0) return;
    accesses.push({ step, storage, nodeId, isWrite, region: regionOf(tensors[regionId]), readId });
  };
  for (let step = 0; step < nodes.length; step++) {
    const nodeId = nodes[step];
    const node = tensors[nodeId];
    if (isPureView(node)) continue;
    let ownId = NONE;
    for (let s = sourceFirst[nodeId]; s < sourceFirst[nodeId + 1]; s++) {
      const source = tensors[sources[s]];
      const isOwn = roots[sources[s]] === roots[nodeId] && mayOverwrite(node, source);
      const isUpdated = updatedBy(node).includes(source);
      if (!isOwn) {
        add(sources[s], nodeId, step, isUpdated, isUpdated ? NONE : sources[s]);
      } else if (readsBeforeWriting(node, source)) {
        // Of several operands, take the one computed first: the others may be later values of the same bytes.
        if (ownId === NONE || steps[sources[s]] < steps[ownId]) ownId = sources[s];
      }
    }
    if (overwrites(node)) add(nodeId, nodeId, step, true, ownId);
  }
  // The caller reads computed outputs once more, after the last node.
  for (const id of table.outputs) if (isComputed(tensors[id])) add(id, id, nodes.length, false, id);
  return accesses;
}

/** By the id of its root, whether some node overwrites a storage. */
function overwrittenStorages({ tensors, table }: Graph): Uint8Array {
  const { nodes, roots, sources, sourceFirst, tensorCount } = table;
  const isOverwritten = new Uint8Array(tensorCount);
  for (const id of nodes) {
    if (overwrites(tensors[id])) isOverwritten[roots[id]] = 1;
    const updated = updatedBy(tensors[id]);
    for (let s = sourceFirst[id]; s < sourceFirst[id + 1] && updated.length > 0; s++) {
      if (updated.includes(tensors[sources[s]])) isOverwritten[roots[sources[s]]] = 1;
    }
  }
  return isOverwritten;
}

const NO_TENSORS: readonly (Tensor | null)[] = [];

/** The sources that a node writes besides its result. */
function updatedBy(node: Tensor): readonly (Tensor | null)[] {
  const slots = node.operation?.updates ?? [];
  return slots.length === 0 ? NO_TENSORS : slots.map((slot) => node.sources[slot] ?? null);
}

/** Whether a node computes the value of `tensor`; otherwise the caller fills it from outside. */
function isComputed(tensor: Tensor): boolean {
  let at: Tensor | null = tensor;
  while (at !== null && isPureView(at)) at = at.sources[0] ?? null;
  return at !== null && at.operation !== null;
}

/** Whether `node` overwrites the whole of its destination or operand. */
function writesAll(node: Tensor): boolean {
  return node.destination !== null || node.operation?.writesPart === false;
}

/** Whether a node writes into a storage that some other tensor owns. */
function overwrites(node: Tensor): boolean {
  return node.isView && !isPureView(node);
}

/** Whether `node`, which writes into the storage of `source`, may do so while it reads `source`. */
export function mayOverwrite(node: Tensor, source: Tensor): boolean {
  if (!sameLayout(node, source) || node.viewOffset !== source.viewOffset) return false;
  if (node.destination === null) return true; // it is the operand that the operation is there to overwrite
  return node.sources.every((other, slot) => other !== source || node.overwritableSlots.includes(slot));
}

/** Whether `node`, which overwrites `source`, depends on its old value: a copy does not. */
function readsBeforeWriting(node: Tensor, source: Tensor): boolean {
  return node.sources.some((other, slot) => other === source && node.overwritableSlots.includes(slot));
}

/** The pairs of accesses that meet, in order of the later one, with the questions that decide about each. */
function pairsOf(accesses: readonly Access[], storageCount: number, paths: Paths): Pair[] {
  const touches = new Touches(accesses, storageCount);
  const pairs: Pair[] = [];
  accesses.forEach((later, index) => {
    for (const found of touches.add(index)) {
      const earlier = accesses[found];
      const overlap = overlapOf(earlier.region, later.region);
      if (overlap === 'disjoint') continue;
      const nodesAsked = earlier.nodeId === later.nodeId ? NONE : paths.ask(earlier.nodeId, later.nodeId);
      const isRead = earlier.isWrite && later.readId !== NONE && nodesAsked !== NONE;
      const readAsked = isRead ? paths.ask(earlier.nodeId, later.readId) : NONE;
      pairs.push({ earlier, later, overlap, nodesAsked, readAsked });
    }
  });
  return pairs;
}

/** What is wrong with the order of a pair; null if nothing. */
function hazardOf({ tensors }: Graph, pair: Pair, answers: Uint8Array): Hazard | null {
  const { earlier, later, overlap, nodesAsked, readAsked } = pair;
  const isCertain = overlap === 'overlapping';
  if (readAsked !== NONE && answers[readAsked] === 0) {
    const read = tensors[later.readId];
    if (isCertain && destroys(tensors[earlier.nodeId], read)) return makeHazard(tensors, 'conflict', pair, read);
  }
  if (nodesAsked === NONE) {
    return later.isWrite
      ? makeHazard(tensors, isCertain ? 'conflict' : 'unordered', pair, earlier.region.tensor)
      : null;
  }
  const met = (later.isWrite ? earlier : later).region.tensor;
  return answers[nodesAsked] === 1 ? null : makeHazard(tensors, 'unordered', pair, met);
}

/** Whether `writer` destroys the computed value of `tensor` where it writes. */
function destroys(writer: Tensor, tensor: Tensor): boolean {
  return tensor.root.operation !== null || (isComputed(tensor) && writesAll(writer));
}

function makeHazard(
  tensors: Graph['tensors'],
  kind: Hazard['kind'],
  { earlier, later, nodesAsked }: Pair,
  tensor: Tensor,
): Hazard {
  const [first, second] = [tensors[earlier.nodeId], tensors[later.nodeId]];
  if (nodesAsked === NONE) {
    const missing = `cont(${nameOf(tensor)}) as what ${nameOf(second)} reads`;
    return { kind, writer: second, other: second, otherRunsFirst: false, tensor, missing };
  }
  if (!later.isWrite || kind === 'conflict') {
    const missing = `dependency(${nameOf(tensor)}, ${nameOf(first)}) as what ${nameOf(second)} reads`;
    return { kind, writer: first, other: second, otherRunsFirst: false, tensor, missing };
  }
  const missing = `dependency(${nameOf(targetOf(second))}, ${nameOf(first)}) as what ${nameOf(second)} overwrites`;
  return { kind, writer: second, other: first, otherRunsFirst: true, tensor, missing };
}

/** The tensor that a node overwrites, as the caller named it. */
function targetOf(writer: Tensor): Tensor {
  const named = writer.destination ?? writer.sources.find((source) => source !== null && source.root === writer.root);
  return named ?? writer.root;
}

function nameOf(tensor: Tensor): string {
  return tensor.label;
}
