/**
 * Attention within windows: the rows of each window follow each other, and a mask keeps windows apart.
 */
import type { Tensor } from '../../../tensor/tensor.js';
import type { Encoder } from '../encoder.js';

/** Patches that become one token, and stay together. */
const FOUR = 4;

export interface Windows {
  readonly mask: Tensor;
  /** Rows of patches in the order of windows. */
  readonly gather: (rows: Tensor) => Tensor;
  /** Groups of four in their own order again, as rows of so many elements. */
  readonly scatter: (tokens: Tensor, length: number) => Tensor;
}

export function windows(e: Encoder): Windows {
  const { ctx, patchCount, numbers } = e;
  const groups = Math.floor(patchCount / FOUR);
  const order = e.input('i32', [groups], 'inv_window_idx');
  const full = e.input('f32', [patchCount, patchCount], 'window_mask');
  return {
    mask: e.flashAttention ? ctx.cast(full, 'f16') : full,
    gather: (rows) => {
      const found = ctx.getRows(ctx.reshape(rows, [numbers.length * FOUR, groups]), order);
      return ctx.reshape(found, [numbers.length, patchCount, 1]);
    },
    scatter: (tokens, length) => {
      const back = e.input('i32', [groups], 'window_idx');
      return ctx.getRows(ctx.reshape(tokens, [length, groups]), back);
    },
  };
}
