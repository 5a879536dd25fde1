/**
 * Real memory for a plan: the bytes of each chunk, and typed arrays over the tensors in them.
 *
 * Invariant: a tensor's bytes are where the plan says; nothing is copied. `result` reads only tensors that still hold
 * their values at the end of the graph.
 */
import { wrongValue } from '../errors.js';
import type { ElementTypeName } from '../tensor/element-type.js';
import type { Tensor } from '../tensor/tensor.js';
import { codecOf, TensorElements, type ElementOf } from '../tensor/elements.js';
import { checkInBuffer, checkType, typedArrayOf, type TensorData, type TypedArrayOf } from '../tensor/typed-array.js';
import { piecesOf, type ArenaMemory, type Piece } from './arena-memory.js';
import { checkKept, type PlanLayout } from './layout.js';

/** The memory of a plan, one buffer for each chunk, and where in it every tensor is. Made by `plan.allocate()`. */
export class Arena {
  readonly plan: PlanLayout;
  readonly #given: ArenaMemory;
  readonly #pieces: readonly Piece[];

  /** Prefer `plan.allocate()`. @throws PlannerError `OUT_OF_MEMORY`, `BAD_ALIGNMENT`, `BAD_ARGUMENT` */
  constructor(plan: PlanLayout, memory: ArenaMemory = {}) {
    this.plan = plan;
    this.#given = memory;
    this.#pieces = piecesOf(plan, memory);
  }

  /** The memory of the arena, for another plan that may have it when this one has run: `plan.allocate(arena.memory)`. */
  get memory(): ArenaMemory {
    const { memory, at } = this.#given;
    return memory === undefined ? { buffers: this.#pieces } : { memory, at };
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
    return this.#arrayOf(tensor, 'elements');
  }

  /**
   * The elements of a tensor by their indices, for any strides: a view of some columns, a transposed matrix, or a
   * tensor that {@link data} takes. Elements are numbers, also for f16 and bf16, and bigints for i64. They are valid as
   * long as those of {@link data}; writes go through; no copy. An element at a time is slow: take {@link data} where a
   * tensor is contiguous.
   *
   * @param type the element type that you expect, which makes the elements' type known to the compiler. Default: any
   * @throws PlannerError `NOT_READABLE` for tensors of another type, quantised ones, those outside the plan, virtual
   * ones
   * @example
   * ```ts
   * import { Context, Graph, planGraph } from 'tensor-arena';
   * const ctx = Context.deferred();
   * const x = ctx.setInput(ctx.newTensor('f32', [4, 3], 'x'));
   * const columns = ctx.transpose(x); // 3 by 4, strided
   * const arena = planGraph(Graph.forward(ctx.setOutput(ctx.cont(columns)))).allocate();
   * arena.data(x, 'f32').set([0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23]);
   * const elements = arena.elements(columns, 'f32');
   * console.log(elements.get(2, 1)); // 21
   * elements.set(-1, 2, 1); // value first, then indices: now x holds it
   * ```
   */
  elements<T extends ElementTypeName>(tensor: Tensor, type: T): TensorElements<ElementOf<T>>;
  elements(tensor: Tensor): TensorElements<number | bigint>;
  elements(tensor: Tensor, type?: ElementTypeName): TensorElements<number | bigint> {
    checkType(tensor, type);
    const codec = codecOf(tensor.type.name, tensor.label);
    const { buffer, byteOffset } = this.#bytesOf(tensor);
    checkInBuffer(tensor, buffer, byteOffset);
    const view = new DataView(buffer, byteOffset, tensor.byteLength);
    return new TensorElements(tensor, codec, view, 0);
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
    checkKept(tensor, this.plan);
    return this.#arrayOf(tensor, 'resultElements');
  }

  /**
   * The elements of a tensor after the graph has run, by their indices as in {@link elements}. @throws PlannerError as
   * {@link result}
   */
  resultElements<T extends ElementTypeName>(tensor: Tensor, type: T): TensorElements<ElementOf<T>> {
    checkType(tensor, type);
    checkKept(tensor, this.plan);
    return this.elements(tensor, type);
  }

  #arrayOf(tensor: Tensor, ifStrided: 'elements' | 'resultElements'): TensorData {
    const { buffer, byteOffset } = this.#bytesOf(tensor);
    return typedArrayOf(tensor, buffer, byteOffset, `Read it with ${ifStrided}(), or add a cont() node.`);
  }

  /** The buffer and position of a tensor's first byte; an empty buffer for a tensor without elements. */
  #bytesOf(tensor: Tensor): Piece {
    const { bytes } = tensor.root;
    const { chunk, offset } = bytes === null ? this.plan.locate(tensor) : { chunk: 0, offset: tensor.viewOffset };
    if (tensor.byteLength === 0) return { buffer: new ArrayBuffer(0), byteOffset: 0 };
    if (bytes !== null) return { buffer: bytes.buffer, byteOffset: bytes.byteOffset + offset };
    const { buffer, byteOffset } = this.#pieceAt(chunk);
    return { buffer, byteOffset: byteOffset + offset };
  }

  #pieceAt(chunk: number): Piece {
    const piece = typeof chunk === 'number' ? this.#pieces[chunk] : undefined;
    if (piece !== undefined) return piece;
    throw wrongValue('BAD_ARGUMENT', {
      culprit: 'chunk',
      value: chunk,
      limit: `one of the plan's ${this.#pieces.length} chunks, from 0`,
      remedy: 'Take the chunk from plan.locate().',
    });
  }
}
