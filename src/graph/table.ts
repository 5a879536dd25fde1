/**
 * A graph in flat columns, one row per tensor, which is all that liveness reads.
 *
 * Invariant: derived from the graph alone, independent of alignment, order of planning and allocator. Whether a source
 * may be overwritten is decided here as far as the graph's structure decides it; liveness adds the time.
 */
import { byteLength, sameLayout } from '../tensor/shape.js';
import type { Tensor } from '../tensor/tensor.js';
import { PlannerError } from '../errors.js';
import type { Graph } from './graph.js';
import { findOperation, isResultIfUnread } from './operations.js';

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
/** Whether its bytes exist before the first step. */
export const isInput = (traits: number): boolean => traits % TRAIT.kept >= TRAIT.input;
/** Whether its storage lasts to the end. */
export const isKept = (traits: number): boolean => traits >= TRAIT.kept;

/** Whether the node may take over the storage of one of its sources; an entry of `handOver` holds a sum of these. */
export const HAND_OVER = {
  /** By ggml's rule. */
  ggml: 1,
  /** By the operation table, also through views that start where the storage does, and for repeated operands. */
  full: 2,
} as const;

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
}

/** Flattens a graph. O(tensors + sources). @throws PlannerError `BAD_ORDER`, `DANGLING_TENSOR` */
export function buildTable(graph: Graph): GraphTable {
  const { tensors } = graph;
  const count = tensors.length;
  const sourceFirst = numberTensors(tensors);
  const sizes = sizesOf(tensors);
  const sources = new Int32Array(sourceFirst[count]);
  const handOver = new Uint8Array(sourceFirst[count]);
  const roots = new Int32Array(count);
  const destinations = new Int32Array(count).fill(-1);
  const traits = new Uint8Array(count);
  const isRead = new Uint8Array(count);
  const readings = new Readings(count);
  for (let id = 0; id < count; id++) {
    const tensor = tensors[id];
    roots[id] = idOf(tensors, tensor.root, tensor);
    traits[id] =
      (tensor.isView ? TRAIT.view : 0) +
      (tensor.memory === 'deferred' ? 0 : TRAIT.external) +
      (tensor.isInput ? TRAIT.input : 0);
    if (tensor.destination !== null) destinations[id] = idOf(tensors, tensor.destination, tensor);
    const list = tensor.sources;
    let entry = sourceFirst[id];
    for (let slot = 0; slot < list.length; slot++) {
      const source = list[slot];
      if (source === null || source === tensor) continue;
      const sourceId = idOf(tensors, source, tensor);
      sources[entry] = sourceId;
      isRead[sourceId] = 1;
      if (mayOverwrite(tensor, source)) {
        handOver[entry] = readings.handOver(tensor, source, slot, sizes[source.root.lastId] >= sizes[id]);
      }
      entry++;
    }
  }
  keepResults(tensors, roots, isRead, traits);

  const nodes = idsOf(tensors, graph.nodes);
  const steps = new Int32Array(count).fill(-1);
  for (let step = 0; step < nodes.length; step++) steps[nodes[step]] = step;
  checkDestinations(tensors, destinations, steps);
  return {
    tensorCount: count,
    plannedCount: plannedCountOf(traits),
    leafs: idsOf(tensors, graph.leafs),
    nodes,
    steps,
    sourceFirst,
    sources,
    handOver,
    roots,
    destinations,
    sizes,
    traits,
  };
}

/** Lets every tensor know its id, and counts the sources before those of each. */
function numberTensors(tensors: readonly Tensor[]): Int32Array {
  const sourceFirst = new Int32Array(tensors.length + 1);
  for (let id = 0; id < tensors.length; id++) {
    const tensor = tensors[id];
    tensor.lastId = id;
    const { sources } = tensor;
    let end = sourceFirst[id];
    for (let slot = 0; slot < sources.length; slot++) if (sources[slot] !== null && sources[slot] !== tensor) end++;
    sourceFirst[id + 1] = end;
  }
  return sourceFirst;
}

/** Bytes to allocate for each tensor, before padding; 0 for views. */
function sizesOf(tensors: readonly Tensor[]): Float64Array {
  const sizes = new Float64Array(tensors.length);
  for (let id = 0; id < tensors.length; id++) {
    const tensor = tensors[id];
    if (!tensor.isView) sizes[id] = tensor.allocSize ?? byteLength(tensor, tensor.name);
  }
  return sizes;
}

function plannedCountOf(traits: Uint8Array): number {
  let count = 0;
  for (let id = 0; id < traits.length; id++) if (isPlanned(traits[id])) count++;
  return count;
}

function idOf(tensors: readonly Tensor[], tensor: Tensor, reader: Tensor): number {
  return tensors[tensor.lastId] === tensor ? tensor.lastId : dangling(tensor, reader);
}

function idsOf(tensors: readonly Tensor[], list: readonly Tensor[]): Int32Array {
  const ids = new Int32Array(list.length);
  for (let index = 0; index < list.length; index++) ids[index] = idOf(tensors, list[index], list[index]);
  return ids;
}

