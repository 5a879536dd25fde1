/**
 * TFLite's element types, by their number in files.
 */
import { ELEMENT_TYPES, type ElementType } from '../../tensor/element-type.js';
import { PLAIN_TYPES } from '../../tensor/plain-types.js';

const { f32, f16, i32, i64, i16, i8, f64, bf16 } = ELEMENT_TYPES;
const { u8, string, bool, c64, c128, u64, resource, variant, u32, u16, i4, i2, u4, f8_e4m3fn, f8_e5m2 } = PLAIN_TYPES;

/** The element type of a number in a TFLite file is the entry of that index. */
export const TFLITE_TYPES: readonly ElementType[] = [
  ...[f32, f16, i32, u8, i64, string, bool, i16, c64, i8, f64, c128, u64, resource, variant],
  ...[u32, u16, i4, bf16, i2, u4, f8_e4m3fn, f8_e5m2],
];
