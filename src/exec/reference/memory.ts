/**
 * The bytes of a graph's tensors while the reference executor runs the graph: separate bytes for each storage, or the
 * arena that a plan lays out.
 *
 * Invariant: all bytes that a plan places are NaN patterns (0xFF) before they are written. Immediate tensors start as a
 * copy of their own bytes, so running a graph never changes the user's data.
 */
import { checkArgument, isListLike, PlannerError, subject, wrongValue } from '../../errors.js';
import { checkGraph, type Graph } from '../../graph/graph.js';
import { requireTensor } from '../../tensor/require-tensor.js';
import type { Tensor } from '../../tensor/tensor.js';
import { checkGraphAndPlan } from '../../verify/check-plan.js';
import type { PlanEntry, PlanLike } from '../../verify/plan-like.js';
import { Elements } from './elements.js';

/** The byte that fills fresh memory: read as f32, f16, bf16 or f64 it is a NaN, read as an integer it is -1. */
const POISON = 0xff;

/** Bytes for every storage of a graph, separate or where a plan puts them, filled with poison at first. */
export class Memory {
  readonly #inputs: ReadonlySet<Tensor>;
  readonly #storages: ReadonlyMap<Tensor, Uint8Array>;
  /** Values for nodes without an operation, which come from outside at the nodes' steps. */
  readonly #arrivals = new Map<Tensor, ArrayLike<number>>();
  /** What is copied between devices at the step of each node. */
  readonly #copies = new Map<Tensor, { readonly from: Tensor; readonly to: Tensor }[]>();

  private constructor({ inputs }: Graph, storages: ReadonlyMap<Tensor, Uint8Array>) {
    this.#inputs = inputs;
    this.#storages = storages;
  }

  /** Memory in which every storage has bytes of its own. @throws PlannerError `BAD_ARGUMENT` */
  static separate(graph: Graph): Memory {
    checkGraph(graph);
    return new Memory(
      graph,
      storagesOf(graph, (tensor) => poisoned(tensor.storageBytes)),
    );
  }

  /**
   * Memory in which `plan` places storages; storages outside the plan have bytes of their own. A chunk ends at the
   * highest end of its storages, even if the plan gives it more bytes.
   *
   * @throws PlannerError `BAD_ARGUMENT` if `plan` is not a plan, if the size of a chunk is not a number of bytes, or if
   * a storage has no place within the arena
   */
  static planned(graph: Graph, plan: PlanLike): Memory {
    checkGraphAndPlan(graph, plan);
    plan.chunks.forEach(checkChunk);
    const places = placesOf(graph, plan);
    const tops = plan.chunks.map(() => 0);
    for (const [tensor, { chunk, offset }] of places) tops[chunk] = Math.max(tops[chunk], offset + tensor.storageBytes);
    const chunks = tops.map(chunkOf);
    const placeOf = (tensor: Tensor): Uint8Array => {
      const place = places.get(tensor);
      if (place === undefined) return poisoned(tensor.storageBytes);
      return chunks[place.chunk].subarray(place.offset, place.offset + tensor.storageBytes);
    };
    return new Memory(graph, storagesOf(graph, placeOf));
  }

  /** The elements of a tensor. @throws PlannerError as {@link storage}; `NOT_READABLE` for a quantised type */
  elements(tensor: Tensor): Elements {
    const storage = this.storage(tensor);
    return new Elements(tensor, storage, tensor.viewOffset);
  }

  /**
   * All bytes of the storage that `tensor` owns or looks into.
   *
   * @throws PlannerError `DANGLING_TENSOR` if it is not in the graph, `BAD_ARGUMENT`
   */
  storage(tensor: Tensor): Uint8Array {
    requireTensor(tensor);
    const storage = this.#storages.get(tensor.root);
    if (storage !== undefined) return storage;
    const culprit = tensor.label;
    throw new PlannerError('DANGLING_TENSOR', {
      message: `${subject(culprit)} is not in the graph that this memory was made for.`,
      culprit,
      value: 'not in the graph',
      limit: 'a tensor of the graph that this memory was made for',
      remedy: 'Expand the graph with a tensor that depends on it.',
    });
  }

  /** Poisons the bytes of a storage behind its elements: a device that asks for more bytes may write them all. */
  poisonTail(tensor: Tensor): void {
    const storage = this.storage(tensor);
    if (!tensor.isView) storage.fill(POISON, tensor.byteLength);
  }

  /** Keeps values for a node without an operation, in the order of a contiguous tensor, until the node's step. */
  keepFor(node: Tensor, values: ArrayLike<number>): void {
    requireTensor(node, 'node');
    checkValues(values);
    this.#arrivals.set(node, values);
  }