/** Marks the storages of outputs and of tensors that no other tensor reads. */
function keepResults(tensors: readonly Tensor[], roots: Int32Array, isRead: Uint8Array, traits: Uint8Array): void {
  for (let id = 0; id < tensors.length; id++) {
    if (!tensors[id].isOutput && (isRead[id] === 1 || !isResultIfUnread(tensors[id]))) continue;
    const root = roots[id];
    if (!isKept(traits[root])) traits[root] += TRAIT.kept;
  }
}

/** A destination that `setOutput` named after the graph was built may come too late in it. */
function checkDestinations(tensors: readonly Tensor[], destinations: Int32Array, steps: Int32Array): void {
  for (let id = 0; id < tensors.length; id++) {
    const destination = destinations[id];
    if (destination === -1 || steps[destination] < steps[id]) continue;
    throw new PlannerError('BAD_ORDER', {
      culprit: `destination of ${tensors[id].label}`,
      value: `${tensors[destination].label}, computed later`,
      limit: 'a leaf or an earlier node',
      remedy: 'Call setOutput before the graph is built, or build it again.',
    });
  }
}

/** Whether `node` and `source` are such that one may overwrite the other at all. */
function mayOverwrite(node: Tensor, source: Tensor): boolean {
  return !node.isView && source.memory === 'deferred' && sameLayout(node, source);
}

/**
 * What one node reads of each storage, and what it may do to it. Columns by the storage owner's id, used again for each
 * node: a graph file may give a node any number of sources.
 */
class Readings {
  #node: Tensor | null = null;
  /** The node that the other columns are about, by id. */
  readonly #readers: Int32Array;
  /** Through how many slots it reads the storage. */
  readonly #counts: Int32Array;
  /** The first of these slots. */
  readonly #firsts: Int32Array;
  /** Whether it may overwrite what is in all of them, and all look at the same bytes in the same way. */
  readonly #areOne: Uint8Array;
  /** Whether it may overwrite what is in each slot. */
  #overwrites: readonly number[] | ReadonlySet<number> = [];
  #ggmlInPlace = false;
  /** An operation that the table does not know may do what ggml lets it do, and no more. */
  #isUnknown = false;

  constructor(tensorCount: number) {
    this.#readers = new Int32Array(tensorCount).fill(-1);
    this.#counts = new Int32Array(tensorCount);
    this.#firsts = new Int32Array(tensorCount);
    this.#areOne = new Uint8Array(tensorCount);
  }

  /**
   * Under which rules `node` may overwrite what is in `slot`, as far as the operation and the other sources decide it.
   *
   * @param fits whether the storage of `source` is large enough
   */
  handOver(node: Tensor, source: Tensor, slot: number, fits: boolean): number {
    if (node !== this.#node) this.#turnTo(node);
    const root = source.root.lastId;
    // ggml takes any operand of the same layout. Where that gives wrong results, it is not followed.
    const isSound = this.#isUnknown || this.#mayOverwrite(slot);
    const ggml = this.#ggmlInPlace && isSound && !source.isView && this.#counts[root] === 1 && fits;
    const full = this.#isUnknown ? ggml : this.#areOne[root] === 1 && source.viewOffset === 0 && fits;
    return (ggml ? HAND_OVER.ggml : 0) + (full ? HAND_OVER.full : 0);
  }

  /** Fills the columns for `node`. O(sources). */
  #turnTo(node: Tensor): void {
    const { sources, inPlaceRule, lastId } = node;
    this.#node = node;
    const operation = findOperation(node.op);
    const overwrites = inPlaceRule?.operands ?? operation?.overwrites ?? NO_SLOTS;
    this.#ggmlInPlace = inPlaceRule?.ggml ?? operation?.ggmlInPlace ?? false;
    this.#isUnknown = operation === undefined && overwrites.length === 0;
    this.#overwrites = overwrites.length > FEW_SLOTS ? new Set(overwrites) : overwrites;
    for (let slot = 0; slot < sources.length; slot++) {
      const source = sources[slot];
      if (source === null || source === node) continue;
      const root = source.root.lastId;
      const isFirst = this.#readers[root] !== lastId;
      if (isFirst) {
        this.#readers[root] = lastId;
        this.#counts[root] = 0;
        this.#firsts[root] = slot;
        this.#areOne[root] = 1;
      }
      this.#counts[root]++;
      const isAlike = isFirst || looksAlike(source, sources[this.#firsts[root]]!);
      if (!isAlike || !this.#mayOverwrite(slot)) this.#areOne[root] = 0;
    }
  }

  #mayOverwrite(slot: number): boolean {
    const slots = this.#overwrites;
    return slots instanceof Set ? slots.has(slot) : (slots as readonly number[]).includes(slot);
  }
}

const NO_SLOTS: readonly number[] = [];
/** So many slots are looked through faster than hashed. */
const FEW_SLOTS = 8;

function looksAlike(a: Tensor, b: Tensor): boolean {
  return a === b || (a.viewOffset === b.viewOffset && sameLayout(a, b));
}

function dangling(tensor: Tensor, reader: Tensor): never {
  throw new PlannerError('DANGLING_TENSOR', {
    culprit: `${tensor.label}, needed by ${reader.label}`,
    value: 'not in the graph',
    limit: 'a leaf or a node of the graph',
    remedy: 'Expand the graph with a tensor that depends on it.',
  });
}
