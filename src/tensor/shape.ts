/**
 * Shapes and strides: `ne` counts elements and `nb` gives byte strides, innermost dimension first, always four long.
 *
 * Invariant: every function is pure and computes what ggml's function of the same purpose computes
 * (`ggml_nbytes`, `ggml_row_size`, `ggml_is_contiguous_n`, `ggml_can_repeat`, …), exactly or with an error.
 */
import { named, PlannerError, shown } from '../errors.js';
import { checkBytes } from '../units.js';
import type { ElementType } from './element-type.js';

/** Four numbers, innermost dimension first. */
export type Quad = readonly [number, number, number, number];

/** Element type, element counts and byte strides: all that decides how a tensor's bytes are read. */
export interface Layout {
  readonly type: ElementType;
  readonly ne: Quad;
  readonly nb: Quad;
}

/** Pads a shape of one to four dimensions with ones. @throws PlannerError `BAD_SHAPE` */
export function shape(ne: readonly number[], culprit = 'shape'): Quad {
  if (!isShape(ne)) {
    throw new PlannerError('BAD_SHAPE', {
      message: `The dimensions of ${named(culprit)} are ${shown(ne)}, but must be one to four integers from 0 to 2^53 - 1.`,
      culprit,
      value: ne,
      limit: 'one to four integers from 0 to 2^53 - 1',
      remedy: 'Give element counts, innermost dimension first; ggml has at most four dimensions.',
    });
  }
  return [ne[0], ne[1] ?? 1, ne[2] ?? 1, ne[3] ?? 1];
}

function isShape(ne: readonly number[]): boolean {
  if (!Array.isArray(ne)) return false;
  for (let dim = 0; dim < ne.length; dim++) if (!Number.isSafeInteger(ne[dim]) || ne[dim] < 0) return false;
  return ne.length >= 1 && ne.length <= 4;
}

/** Bytes of one row of `elementCount` elements. @throws PlannerError `BAD_SHAPE`, `BYTES_TOO_LARGE` */
export function rowSize(type: ElementType, elementCount: number, culprit = 'the tensor'): number {
  if (elementCount % type.blockSize !== 0) {
    throw new PlannerError('BAD_SHAPE', {
      message: `A row of ${named(culprit)} has ${elementCount} elements, but ${type.name} is stored in blocks of ${type.blockSize}.`,
      culprit,
      value: elementCount,
      limit: `a multiple of ${type.blockSize}, the block size of ${type.name}`,
      remedy: 'Pad the innermost dimension, or use an unquantised type.',
    });
  }
  return checkBytes(type.blockBytes * (elementCount / type.blockSize), culprit);
}

/** Byte strides of a contiguous tensor. @throws PlannerError `BAD_SHAPE`, `BYTES_TOO_LARGE` */
export function contiguousStrides(type: ElementType, ne: Quad, culprit = 'the tensor'): Quad {
  const nb1 = rowSize(type, ne[0], culprit);
  const nb2 = checkBytes(nb1 * ne[1], culprit);
  const nb3 = checkBytes(nb2 * ne[2], culprit);
  checkBytes(nb3 * ne[3], culprit);
  return [type.blockBytes, nb1, nb2, nb3];
}

/** Number of elements. */
export function elementCount({ ne }: Pick<Layout, 'ne'>): number {
  return ne[0] * ne[1] * ne[2] * ne[3];
}

/** Number of rows. */
export function rowCount({ ne }: Pick<Layout, 'ne'>): number {
  return ne[1] * ne[2] * ne[3];
}

/** Bytes from the first to one past the last element, gaps between strides included; 0 for an empty tensor. */
export function byteLength({ type, ne, nb }: Layout, culprit = 'the tensor'): number {
  if (isEmpty(ne)) return 0;
  const outer = (ne[1] - 1) * nb[1] + (ne[2] - 1) * nb[2] + (ne[3] - 1) * nb[3];
  if (type.blockSize === 1) return checkBytes(type.blockBytes + (ne[0] - 1) * nb[0] + outer, culprit);
  return checkBytes((ne[0] * nb[0]) / type.blockSize + outer, culprit);
}

