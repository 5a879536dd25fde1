/**
 * A graph in flat columns, one row per tensor, which is all that liveness reads.
 *
 * Invariant: derived from the graph alone, independent of alignment, order of planning and allocator. Whether a source
 * may be overwritten is decided here as far as the graph's structure decides it; liveness adds the time.
 *
 * Plain loops over plain fields, few calls: most graphs are measured once, before any of this code has been compiled.
 */
import { ColumnSet } from '../columns.js';
import type { TensorColumn } from '../tensor/tensor-column.js';
import type { Tensor } from '../tensor/tensor.js';
import { PlannerError } from '../errors.js';
import { fillReusable } from './reusable.js';
import { isResultIfUnread } from './node-kind.js';

export { REUSABLE } from './reusable.js';

/** What a tensor is; a row of `traits` holds a sum of these. */
export const TRAIT = {
  /** Owns no bytes: looks into the storage of another tensor. */
  view: 1,
  /** Its storage lives outside the plan. */
  external: 2,
  /** Its bytes exist before the first step. */
  input: 4,
  /** Owns a storage that lasts to the end: it holds an output, or a tensor that nobody reads (a result). */
  kept: 8,
} as const;

/** Whether the tensor owns a storage that needs bytes in the compute buffer. */
export const isPlanned = (traits: number): boolean => traits % TRAIT.input === 0;
/** Whether a step makes these bytes: planned, and not there before the first one. */
export const isComputed = (traits: number): boolean => traits % TRAIT.kept === 0;
/** Whether its storage lasts to the end. */
export const isKept = (traits: number): boolean => traits >= TRAIT.kept;

export interface GraphTable {
  readonly tensorCount: number;
  /** Tensors that own a storage which needs bytes in the compute buffer. */
  readonly plannedCount: number;
  /** Tensor ids. */
  readonly leafs: Int32Array;
  /** Tensor ids in execution order: the position is the step. */
  readonly nodes: Int32Array;
  /** The step that computes each tensor; -1 for leafs. */
  readonly steps: Int32Array;
  /** Sources of tensor `t` are entries `sourceFirst[t]` to `sourceFirst[t + 1]` (exclusive) of `sources`. */
  readonly sourceFirst: Int32Array;
  /** Tensor ids; empty slots and a tensor's reference to itself are left out. */
  readonly sources: Int32Array;
  /** How often each tensor is among `sources`. */
  readonly uses: Int32Array;
  /** {@link REUSABLE}, one per entry of `sources`. */
  readonly reusable: Uint8Array;
  /** Id of the tensor that owns the storage. */
  readonly roots: Int32Array;
  /** Id of the tensor that the result is written straight into; -1 without one. */
  readonly destinations: Int32Array;
  /** Bytes to allocate, before padding; 0 for views. */
  readonly sizes: Float64Array;
  /** {@link TRAIT} */
  readonly traits: Uint8Array;
  /** Ids of nodes whose bytes exist before the first step, in execution order. */
  readonly inputNodes: readonly number[];
  /** Ids of those that are {@link TRAIT.kept}. */
  readonly kept: readonly number[];
  /** Ids of what is marked as an output. */
  readonly outputs: Int32Array;
  /** Ids of the nodes that overwrite what another tensor owns. */
  readonly writers: readonly number[];
}

/** What a table is made of. */
export interface GraphLists {
  readonly leafs: readonly Tensor[];
  /** In execution order. */
  readonly nodes: readonly Tensor[];
  /** Leafs and nodes; a tensor's id is its index here. */
  readonly tensors: readonly Tensor[];
  readonly inputs: ReadonlySet<Tensor>;
  readonly outputs: ReadonlySet<Tensor>;
}

/**
 * Flattens a graph. O(tensors + sources).
 *
 * @param ids gets the id of each tensor, plus one
 * @throws PlannerError `DANGLING_TENSOR`
 */
