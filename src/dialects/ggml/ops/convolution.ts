/**
 * Patches: the elements under a kernel become one row for each position, so that a matrix product convolves.
 *
 * Behaviour as in ggml's `ggml_im2col`, `ggml_im2col_3d`, `ggml_im2col_back`. Patches overlap, so nothing is
 * overwritten.
 */
import { elementType, type ElementTypeName } from '../../../tensor/element-type.js';
import { shape } from '../shape.js';
import type { Tensor } from '../../../tensor/tensor.js';
import { rowsOf } from '../row.js';
import { ANY, type Operands } from '../operands.js';
import { slidingCut } from '../cuts.js';
import { f32, requireArgument, requireIntegers, listOf, type Named } from './rules.js';
import { Applier } from './applier.js';
import { positions, slidingOver, type Sliding, type SlidingOptions } from './sliding.js';

const define = rowsOf('convolution');

/** Slides over one or two dimensions: one for each entry of its lists. */
export const IM2COL = define<Sliding & { type: ElementTypeName }>({
  name: 'IM2COL',
  operands: ['kernel', 'x'],
  cut: (node, slice) => {
    const rank = Array.isArray(node.params.stride) ? node.params.stride.length : 0;
    if (slice.dim === 0) return null;
    if (slice.dim <= rank) return slidingCut(node, slice, slice.dim - 1);
    return slice.dim === rank + 1 ? { operands: [null, { ...slice, dim: rank === 1 ? 2 : 3 }] } : null;
  },
  result: (o, params) => {
    const kernel = o.tensor('kernel');
    const x = o.tensor('x');
    const rank = Array.isArray(params.stride) ? params.stride.length : 0;
    requireArgument(rank === 1 || rank === 2, o, 'stride', params.stride, 'a list of 1 or 2');
    const type = elementType(params.type, `${o.name}: type`);
    if (rank === 1) {
      o.requireNe('x', [ANY, kernel.ne[1], ANY, 1]);
      const [width] = positions(o, 1, params);
      return { type, ne: [kernel.ne[1] * kernel.ne[0], width, x.ne[2], 1] };
    }
    o.requireNe('x', [ANY, ANY, kernel.ne[2], ANY]);
    const [width, height] = positions(o, 2, params);
    return { type, ne: [kernel.ne[2] * kernel.ne[1] * kernel.ne[0], width, height, x.ne[3]] };
  },
});

function requireChannels(o: Operands, channels: number): void {
  requireIntegers(o, { channels }, 1);
  for (const name of o.operation.operands) {
    const isMultiple = o.tensor(name).ne[3] % channels === 0;
    o.require(isMultiple, name, () => `of a multiple of ${channels} channels in dimension 3`);
  }
}

export const IM2COL_3D = define<Sliding & { channels: number; type: ElementTypeName }>({
  name: 'IM2COL_3D',
  operands: ['kernel', 'x'],
  result: (o, params) => {
    const kernel = o.tensor('kernel');
    const x = o.tensor('x');
    const { channels } = params;
    requireChannels(o, channels);
    const [width, height, depth] = positions(o, 3, params);
    const patch = kernel.ne[0] * kernel.ne[1] * kernel.ne[2] * channels;
    const ne = [patch, width, height, depth * (x.ne[3] / channels)] as const;
    return { type: elementType(params.type, `${o.name}: type`), ne };
  },
});

export const IM2COL_BACK = define<Sliding & { ne: readonly number[] }>({
  name: 'IM2COL_BACK',
  operands: ['gradient', 'kernel'],
  result: (o, { ne }) => f32(shape(ne, o.name)),
});

function requireRank(op: Named, rank: number): void {
  requireArgument(rank === 1 || rank === 2, op, 'rank', rank, '1 or 2');
}

/** The rows of this family. */
export const CONVOLUTION_OPERATIONS = [IM2COL, IM2COL_3D, IM2COL_BACK];

/** Patches under a kernel. Widths come first; a single setting counts for every dimension. */
export abstract class ConvolutionOps extends Applier {
  /**
   * The patches of `x` under the kernel, one per row: `[patch, width, sequences]` over one dimension, or
   * `[patch, width, height, images]` over two.
   *
   * @param kernel `[width, channels, …]` for `rank` 1, `[width, height, channels, …]` for 2; only its shape counts
   * @param x `[width, channels, sequences]` or `[width, height, channels, images]`
   * @param type of the result
   * @throws PlannerError `BAD_OPERAND`, `BAD_ARGUMENT`
   */
  im2col(kernel: Tensor, x: Tensor, rank: 1 | 2, type: ElementTypeName, options: SlidingOptions = {}): Tensor {
    requireRank(IM2COL, rank);
    return this.apply(IM2COL, [kernel, x], { ...slidingOver(IM2COL, rank, options), type });
  }

  /**
   * The patches of `x` under a kernel that slides over three dimensions: `[patch, width, height, depth × videos]`.
   *
   * @param kernel `[width, height, depth, channels × …]`
   * @param x `[width, height, depth, channels × videos]`
   * @throws PlannerError `BAD_OPERAND`, `BAD_ARGUMENT`
   */
  im2col3d(kernel: Tensor, x: Tensor, channels: number, type: ElementTypeName, options: SlidingOptions = {}): Tensor {
    return this.apply(IM2COL_3D, [kernel, x], { ...slidingOver(IM2COL_3D, 3, options), channels, type });
  }

  /** The gradient of `im2col`: f32 of shape `ne`, from the kernel and the gradient of the patches. */
  im2colBack(
    kernel: Tensor,
    gradient: Tensor,
    ne: readonly number[],
    rank: 1 | 2,
    options: SlidingOptions = {},
  ): Tensor {
    requireRank(IM2COL_BACK, rank);
    return this.apply(IM2COL_BACK, [gradient, kernel], {
      ...slidingOver(IM2COL_BACK, rank, options),
      ne: listOf(IM2COL_BACK, 'ne', ne),
    });
  }
}
