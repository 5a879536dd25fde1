/**
 * Where a graph's tensors have their bytes while the reference executor runs it: each storage by itself, or all in the
 * arena that a plan lays out.
 *
 * Invariant: everything that a plan places is full of NaN patterns (0xFF) before it is written. Immediate tensors start
 * as a copy of their own bytes, so running a graph never changes what the user has.
 */
import { PlannerError, subject, wrongValue } from '../../errors.js';
import type { Graph } from '../../graph/graph.js';
import type { Tensor } from '../../tensor/tensor.js';
import { checkGraphAndPlan } from '../../verify/verify-plan.js';
import type { PlanEntry, PlanLike } from '../../verify/plan-like.js';
import { Elements } from './elements.js';

/** The byte that fresh memory is full of: as f32, f16, bf16 and f64 it is a NaN, as an integer it is -1. */
const POISON = 0xff;

/** Bytes for every storage of a graph, apart from each other or where a plan puts them, full of poison at first. */
export class Memory {
  readonly #inputs: ReadonlySet<Tensor>;
  readonly #storages: ReadonlyMap<Tensor, Uint8Array>;
  /** What comes from outside when the turn of a node without an operation comes. */
  readonly #arrivals = new Map<Tensor, ArrayLike<number>>();

  private constructor({ inputs }: Graph, storages: ReadonlyMap<Tensor, Uint8Array>) {
    this.#inputs = inputs;
    this.#storages = storages;
  }

  /** Every storage in bytes of its own. */
  static separate(graph: Graph): Memory {
    return new Memory(
      graph,
      storagesOf(graph, (tensor) => poisoned(tensor.storageBytes)),
    );
  }

  /**
   * The storages that `plan` places where it puts them, all others in bytes of their own. A chunk has as many bytes as lie
   * below the highest end of a storage, however many more the plan gives it.
   *
   * @throws PlannerError `BAD_ARGUMENT` if it is no plan, a chunk has no size, or a storage no place in the plan, or one outside the arena
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

  /** The elements of a tensor, wherever its storage is. */
  elements(tensor: Tensor): Elements {
    return new Elements(tensor, this.storage(tensor), tensor.viewOffset);
  }

  /** All bytes of the storage that `tensor` owns or looks into. */
  storage(tensor: Tensor): Uint8Array {
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

  /** Fills what a storage has behind its elements: a device that asks for more bytes may write them all. */
  poisonTail(tensor: Tensor): void {
    if (!tensor.isView) this.storage(tensor).fill(POISON, tensor.byteLength);
  }

  /** Keeps values for a node without an operation, in the order of a contiguous one, until its turn comes. */
  keepFor(node: Tensor, values: ArrayLike<number>): void {
    this.#arrivals.set(node, values);
  }

  /** The turn of a node without an operation has come: it gets what is kept for it, or poison. An input has its value already. */
  deliver(node: Tensor): void {
    if (this.#inputs.has(node)) return;
    this.storage(node).fill(POISON);
    this.write(node, this.#arrivals.get(node) ?? []);
  }

  /** The values of a tensor in the order of a contiguous one, whatever its strides. */
  read(tensor: Tensor): number[] {
    const elements = this.elements(tensor);
    return Array.from({ length: elements.count }, (_, position) => elements.getFlat(position));
  }

  /** Sets the values of a tensor, in the order of a contiguous one. */
  write(tensor: Tensor, values: ArrayLike<number>): void {
    const elements = this.elements(tensor);
    for (let position = 0; position < values.length; position++) elements.setFlat(values[position], position);
  }
}

function storagesOf(graph: Graph, place: (tensor: Tensor) => Uint8Array): Map<Tensor, Uint8Array> {
  const storages = new Map<Tensor, Uint8Array>();
  for (const tensor of graph.tensors) {
    if (tensor.isView) continue;
    storages.set(tensor, tensor.bytes === null ? place(tensor) : tensor.bytes.slice());
  }
  return storages;
}

/** Where a plan puts the storages that need bytes of the arena. @throws PlannerError `BAD_ARGUMENT` unless all are inside */
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

/** @throws PlannerError `BAD_ARGUMENT` unless that is a number of bytes */
function checkChunk(size: number, index: number): void {
  if (!Number.isSafeInteger(size) || size < 0) rejectChunk(size, index);
}

/** @throws PlannerError `BAD_ARGUMENT` unless that many bytes can be had */
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
