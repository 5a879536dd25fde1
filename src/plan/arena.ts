/**
 * Real memory for a plan: one piece per chunk, and typed arrays over the tensors in it.
 *
 * Invariant: a tensor's bytes are where the plan says; nothing is copied. Only what still holds its value at the end of
 * the graph can be read with `result`.
 */
import { checkOptionsObject, PlannerError } from '../errors.js';
import { checkBuffer, outOfMemory } from '../graph/immediate-memory.js';
import type { ElementTypeName } from '../tensor/element-type.js';
import type { Tensor } from '../tensor/tensor.js';
import { checkType, typedArrayOf, type TensorData, type TypedArrayOf } from '../tensor/typed-array.js';
import type { Plan } from './plan.js';

/** Where the bytes of an arena come from. */
export interface ArenaMemory {
  /** Whether to make `SharedArrayBuffer`s, for workers. Default false. */
  readonly shared?: boolean;
  /** Memory to use instead of new buffers, for instance `memory.buffer` of a `WebAssembly.Memory`; one chunk only. */
  readonly buffer?: ArrayBufferLike;
  /** First byte to use in `buffer`; a multiple of the plan's alignment. Default 0. */
  readonly byteOffset?: number;
}

interface Piece {
  readonly buffer: ArrayBufferLike;
  readonly byteOffset: number;
}

/** The memory of a plan, one buffer for each chunk, and where in it every tensor is. Made by {@link Plan.allocate}. */
export class Arena {
  readonly plan: Plan;
  readonly #pieces: readonly Piece[];

  /** Prefer {@link Plan.allocate}. @throws PlannerError `OUT_OF_MEMORY`, `BAD_ALIGNMENT`, `BAD_ARGUMENT` */
  constructor(plan: Plan, memory: ArenaMemory = {}) {
    checkOptionsObject(memory, 'memory');
    this.plan = plan;
    this.#pieces = memory.buffer === undefined ? newPieces(plan, memory.shared === true) : [pieceOf(plan, memory)];
  }

  /** Bytes of chunk `index`, without a copy. @throws PlannerError `BAD_ARGUMENT` */
  chunk(index: number): Uint8Array {
    const { buffer, byteOffset } = this.#pieceAt(index);
    return new Uint8Array(buffer, byteOffset, this.plan.chunks[index]);
  }

  /**
   * The elements of a contiguous tensor, for the code that runs the graph: valid from the step that computes the tensor
   * to the last one that reads it. Immediate tensors are found in their own bytes. Writes go through; no copy.
   *
   * @param type the element type that you expect, which makes the array's type known to the compiler. Default: any
   * @throws PlannerError `NOT_READABLE` for tensors of another type, outside the plan, virtual ones, and strided ones
   */
  data<T extends ElementTypeName>(tensor: Tensor, type: T): TypedArrayOf<T>;
  data(tensor: Tensor): TensorData;
  data(tensor: Tensor, type?: ElementTypeName): TensorData {
    checkType(tensor, type);
    const { bytes } = tensor.root;
    if (bytes !== null) return typedArrayOf(tensor, bytes.buffer, bytes.byteOffset + tensor.viewOffset);
    const { chunk, offset } = this.plan.locate(tensor);
    if (tensor.byteLength === 0) return typedArrayOf(tensor, new ArrayBuffer(0), 0);
    const { buffer, byteOffset } = this.#pieceAt(chunk);
    return typedArrayOf(tensor, buffer, byteOffset + offset);
  }

  /**
   * The elements of a tensor after the graph has run. Only outputs, results that no node reads and immediate tensors
   * still hold their values then.
   *
   * @throws PlannerError `NOT_READABLE` if the bytes are another tensor's by the end of the graph, and as {@link data}
   */
  result<T extends ElementTypeName>(tensor: Tensor, type: T): TypedArrayOf<T>;
  result(tensor: Tensor): TensorData;
  result(tensor: Tensor, type?: ElementTypeName): TensorData {
    checkType(tensor, type);
    const planned = this.plan.find(tensor);
    if (planned !== undefined && !this.plan.isKept(planned)) {
      throw new PlannerError('NOT_READABLE', {
        culprit: tensor.name || tensor.op,
        value: `free again from step ${planned.end} of ${this.plan.nodeCount}`,
        limit: 'an output, or an immediate tensor',
        remedy: 'Mark it with setOutput before planning.',
      });
    }
    return this.data(tensor);
  }

  #pieceAt(chunk: number): Piece {
    const piece = this.#pieces[chunk];
    if (piece !== undefined) return piece;
    throw new PlannerError('BAD_ARGUMENT', {
      culprit: 'chunk',
      value: chunk,
      limit: `one of the plan's ${this.#pieces.length} chunks, from 0`,
      remedy: 'Take the chunk from plan.locate().',
    });
  }
}

function newPieces({ chunks }: Plan, shared: boolean): Piece[] {
  const BufferType = shared ? SharedArrayBuffer : ArrayBuffer;
  return chunks.map((size, index) => {
    try {
      return { buffer: new BufferType(size), byteOffset: 0 };
    } catch {
      const limit = 'what the JavaScript engine can allocate in one piece';
      throw outOfMemory(`chunk ${index}`, size, limit, 'Plan smaller chunks with maxChunkSize, or a smaller graph.');
    }
  });
}

function pieceOf({ chunks, alignment, bufferSize }: Plan, { buffer, byteOffset = 0 }: ArenaMemory): Piece {
  const fail = (culprit: string, value: unknown, limit: string, remedy: string): never => {
    throw new PlannerError('BAD_ARGUMENT', { culprit, value, limit, remedy });
  };
  checkBuffer(buffer);
  if (chunks.length > 1)
    fail('chunks of the plan', chunks.length, '1 for one given buffer', 'Plan without maxChunkSize.');
  if (!Number.isSafeInteger(byteOffset) || byteOffset < 0 || byteOffset % alignment !== 0) {
    fail('byteOffset', byteOffset, `a multiple of ${alignment}, the plan's alignment`, 'Round it up.');
  }
  const available = buffer!.byteLength - byteOffset;
  if (available < bufferSize) {
    throw outOfMemory(
      'the arena',
      bufferSize,
      `at most ${available}, what the given buffer has from byte ${byteOffset}`,
      'Give a larger buffer; grow a WebAssembly.Memory, and take its new buffer.',
    );
  }
  return { buffer: buffer!, byteOffset };
}
