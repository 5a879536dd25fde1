/**
 * ggml's shapes and strides: `ne` holds element counts and `nb` byte strides, four of each, innermost dimension first.
 *
 * Invariant: every function is pure and computes what ggml's function of the same purpose computes
 * (`ggml_nbytes`, `ggml_row_size`, `ggml_is_contiguous_n`, `ggml_can_repeat`, …), exactly or with an error.
 */
import { named, PlannerError, shown } from '../../errors.js';
import type { ElementType } from '../../tensor/element-type.js';
import type { Dims4 } from '../../tensor/layout.js';

/** A layout in ggml's words. */
export interface Layout4 {
  readonly type: ElementType;
  readonly ne: Dims4;
  readonly nb: Dims4;
}

/** Pads a shape of one to four dimensions with ones. @throws PlannerError `BAD_SHAPE` */
export function shape(ne: readonly number[], culprit = 'shape'): Dims4 {
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

/** Number of rows. */
export function rowCount({ ne }: Pick<Layout4, 'ne'>): number {
  return ne[1] * ne[2] * ne[3];
}

/** Whether the strides are those of {@link contiguousStrides}, also along dimensions of length 1. */
export function isPacked({ type, ne, nb }: Layout4): boolean {
  if (nb[0] !== type.blockBytes || nb[1] * type.blockSize !== ne[0] * type.blockBytes) return false;
  return nb[2] === nb[1] * ne[1] && nb[3] === nb[2] * ne[2];
}

/** Whether elements of a row lie one after another. */
export function hasContiguousRows({ type, ne, nb }: Layout4): boolean {
  return ne[0] === type.blockSize || nb[0] === type.blockBytes;
}

/** Whether the tensor can be walked as one list of rows: dense rows at equal distances, as in `ggml_is_padded_1d`. */
export function hasEvenRows({ type, ne, nb }: Layout4): boolean {
  return nb[0] === type.blockBytes && nb[2] === nb[1] * ne[1] && nb[3] === nb[2] * ne[2];
}

/** Whether the channels (dimension 2) lie innermost in memory, as in `ggml_is_contiguous_channels`. */
export function hasContiguousChannels({ type, nb }: Layout4): boolean {
  return nb[0] > nb[2] && nb[1] > nb[0] && nb[2] === type.blockBytes;
}

/** Whether the first two dimensions are swapped in memory. */
export function isTransposed({ nb }: Pick<Layout4, 'nb'>): boolean {
  return nb[0] > nb[1];
}

/** Whether `small` can be repeated a whole number of times along every dimension to fill `large`. */
export function canRepeat(small: Pick<Layout4, 'ne'>, large: Pick<Layout4, 'ne'>): boolean {
  if (small.ne.includes(0)) return large.ne.includes(0);
  for (let dim = 0; dim < 4; dim++) if (large.ne[dim] % small.ne[dim] !== 0) return false;
  return true;
}

/** Whether all but the innermost dimension agree after repeating, as in `ggml_can_repeat_rows`. */
export function canRepeatRows(small: Pick<Layout4, 'ne'>, large: Pick<Layout4, 'ne'>): boolean {
  return small.ne[0] === large.ne[0] && canRepeat(small, large);
}
