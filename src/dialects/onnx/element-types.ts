/**
 * ONNX's element types by their numbers (`TensorProto.DataType`).
 */
import { findElementType } from '../../tensor/any-element-type.js';
import type { ElementType, ElementTypeName } from '../../tensor/element-type.js';

/** By number, from 0 on. */
const NAMES: readonly (ElementTypeName | null)[] = [
  null,
  'f32',
  'u8',
  'i8',
  'u16',
  'i16',
  'i32',
  'i64',
  'string',
  'bool',
  'f16',
  'f64',
  'u32',
  'u64',
  'c64',
  'c128',
  'bf16',
  'f8_e4m3fn',
  'f8_e4m3fnuz',
  'f8_e5m2',
  'f8_e5m2fnuz',
  'u4',
  'i4',
  'f4_e2m1',
  'f8_e8m0',
  'u2',
  'i2',
];

/** The type with this number; undefined if ONNX has none. */
export function typeOfNumber(number: number): ElementType | undefined {
  return findElementType(NAMES[number] ?? '');
}

/** Types that rules name. */
export const [F32, F16, F64, I32, I64, U8, I8, BOOL, STRING] = (
  ['f32', 'f16', 'f64', 'i32', 'i64', 'u8', 'i8', 'bool', 'string'] as const
).map((name) => findElementType(name)!);

/** Whether elements are whole numbers. */
export function isInteger({ name }: ElementType): boolean {
  return /^[iu]\d+$/.test(name) || name === 'bool';
}

/** Bytes of so many elements, one after another. */
export function packedBytes({ blockSize, blockBytes }: ElementType, count: number): number {
  return Math.ceil(count / blockSize) * blockBytes;
}