export function buildTable(graph: GraphLists, ids: TensorColumn): GraphTable {
  const { tensors } = graph;
  const count = tensors.length;
  const slotCount = numberTensors(tensors, ids);
  const columns = new ColumnSet(33 * count + 4 + 5 * slotCount);
  const sizes = columns.float64(count);
  const sourceFirst = columns.int32(count + 1);
  const roots = columns.int32(count);
  const destinations = columns.int32(count).fill(-1);
  const steps = columns.int32(count).fill(-1);
  const uses = columns.int32(count);
  const leafs = columns.int32(graph.leafs.length);
  const nodes = columns.int32(graph.nodes.length);
  const sources = columns.int32(slotCount);
  const reusable = columns.uint8(slotCount);
  const traits = columns.uint8(count);
  const writers: number[] = [];
  let plannedCount = 0;
  let entry = 0;
  for (let id = 0; id < count; id++) {
    const tensor = tensors[id];
    const { root, destination } = tensor;
    const isOwner = root === tensor;
    roots[id] = isOwner ? id : idOf(ids, root, tensor);
    if (isOwner) sizes[id] = tensor.storageBytes;
    const place = (isOwner ? 0 : TRAIT.view) + (tensor.memory === 'deferred' ? 0 : TRAIT.external);
    if (place === 0) plannedCount++;
    traits[id] = place;
    if (destination !== null) destinations[id] = idOf(ids, destination, tensor);
    const first = entry;
    entry = addSources(tensor, ids, sources, uses, first);
    sourceFirst[id + 1] = entry;
    if (first === entry && isOwner) continue;
    if (isOwner) fillReusable(tensor, first, reusable);
    if (overwritesOthers(tensor)) writers.push(id);
  }
  for (const tensor of graph.inputs) traits[idOf(ids, tensor, tensor)] += TRAIT.input;
  listIds(leafs, graph.leafs, tensors, 0, ids);
  listIds(nodes, graph.nodes, tensors, leafs.length, ids);
  const inputNodes: number[] = [];
  for (let step = 0; step < nodes.length; step++) {
    const node = nodes[step];
    steps[node] = step;
    if (traits[node] >= TRAIT.input) inputNodes.push(node);
  }
  const outputs = Int32Array.from(graph.outputs, (tensor) => idOf(ids, tensor, tensor)).sort();
  const kept = keepResults(tensors, { roots, uses, destinations, traits, outputs });
  return {
    tensorCount: count,
    plannedCount,
    leafs,
    nodes,
    steps,
    sourceFirst,
    sources: sources.subarray(0, entry),
    uses,
    reusable: reusable.subarray(0, entry),
    roots,
    destinations,
    sizes,
    traits,
    inputNodes,
    kept,
    outputs,
    writers,
  };
}

/** Gives every tensor its id plus one, and returns how many slots for sources there are. */
function numberTensors(tensors: readonly Tensor[], ids: TensorColumn): number {
  let slotCount = 0;
  for (let id = 0; id < tensors.length; id++) {
    const tensor = tensors[id];
    ids.set(tensor, id + 1);
    slotCount += tensor.sources.length;
  }
  return slotCount;
}

/** Fills in the sources of one tensor from entry `first` on, counts them, and returns the entry behind them. */
function addSources(tensor: Tensor, ids: TensorColumn, sources: Int32Array, uses: Int32Array, first: number): number {
  const list = tensor.sources;
  let entry = first;
  for (let slot = 0; slot < list.length; slot++) {
    const source = list[slot];
    if (source === null || source === tensor) continue;
    const id = idOf(ids, source, tensor);
    sources[entry++] = id;
    uses[id]++;
  }
  return entry;
}

function overwritesOthers({ operation, isView }: Tensor): boolean {
  if (operation === null) return false;
  return isView ? !operation.isView : operation.updates.length > 0;
}

/** Fills in the ids of `list`, whose tensors are likely to be those from `first` on. */
function listIds(
  listed: Int32Array,
  list: readonly Tensor[],
  tensors: readonly Tensor[],
  first: number,
  ids: TensorColumn,
): void {
  for (let index = 0; index < list.length; index++) {
    const tensor = list[index];
    listed[index] = tensors[first + index] === tensor ? first + index : idOf(ids, tensor, tensor);
  }
}

/** The id of `tensor`, which `reader` needs. @throws PlannerError `DANGLING_TENSOR` */
function idOf(ids: TensorColumn, tensor: Tensor, reader: Tensor): number {
  const id = ids.get(tensor) - 1;
  if (id < 0) dangling(tensor, reader);
  return id;
}

/** Marks the storages of outputs and of tensors that no other tensor reads, and returns them in the order of their ids. */
function keepResults(
  tensors: readonly Tensor[],
  {
    roots,
    uses,
    destinations,
    traits,
    outputs,
  }: Pick<GraphTable, 'roots' | 'uses' | 'destinations' | 'traits' | 'outputs'>,
): number[] {
  const kept: number[] = [];
  // What is written into is no result: what writes there may be one.
  const isTarget = new Uint8Array(tensors.length);
  for (let id = 0; id < tensors.length; id++) if (destinations[id] !== -1) isTarget[destinations[id]] = 1;
  let next = 0;
  for (let id = 0; id < tensors.length; id++) {
    if (outputs[next] === id) next++;
    else if (uses[id] > 0 || isTarget[id] === 1 || !isResultIfUnread(tensors[id])) continue;
    const root = roots[id];
    if (traits[root] >= TRAIT.kept) continue;
    traits[root] += TRAIT.kept;
    kept.push(root);
  }
  return kept;
}

function dangling(tensor: Tensor, reader: Tensor): never {
  const culprit = `${tensor.label}, needed by ${reader.label}`;
  throw new PlannerError('DANGLING_TENSOR', {
    message: `The tensor ${culprit}, is not in the graph.`,
    culprit,
    value: 'not in the graph',
    limit: 'a leaf or a node of the graph',
    remedy: 'Expand the graph with a tensor that depends on it.',
  });
}
