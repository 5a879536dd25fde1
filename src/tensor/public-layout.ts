/**
 * The functions of `layout.ts` as the package exports them: with a check of what is handed in, which the library's own
 * calls, by the thousand for each graph, can do without.
 */
import { checkArgument, isListLike } from '../errors.js';
import type { ElementType } from './element-type.js';
import * as unchecked from './layout.js';
import type { Layout } from './layout.js';

/** Bytes of one row of `elementCount` elements. @throws PlannerError `BAD_ARGUMENT`, `BAD_SHAPE`, `BYTES_TOO_LARGE` */
export function rowSize(type: ElementType, elementCount: number, culprit = 'the tensor'): number {
  checkType(type, 'type');
  checkLength(elementCount, 'elementCount');
  checkCulprit(culprit);
  return unchecked.rowSize(type, elementCount, culprit);
}

/** Byte strides of a contiguous tensor. @throws PlannerError `BAD_ARGUMENT`, `BAD_SHAPE`, `BYTES_TOO_LARGE` */
export function contiguousStrides<S extends readonly number[]>(type: ElementType, shape: S, culprit = 'the tensor'): S {
  checkType(type, 'type');
  checkLengths(shape, 'shape');
  checkCulprit(culprit);
  return unchecked.contiguousStrides(type, shape, culprit);
}

/** Number of elements. @throws PlannerError `BAD_ARGUMENT` */
export function elementCount(layout: Pick<Layout, 'shape'>): number {
  checkShape(layout);
  return unchecked.elementCount(layout);
}

/**
 * Bytes from the first to one past the last element, gaps between strides included; 0 for an empty tensor.
 *
 * @throws PlannerError `BAD_ARGUMENT`, `BYTES_TOO_LARGE`
 */
export function byteLength(layout: Layout, culprit = 'the tensor'): number {
  checkLayout(layout);
  checkCulprit(culprit);
  return unchecked.byteLength(layout, culprit);
}

/**
 * Whether the elements lie one after another. Dimensions up to `from` may be spread (0: the whole tensor is dense;
 * 1: rows may be apart; 2: planes may be apart), as in `ggml_is_contiguous_0`, `_1` and `_2`.
 *
 * @throws PlannerError `BAD_ARGUMENT`
 */
export function isContiguous(layout: Layout, from = 0): boolean {
  checkLayout(layout);
  checkLength(from, 'from');
  return unchecked.isContiguous(layout, from);
}

function checkLayout(layout: Layout): void {
  checkShape(layout);
  checkType(layout.type, 'layout.type');
  checkLengths(layout.strides, 'layout.strides');
  const isWhole = layout.strides.length === layout.shape.length;
  const remedy = 'Give one stride per dimension, as contiguousStrides does.';
  const found = `${layout.strides.length} numbers`;
  checkArgument(isWhole, 'layout.strides', found, `${layout.shape.length} numbers, one per dimension`, remedy);
}

function checkShape(layout: Pick<Layout, 'shape'>): void {
  const isObject = typeof layout === 'object' && (layout as object | null) !== null;
  checkArgument(isObject, 'layout', layout, 'a tensor, or { type, shape, strides }', 'Give a tensor or its layout.');
  checkLengths(layout.shape, 'layout.shape');
}

function checkType(type: ElementType, culprit: string): void {
  const { blockSize, blockBytes } = (type as Partial<ElementType> | null | undefined) ?? {};
  const isType = typeof blockSize === 'number' && typeof blockBytes === 'number';
  checkArgument(isType, culprit, type, 'an ElementType', 'Take it from ELEMENT_TYPES, or from elementType(name).');
}

function checkLengths(numbers: readonly number[], culprit: string): void {
  const isList = isListLike(numbers) && Array.from(numbers).every((each) => typeof each === 'number');
  checkArgument(isList, culprit, numbers, 'a list of numbers, innermost dimension first', 'Give one per dimension.');
}

function checkLength(length: number, culprit: string): void {
  const isCount = Number.isSafeInteger(length) && length >= 0;
  checkArgument(isCount, culprit, length, 'an integer from 0 to 2^53 - 1', 'Correct it.');
}

function checkCulprit(culprit: string): void {
  const isText = typeof culprit === 'string' && culprit !== '';
  checkArgument(isText, 'culprit', culprit, 'a name for messages', 'Leave it out for the default.');
}
