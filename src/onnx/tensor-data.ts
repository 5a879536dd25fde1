/**
 * The elements of a small constant as numbers.
 *
 * Invariant: as many as its shape has, or null; never fewer with zeros in their place.
 */
import { isInteger } from '../dialects/onnx/element-types.js';
import { MAX_FLOATS } from '../dialects/onnx/elements.js';
import type { TensorMessage } from './message-types.js';
import { elementCount } from '../tensor/layout.js';
import type { ElementType } from '../tensor/element-type.js';
import { decodeBf16, decodeF16 } from '../tensor/small-floats.js';

type Read = (view: DataView, at: number) => number;

const READERS: Readonly<Partial<Record<string, Read>>> = {
  f32: (view, at) => view.getFloat32(at, true),
  f64: (view, at) => view.getFloat64(at, true),
  f16: (view, at) => decodeF16(view.getUint16(at, true)),
  bf16: (view, at) => decodeBf16(view.getUint16(at, true)),
  i8: (view, at) => view.getInt8(at),
  u8: (view, at) => view.getUint8(at),
  bool: (view, at) => view.getUint8(at),
  i16: (view, at) => view.getInt16(at, true),
  u16: (view, at) => view.getUint16(at, true),
  i32: (view, at) => view.getInt32(at, true),
  u32: (view, at) => view.getUint32(at, true),
  i64: (view, at) => Number(view.getBigInt64(at, true)),
  u64: (view, at) => Number(view.getBigUint64(at, true)),
};

/** Floats of 16 bits are written as their bits where they stand in a list. */
const FROM_BITS: Readonly<Partial<Record<string, (bits: number) => number>>> = { f16: decodeF16, bf16: decodeBf16 };

/** The elements of a constant that has all of its data; null for texts and types of less than a byte. */
export function elementsOf(tensor: TensorMessage, type: ElementType, shape: readonly number[]): number[] | null {
  const { name, blockBytes } = type;
  const { raw, floats, int32s, int64s, doubles, uint64s } = tensor;
  const read = READERS[name];
  const count = elementCount({ shape });
  if (read === undefined || (!isInteger(type) && count > MAX_FLOATS)) return null;
  if (count === 0) return [];
  if (raw.byteLength > 0) {
    if (raw.byteLength !== count * blockBytes) return null;
    const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
    return Array.from({ length: count }, (_, index) => read(view, index * blockBytes));
  }
  const lists = [floats, int32s.map(FROM_BITS[name] ?? Number), int64s, doubles, uint64s];
  return lists.find(({ length }) => length === count) ?? null;
}
