/**
 * From TFLite's shapes, outermost dimension first, to layouts, innermost first.
 */
import type { ElementType } from '../tensor/element-type.js';
import { byteLength, contiguousStrides, type Layout } from '../tensor/layout.js';

/** A contiguous layout with its bytes. @throws PlannerError `BYTES_TOO_LARGE` */
export function layoutOf(
  type: ElementType,
  shape: readonly number[],
  label = 'the tensor',
): Layout & { byteLength: number } {
  const reversed = shape.toReversed();
  const name = label === '' ? 'the tensor' : label;
  if (type.blockSize > 1) return packedLayout(type, reversed, name);
  const layout = { type, shape: reversed, strides: contiguousStrides(type, reversed, name) };
  return { ...layout, byteLength: byteLength(layout, name) };
}

/** Elements of less than a byte lie one after another, whatever the dimensions: one dimension of whole bytes. */
function packedLayout(type: ElementType, shape: readonly number[], name: string): Layout & { byteLength: number } {
  const count = shape.reduce((product, length) => product * length, 1);
  const bytes = Math.ceil(count / type.blockSize);
  const layout = { type, shape: [bytes * type.blockSize], strides: [type.blockBytes] };
  return { ...layout, byteLength: byteLength(layout, name) };
}