export function isEmpty(ne: Quad): boolean {
  return ne[0] === 0 || ne[1] === 0 || ne[2] === 0 || ne[3] === 0;
}

/**
 * Whether the elements lie one after another. Dimensions up to `from` may be spread (0: the whole tensor is dense;
 * 1: rows may be apart; 2: planes may be apart), as in `ggml_is_contiguous_0`, `_1` and `_2`.
 */
export function isContiguous({ type, ne, nb }: Layout, from = 0): boolean {
  let next = type.blockBytes;
  if (ne[0] !== type.blockSize && nb[0] !== next) return false;
  next *= ne[0] / type.blockSize;
  for (let dim = 1; dim < 4; dim++) {
    if (dim <= from) {
      next = ne[dim] * nb[dim];
    } else {
      if (ne[dim] !== 1 && nb[dim] !== next) return false;
      next *= ne[dim];
    }
  }
  return true;
}

/** Whether the strides are those of {@link contiguousStrides}, also along dimensions of length 1. */
export function isPacked({ type, ne, nb }: Layout): boolean {
  if (nb[0] !== type.blockBytes || nb[1] * type.blockSize !== ne[0] * type.blockBytes) return false;
  return nb[2] === nb[1] * ne[1] && nb[3] === nb[2] * ne[2];
}

/** Whether elements of a row lie one after another. */
export function hasContiguousRows({ type, ne, nb }: Layout): boolean {
  return ne[0] === type.blockSize || nb[0] === type.blockBytes;
}

/** Whether the tensor can be walked as one list of rows: dense rows at equal distances, as in `ggml_is_padded_1d`. */
export function hasEvenRows({ type, ne, nb }: Layout): boolean {
  return nb[0] === type.blockBytes && nb[2] === nb[1] * ne[1] && nb[3] === nb[2] * ne[2];
}

/** Whether the channels (dimension 2) lie innermost in memory, as in `ggml_is_contiguous_channels`. */
export function hasContiguousChannels({ type, nb }: Layout): boolean {
  return nb[0] > nb[2] && nb[1] > nb[0] && nb[2] === type.blockBytes;
}

/** Whether the first two dimensions are swapped in memory. */
export function isTransposed({ nb }: Pick<Layout, 'nb'>): boolean {
  return nb[0] > nb[1];
}

/** Whether two shapes agree in all dimensions. */
export function sameShape(a: Pick<Layout, 'ne'>, b: Pick<Layout, 'ne'>): boolean {
  return sameQuad(a.ne, b.ne);
}

/** Whether type, shape and strides agree, as in `ggml_are_same_layout`. */
export function sameLayout(a: Layout, b: Layout): boolean {
  return a.type === b.type && sameQuad(a.ne, b.ne) && sameQuad(a.nb, b.nb);
}

/** Whether `small` can be repeated a whole number of times along every dimension to fill `large`. */
export function canRepeat(small: Pick<Layout, 'ne'>, large: Pick<Layout, 'ne'>): boolean {
  if (isEmpty(small.ne)) return isEmpty(large.ne);
  for (let dim = 0; dim < 4; dim++) if (large.ne[dim] % small.ne[dim] !== 0) return false;
  return true;
}

/** Whether all but the innermost dimension agree after repeating, as in `ggml_can_repeat_rows`. */
export function canRepeatRows(small: Pick<Layout, 'ne'>, large: Pick<Layout, 'ne'>): boolean {
  return small.ne[0] === large.ne[0] && canRepeat(small, large);
}

function sameQuad(a: Quad, b: Quad): boolean {
  return a[0] === b[0] && a[1] === b[1] && a[2] === b[2] && a[3] === b[3];
}
