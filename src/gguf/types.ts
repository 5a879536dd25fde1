/**
 * What a GGUF header says, as plain data.
 */
import type { ElementType } from '../tensor/element-type.js';
import type { Dims4 } from '../tensor/shape.js';

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
}

/** What a header says. */
export interface Gguf {
  /** File name, for messages. */
  readonly name: string;
  readonly metadata: Readonly<Record<string, GgufValue>>;
  /** Of metadata as the file stores them. Where it says nothing of a key, any type that holds the value will do. */
  readonly types?: Readonly<Record<string, GgufValueType>>;
  /** In file order. */
  readonly tensors: readonly GgufTensor[];
}
