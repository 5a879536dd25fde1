/**
 * The contents of a TFLite file, as plain data.
 *
 * Shapes are in TFLite's order here, outermost dimension first.
 */
import type { ElementType } from '../tensor/element-type.js';
import type { OperationParams } from '../tensor/tensor.js';

/** A tensor of a subgraph. */
export interface TfliteTensor {
  /** Its name in the file, which need not be unique; may be empty. */
  readonly name: string;
  readonly type: ElementType;
  /** Element counts as the file states them, outermost dimension first; empty for a scalar. */
  readonly shape: readonly number[];
  /** The shape with -1 where the caller may choose; null if the file states none. */
  readonly shapeSignature: readonly number[] | null;
  /** Whether it keeps its values from run to run. */
  readonly isVariable: boolean;
  /** Whether its numbers are quantised: whole numbers that stand for multiples of a scale. */
  readonly isQuantized: boolean;
  /** Index among the buffers of the model; 0 stands for none. */
  readonly buffer: number;
  /** Whether the file holds its values. */
  readonly isConstant: boolean;
}

/** An operator of a subgraph. */
export interface TfliteOperator {
  /** The name of the operation: TFLite's, such as `CONV_2D`, or the one that a custom operation has in the file. */
  readonly op: string;
  /** Whether it is a custom operation. */
  readonly isCustom: boolean;
  /** Tensors by index; -1 for an operand that is left out. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  /** The settings that decide shapes. */
  readonly params: OperationParams;
  /** The subgraphs that it runs, by index. */
  readonly subgraphs: readonly number[];
}

/** A subgraph: the first one is the model, others belong to operators such as `IF`. */
export interface TfliteSubgraph {
  readonly name: string;
  readonly tensors: readonly TfliteTensor[];
  /** Tensors by index. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  /** In execution order. */
  readonly operators: readonly TfliteOperator[];
}

/** A text of the file's metadata, and the buffer that it names. */
export interface TfliteMetadata {
  readonly name: string;
  readonly buffer: number;
}

/** The weights of one element type. */
export interface TfliteWeights {
  /** The element type's name. */
  readonly type: string;
  readonly tensorCount: number;
  /** Bytes, each buffer of the file counted once. */
  readonly bytes: number;
}

/** The contents of a TFLite file. */
export interface TfliteModel {
  /** File name, for messages. */
  readonly name: string;
  readonly description: string;
  /** The bytes of the file. */
  readonly file: Uint8Array;
  readonly subgraphs: readonly TfliteSubgraph[];
  /** Bytes of each buffer. */
  readonly bufferSizes: readonly number[];
  readonly metadata: readonly TfliteMetadata[];
  /** What the weights take, the type with the most bytes first. */
  readonly weights: readonly TfliteWeights[];
  /**
   * The bytes of a buffer, which belong to the file's; null for a buffer that holds none, or that lies behind the
   * flatbuffer.
   */
  readonly bufferBytes: (index: number) => Uint8Array | null;
}

/** Where a file has a tensor. */
export interface TfliteTensorPlace {
  /** Index of the subgraph. */
  readonly subgraph: number;
  /** Index of the tensor among those of the subgraph. */
  readonly tensor: number;
}
