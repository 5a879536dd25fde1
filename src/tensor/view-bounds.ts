/**
 * The one check that a view stays within the storage that it looks into.
 */
import { named, PlannerError, shown } from '../errors.js';
import { byteLength, isEmpty, uncheckedLength, type Layout } from './layout.js';

/**
 * Whether a view stays within its storage; false also where only {@link checkViewBounds} can tell. Makes no text, since
 * models make thousands of views.
 */
export function staysWithin(layout: Layout, offset: number, storageBytes: number): boolean {
  const { strides } = layout;
  for (let dim = 0; dim < strides.length; dim++) if (!isCount(strides[dim])) return false;
  return isCount(offset) && offset + uncheckedLength(layout) <= storageBytes;
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

/**
 * As in ggml, a view without elements may start anywhere: it has no byte that could lie outside.
 *
 * @param storageBytes bytes of the storage
 * @param offset byte position of the view's first element within the storage
 * @throws PlannerError `BAD_VIEW`
 */
export function checkViewBounds(layout: Layout, offset: number, storageBytes: number, culprit: string): void {
  const { strides } = layout;
  const areStrides = strides.every(isCount);
  const isStart = isCount(offset);
  const end = areStrides && isStart ? offset + byteLength(layout, culprit) : NaN;
  const isInside = end <= storageBytes || isEmpty(layout);
  if (areStrides && isStart && isInside) return;
  if (areStrides && !isStart) {
    throw new PlannerError('BAD_VIEW', {
      message: `${named(culprit)} starts at byte ${shown(offset)} of its storage, but must start at an integer of at least 0.`,
      culprit,
      value: offset,
      limit: 'an integer of at least 0',
      remedy: 'Give the offset in bytes, as an integer.',
    });
  }
  throw new PlannerError('BAD_VIEW', {
    message: areStrides
      ? `${named(culprit)} takes the view to bytes ${offset} to ${end}, beyond the ${storageBytes} bytes of its storage.`
      : `${named(culprit)} belongs to a view whose strides, [${strides.join(', ')}], are not all integers of at least 0.`,
    culprit,
    value: `bytes [${offset}, ${end}) with strides [${strides.join(', ')}]`,
    limit: `within the ${storageBytes} bytes of its storage`,
    remedy: 'Give offset and strides in bytes, not elements, and keep the last element inside.',
  });
}
