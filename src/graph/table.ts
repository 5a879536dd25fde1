/**
 * A graph in flat columns, one row per tensor, which is all that liveness reads.
 *
 * Invariant: derived from the graph alone, independent of alignment, order of planning and allocator. Whether a source
 * may be overwritten is decided here as far as the graph's structure decides it; liveness adds the time.
 *
 * Plain loops over plain fields, few calls: most graphs are measured once, before any of this code has been compiled.
 */
import { MARK, type Tensor } from '../tensor/tensor.js';
import { PlannerError } from '../errors.js';
import type { Graph } from './graph.js';
import { fillHandOvers } from './hand-over.js';
import { isResultIfUnread } from './node-kind.js';

export { HAND_OVER } from './hand-over.js';

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
  /** {@link HAND_OVER}, one per entry of `sources`. */
  readonly handOver: Uint8Array;
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
  readonly outputs: readonly number[];
  /** Ids of the nodes that overwrite what another tensor owns. */
  readonly writers: readonly number[];
}

/** Flattens a graph. O(tensors + sources). @throws PlannerError `BAD_ORDER`, `DANGLING_TENSOR` */
export function buildTable(graph: Graph): GraphTable {
  const { tensors } = graph;
  const count = tensors.length;
  const sizes = new Float64Array(count);
  const slotCount = numberTensors(tensors, sizes);
  const sourceFirst = new Int32Array(count + 1);
  const sources = new Int32Array(slotCount);
  const handOver = new Uint8Array(slotCount);
  const roots = new Int32Array(count);
  const destinations = new Int32Array(count).fill(-1);
  const traits = new Uint8Array(count);
  const uses = new Int32Array(count);
  const writers: number[] = [];
  let plannedCount = 0;
  let hasDestination = false;
  let entry = 0;
  for (let id = 0; id < count; id++) {
    const tensor = tensors[id];
    const { storage } = tensor;
    let root = tensor;
    while (root.storage !== null) root = root.storage;
    if (tensors[root.lastId] !== root) dangling(root, tensor);
    roots[id] = root.lastId;
    const place = (storage === null ? 0 : TRAIT.view) + (root.ownMemory === 'deferred' ? 0 : TRAIT.external);
    if (place === 0) plannedCount++;
    traits[id] = tensor.marks % MARK.output === MARK.input ? place + TRAIT.input : place;
    if (storage !== null && tensor.destination !== null) {
      if (tensors[tensor.destination.lastId] !== tensor.destination) dangling(tensor.destination, tensor);
      destinations[id] = tensor.destination.lastId;
      hasDestination = true;
    }
    const first = entry;
    entry = addSources(tensors, tensor, sources, uses, first);
    sourceFirst[id + 1] = entry;
    if (first === entry && storage === null) continue;
    if (storage === null) fillHandOvers(tensor, first, sizes, handOver);
    if (overwritesOthers(tensor)) writers.push(id);
  }
  const nodes = idsOf(tensors, graph.nodes);
  const steps = new Int32Array(count).fill(-1);
  const inputNodes: number[] = [];
  for (let step = 0; step < nodes.length; step++) {
    const node = nodes[step];
    steps[node] = step;
    if (traits[node] >= TRAIT.input) inputNodes.push(node);
  }
  const outputs: number[] = [];
  const kept = keepResults(tensors, roots, uses, traits, outputs);
  if (hasDestination) checkDestinations(tensors, destinations, steps);
  return {
    tensorCount: count,
    plannedCount,
    leafs: idsOf(tensors, graph.leafs),
    nodes,
    steps,
    sourceFirst,
    sources: sources.subarray(0, entry),
    uses,
    handOver: handOver.subarray(0, entry),
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

/**
 * Lets every tensor know its id, and fills in the bytes to allocate for each, before padding; 0 for views. Returns how
 * many slots for sources there are.
 */
function numberTensors(tensors: readonly Tensor[], sizes: Float64Array): number {
  let slotCount = 0;
  for (let id = 0; id < tensors.length; id++) {
    const tensor = tensors[id];
    tensor.lastId = id;
    slotCount += tensor.sources.length;
    if (tensor.storage === null) sizes[id] = tensor.storageBytes;
  }
  return slotCount;
}

/** Fills in the sources of one tensor from entry `first` on, counts them, and returns the entry behind them. */
function addSources(
  tensors: readonly Tensor[],
  tensor: Tensor,
  sources: Int32Array,
  uses: Int32Array,
  first: number,
): number {
  const list = tensor.sources;
  let entry = first;
  for (let slot = 0; slot < list.length; slot++) {
    const source = list[slot];
    if (source === null || source === tensor) continue;
    const id = source.lastId;
    if (tensors[id] !== source) dangling(source, tensor);
    sources[entry++] = id;
    uses[id]++;
  }
  return entry;
}

function overwritesOthers({ operation, storage }: Tensor): boolean {
  if (operation === null) return false;
  return storage === null ? operation.updates.length > 0 : !operation.isView;
}

function idsOf(tensors: readonly Tensor[], list: readonly Tensor[]): Int32Array {
  const ids = new Int32Array(list.length);
  for (let index = 0; index < list.length; index++) {
    const tensor = list[index];
    ids[index] = tensor.lastId;
    if (tensors[tensor.lastId] !== tensor) dangling(tensor, tensor);
  }
  return ids;
}

/** Marks the storages of outputs and of tensors that no other tensor reads, and returns them. Fills in the outputs. */
function keepResults(
  tensors: readonly Tensor[],
  roots: Int32Array,
  uses: Int32Array,
  traits: Uint8Array,
  outputs: number[],
): number[] {
  const kept: number[] = [];
  for (let id = 0; id < tensors.length; id++) {
    const isOutput = tensors[id].marks >= MARK.output;
    if (isOutput) outputs.push(id);
    else if (uses[id] > 0 || !isResultIfUnread(tensors[id])) continue;
    const root = roots[id];
    if (traits[root] >= TRAIT.kept) continue;
    traits[root] += TRAIT.kept;
    kept.push(root);
  }
  return kept;
}

/** A destination that `setOutput` named after the graph was built may come too late in it. */
function checkDestinations(tensors: readonly Tensor[], destinations: Int32Array, steps: Int32Array): void {
  for (let id = 0; id < tensors.length; id++) {
    const destination = destinations[id];
    if (destination === -1 || steps[destination] < steps[id]) continue;
    const culprit = `destination of ${tensors[id].label}`;
    const found = tensors[destination].label;
    throw new PlannerError('BAD_ORDER', {
      message: `The ${culprit} is ${found}, which is only computed later.`,
      culprit,
      value: `${found}, computed later`,
      limit: 'a leaf or an earlier node',
      remedy: 'Call setOutput before the graph is built, or build it again.',
    });
  }
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
