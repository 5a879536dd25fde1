/**
 * One run of a subgraph while its graph is built: what is known of each tensor so far.
 */
import type { TfliteShape } from '../dialects/tflite/shape-query.js';
import { MOST_VALUES } from '../dialects/tflite/known-values.js';
import { countOf } from '../dialects/tflite/shape-query.js';
import type { Tensor } from '../tensor/tensor.js';
import type { TfliteModel, TfliteSubgraph } from './model.js';

const MOST_LETTERS = 80;

export class Frame {
  readonly subgraph: TfliteSubgraph;
  /** What subgraph it is, in messages. */
  readonly label: string;
  /** By index; undefined before it is computed. */
  readonly tensors: (Tensor | undefined)[];
  /** How many operands and outputs name each tensor. */
  readonly readCounts: Int32Array;
  /** By index: whether an operator of the subgraph computes the tensor. */
  readonly isComputed: Uint8Array;
  readonly #shapes: (TfliteShape | undefined)[];
  readonly #values: (readonly number[] | null | undefined)[];
  readonly #model: TfliteModel;

  constructor(model: TfliteModel, index: number) {
    this.#model = model;
    this.subgraph = model.subgraphs[index];
    this.label = index === 0 ? model.name : `${model.name}, subgraph ${index}`;
    const { tensors, operators, outputs } = this.subgraph;
    this.tensors = new Array<Tensor | undefined>(tensors.length);
    this.#shapes = new Array<TfliteShape | undefined>(tensors.length);
    this.#values = new Array<readonly number[] | null | undefined>(tensors.length);
    this.readCounts = new Int32Array(tensors.length);
    this.isComputed = new Uint8Array(tensors.length);
    for (const { inputs, outputs: results } of operators) {
      for (const id of inputs) if (id >= 0) this.readCounts[id]++;
      for (const id of results) if (id >= 0) this.isComputed[id] = 1;
    }
    for (const id of outputs) if (id >= 0) this.readCounts[id]++;
  }

  /** What messages call a tensor: its name, which converters make of many others, cut off. */
  nameOf(id: number): string {
    const { name } = this.subgraph.tensors[id];
    if (name === '') return `tensor ${id}`;
    return name.length <= MOST_LETTERS ? name : `${name.slice(0, MOST_LETTERS)}…`;
  }

  shapeOf(id: number): TfliteShape {
    return this.#shapes[id] ?? this.subgraph.tensors[id].shape;
  }

  setShape(id: number, shape: TfliteShape): void {
    this.#shapes[id] = shape;
  }

  /** Whether a tensor has another shape than in the file. */
  isChanged(id: number): boolean {
    const [shape, stated] = [this.#shapes[id], this.subgraph.tensors[id].shape];
    return (
      shape !== undefined && (shape.length !== stated.length || shape.some((length, dim) => length !== stated[dim]))
    );
  }

  /** The whole numbers that a tensor holds, if few and known. */
  valuesOf(id: number): readonly number[] | null {
    this.#values[id] ??= this.#constantValues(id);
    return this.#values[id];
  }

  setValues(id: number, values: readonly number[]): void {
    this.#values[id] = values;
  }

  #constantValues(id: number): readonly number[] | null {
    const { type, buffer, shape, isConstant } = this.subgraph.tensors[id];
    const count = countOf(shape);
    if (!isConstant || count > MOST_VALUES || (type.name !== 'i32' && type.name !== 'i64')) return null;
    const bytes = this.#model.bufferBytes(buffer);
    if (bytes === null || bytes.length < count * type.blockBytes) return null;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const read = (index: number): number =>
      type.name === 'i32' ? view.getInt32(4 * index, true) : Number(view.getBigInt64(8 * index, true));
    return Array.from({ length: count }, (_, index) => read(index));
  }
}
