/**
 * Operations that the library does not know: the caller declares what they read, yield and may overwrite.
 *
 * Invariant: without a declaration nothing is overwritten, and ggml's rules never run it in place.
 */
import { elementType, type ElementTypeName } from '../../tensor/element-type.js';
import { shape } from '../../tensor/shape.js';
import type { Params, Tensor } from '../../tensor/tensor.js';
import { defineOperation, operand } from '../operation.js';
import { listOf, requireArgument } from './rules.js';
import { TrainingContext } from './training.js';

/** ggml has ten slots, of which a custom operation takes nine. */
const MAX_SOURCES = 9;

interface CustomParams extends Params {
  readonly type: ElementTypeName;
  readonly ne: readonly number[];
  readonly overwrites: readonly number[];
}

const CUSTOM = defineOperation<CustomParams>({
  name: 'CUSTOM',
  result: (sources, { type, ne, overwrites }) => {
    const count = sources.length;
    requireArgument(count <= MAX_SOURCES, 'CUSTOM', 'number of sources', count, `at most ${MAX_SOURCES}`);
    sources.forEach((_, slot) => operand(sources, slot, 'CUSTOM'));
    for (const slot of overwrites) {
      const isSlot = Number.isInteger(slot) && slot >= 0 && slot < count;
      requireArgument(isSlot, 'CUSTOM', 'overwrites', slot, `one of the ${count} source slots, from 0`);
    }
    return {
      type: elementType(type, 'CUSTOM: type'),
      ne: shape(ne, 'CUSTOM'),
      inPlaceRule: { ggml: false, operands: [...overwrites] },
    };
  },
});

/** The rows of this family. */
export const CUSTOM_OPERATIONS = [CUSTOM];

/** What a custom operation reads, yields, and may overwrite. */
export interface CustomOptions {
  /** Element type of the result. */
  readonly type: ElementTypeName;
  /** Shape of the result, one to four element counts. */
  readonly ne: readonly number[];
  /**
   * Positions in `sources` that the result may overwrite where both have the same layout. Declare one only if every
   * element of that source is read, for good, before an element at its place is written. Default: none.
   */
  readonly overwrites?: readonly number[];
  /** A label. Default: given when a graph takes the tensor in. */
  readonly name?: string;
}

/** Operations of the caller's own. */
export abstract class CustomContext extends TrainingContext {
  /**
   * The contiguous result of an operation of the caller's own.
   *
   * @param sources at most nine tensors that it reads
   * @throws PlannerError `BAD_ARGUMENT`, `BAD_SHAPE`, `UNKNOWN_TYPE`
   */
  custom(sources: readonly Tensor[], { type, ne, overwrites = [], name = '' }: CustomOptions): Tensor {
    const result = this.apply(CUSTOM, sources, {
      type,
      ne: listOf('CUSTOM', 'ne', ne),
      overwrites: listOf('CUSTOM', 'overwrites', overwrites),
    });
    return this.setName(result, name);
  }
}
