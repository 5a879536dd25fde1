/**
 * Element types and JavaScript's typed arrays.
 *
 * Types that JavaScript has no number for (f16, bf16, quantised blocks) are shown as their raw bits.
 */
import type { ElementTypeName } from './element-type.js';
import { requireTensor } from './require-tensor.js';
import type { Tensor } from './tensor.js';
import { isContiguous } from './layout.js';
import { PlannerError, shown, subject } from '../errors.js';

/** Any of the arrays that {@link TypedArrayOf} names. */
export type TensorData =
  Float32Array | Float64Array | Int8Array | Int16Array | Int32Array | BigInt64Array | Uint16Array | Uint8Array;

/** The typed array of an element type: raw bits for f16 and bf16, raw blocks for quantised types. */
export type TypedArrayOf<T extends ElementTypeName> = T extends 'f32'
  ? Float32Array
  : T extends 'f64'
    ? Float64Array
    : T extends 'f16' | 'bf16'
      ? Uint16Array
      : T extends 'i8'
        ? Int8Array
        : T extends 'i16'
          ? Int16Array
          : T extends 'i32'
            ? Int32Array
            : T extends 'i64'
              ? BigInt64Array
              : Uint8Array;

/** Refuses to read a tensor as another type than its own. @throws PlannerError `NOT_READABLE`, `BAD_ARGUMENT` */
export function checkType(tensor: Tensor, type: ElementTypeName | undefined): void {
  requireTensor(tensor);
  if (type === undefined || tensor.type.name === type) return;
  const culprit = tensor.label;
  throw new PlannerError('NOT_READABLE', {
    message: `${subject(culprit)} has elements of type ${tensor.type.name}, not ${shown(type)}.`,
    culprit,
    value: tensor.type.name,
    limit: type,
    remedy: 'Ask for the type that the tensor has.',
  });
}

type TypedArrayConstructor = new (buffer: ArrayBufferLike, byteOffset: number, length: number) => TensorData;

const ARRAY_OF: Partial<Record<ElementTypeName, TypedArrayConstructor>> = {
  f32: Float32Array,
  f64: Float64Array,
  f16: Uint16Array,
  bf16: Uint16Array,
  i8: Int8Array,
  i16: Int16Array,
  i32: Int32Array,
  i64: BigInt64Array,
};

/**
 * The elements of a contiguous tensor as a typed array over `buffer`, starting at byte `byteOffset`; no copy. A tensor
 * without elements has an array without elements, wherever it lies.
 *
 * @param ifStrided what to do about a strided one
 * @throws PlannerError `NOT_READABLE` if the tensor is strided (its elements are not one run of bytes) or misaligned, or
 * if the buffer is detached, as that of a `WebAssembly.Memory` which has grown
 */
export function typedArrayOf(
  tensor: Tensor,
  buffer: ArrayBufferLike,
  byteOffset: number,
  ifStrided = 'Read its storage root, or add a cont() node.',
): TensorData {
  const { type, label: name, byteLength } = tensor;
  const ArrayType = ARRAY_OF[type.name] ?? Uint8Array;
  if (byteLength === 0) return new ArrayType(new ArrayBuffer(0), 0, 0);
  if (!isContiguous(tensor)) {
    throw new PlannerError('NOT_READABLE', {
      message: `${subject(name)} cannot be read as one array, since its elements lie apart (strides [${tensor.nb.join(', ')}]).`,
      culprit: name,
      value: `strided (nb ${tensor.nb.join(', ')})`,
      limit: 'contiguous',
      remedy: ifStrided,
    });
  }
  checkInBuffer(tensor, buffer, byteOffset);
  if (ArrayType === Uint8Array) return new Uint8Array(buffer, byteOffset, byteLength);
  if (byteOffset % type.blockBytes !== 0) {
    throw new PlannerError('NOT_READABLE', {
      message: `The byte offset of ${name} is ${byteOffset}, but ${type.name} elements start at multiples of ${type.blockBytes}.`,
      culprit: `byte offset of ${name}`,
      value: byteOffset,
      limit: `a multiple of ${type.blockBytes}`,
      remedy: 'Plan with an alignment of at least the element size.',
    });
  }
  return new ArrayType(buffer, byteOffset, byteLength / type.blockBytes);
}

/** @throws PlannerError `NOT_READABLE` if the buffer has lost its bytes, as that of a `WebAssembly.Memory` which has grown */
export function checkInBuffer({ label: name, byteLength }: Tensor, buffer: ArrayBufferLike, byteOffset: number): void {
  if (byteOffset + byteLength <= buffer.byteLength) return;
  throw new PlannerError('NOT_READABLE', {
    message: `The bytes of ${name} end at ${byteOffset + byteLength}, beyond the ${buffer.byteLength} bytes of their buffer.`,
    culprit: `bytes of ${name}`,
    value: `[${byteOffset}, ${byteOffset + byteLength})`,
    limit: `within the ${buffer.byteLength} bytes of their buffer`,
    remedy: 'A memory that grows leaves its old buffer empty: allocate the plan again, in the new one.',
  });
}