  /** Copies the bytes of `from` to `to`, a tensor of the same layout, when the turn of `node` comes. */
  copyAt(node: Tensor, from: Tensor, to: Tensor): void {
    for (const tensor of [node, from, to]) this.storage(tensor);
    this.#copies.set(node, [...(this.#copies.get(node) ?? []), { from, to }]);
  }

  /**
   * Gives a node without an operation its kept values, or poison, at the node's step, and makes the copies that are due
   * then. An input has its values already.
   */
  deliver(node: Tensor): void {
    requireTensor(node);
    const copies = this.#copies.get(node);
    for (const { from, to } of copies ?? []) {
      const bytes = this.storage(from).slice(from.viewOffset, from.viewOffset + from.byteLength);
      this.storage(to).fill(POISON).set(bytes);
    }
    if (copies !== undefined || node.isView || this.#inputs.has(node)) return;
    this.storage(node).fill(POISON);
    this.write(node, this.#arrivals.get(node) ?? []);
  }

  /** The values of a tensor, for any strides, in the order of a contiguous one. */
  read(tensor: Tensor): number[] {
    const elements = this.elements(tensor);
    return Array.from({ length: elements.count }, (_, position) => elements.getFlat(position));
  }

  /** Sets the values of a tensor, in the order of a contiguous one. @throws PlannerError `BAD_ARGUMENT` */
  write(tensor: Tensor, values: ArrayLike<number>): void {
    checkValues(values);
    const elements = this.elements(tensor);
    for (let position = 0; position < values.length; position++) elements.setFlat(values[position], position);
  }
}

/** @throws PlannerError `BAD_ARGUMENT` */
export function checkMemory(memory: unknown): void {
  const remedy = 'Make one with Memory.separate or Memory.planned.';
  checkArgument(memory instanceof Memory, 'memory', memory, 'a Memory', remedy);
}

function checkValues(values: unknown): void {
  checkArgument(isListLike(values), 'values', values, 'a list of numbers', 'Give one value per element.');
}

function storagesOf(graph: Graph, place: (tensor: Tensor) => Uint8Array): Map<Tensor, Uint8Array> {
  const storages = new Map<Tensor, Uint8Array>();
  for (const tensor of graph.tensors) {
    if (tensor.isView) continue;
    storages.set(tensor, tensor.bytes === null ? place(tensor) : tensor.bytes.slice());
  }
  return storages;
}

/**
 * Where a plan puts the storages that need bytes of the arena. @throws PlannerError `BAD_ARGUMENT` unless all are
 * inside the arena
 */
function placesOf(graph: Graph, { chunks, tensors }: PlanLike): Map<Tensor, PlanEntry> {
  const entries = new Map(tensors.map((entry) => [graph.tensors[entry.id], entry]));
  const places = new Map<Tensor, PlanEntry>();
  for (const tensor of graph.tensors) {
    const size = tensor.storageBytes;
    if (tensor.isView || tensor.memory !== 'deferred' || size === 0) continue;
    const place = entries.get(tensor);
    const isInside = ({ chunk, offset }: PlanEntry): boolean =>
      Number.isInteger(chunk) && Number.isSafeInteger(offset) && offset >= 0 && offset + size <= chunks[chunk];
    if (place === undefined || !isInside(place)) {
      const bytes = place && `[${place.offset}, ${place.offset + size}) of chunk ${place.chunk}`;
      throw new PlannerError('BAD_ARGUMENT', {
        message:
          bytes === undefined
            ? `The place of ${tensor.label} is missing in the plan.`
            : `The place of ${tensor.label}, ${bytes}, is not within the arena.`,
        culprit: `place of ${tensor.label}`,
        value: bytes ?? 'missing',
        limit: 'within the arena',
        remedy: 'Plan this very graph.',
      });
    }
    places.set(tensor, place);
  }
  return places;
}

/** @throws PlannerError `BAD_ARGUMENT` unless `size` is a number of bytes */
function checkChunk(size: number, index: number): void {
  if (!Number.isSafeInteger(size) || size < 0) rejectChunk(size, index);
}

/** @throws PlannerError `BAD_ARGUMENT` unless the engine can allocate `size` bytes */
function chunkOf(size: number, index: number): Uint8Array {
  try {
    return poisoned(size);
  } catch {
    return rejectChunk(size, index); // more than the engine can allocate
  }
}

function rejectChunk(size: number, index: number): never {
  throw wrongValue('BAD_ARGUMENT', {
    culprit: `size of chunk ${index} of the plan`,
    value: size,
    limit: 'a number of bytes that can be allocated',
    remedy: 'Execute small plans only; check others with verifyPlan and replayPlan.',
  });
}

function poisoned(size: number): Uint8Array {
  return new Uint8Array(size).fill(POISON);
}
