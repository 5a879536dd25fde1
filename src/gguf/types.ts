/**
 * The contents of a GGUF header, as plain data.
 */
import type { ElementType } from '../tensor/element-type.js';
import type { Dims4 } from '../tensor/layout.js';

/** A metadata value. Integers above 2^53 - 1 stay `bigint`s. */
export type GgufValue = string | number | bigint | boolean | readonly GgufValue[];

/** How the file stores a value, or each element of a list. */
export type GgufValueType =
  'u8' | 'i8' | 'u16' | 'i16' | 'u32' | 'i32' | 'f32' | 'bool' | 'string' | 'u64' | 'i64' | 'f64';

/** One entry of the tensor list. */
export interface GgufTensor {
  readonly name: string;
  readonly type: ElementType;
  /** Element counts, innermost dimension first. */
  readonly ne: Dims4;
  /** Exact size in bytes, without padding. */
  readonly bytes: number;
  /** Which part of a model in several files holds it. Default 0: the first, or the only file. */
  readonly part?: number;
}

/** The contents of a header. */
export interface Gguf {
  /** File name, for messages. */
  readonly name: string;
  readonly metadata: Readonly<Record<string, GgufValue>>;
  /**
   * Types of the metadata values, as the file stores them. A key without a type here may have any type that holds its
   * value.
   */
  readonly types?: Readonly<Record<string, GgufValueType>>;
  /** The tensors in file order. */
  readonly tensors: readonly GgufTensor[];
}
