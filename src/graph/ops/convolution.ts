/**
 * Patches: what a kernel sees at each of its positions becomes a row, for a matrix product to convolve.
 *
 * Behaviour as in ggml's `ggml_im2col`, `ggml_im2col_3d`, `ggml_im2col_back`. Patches overlap, so nothing is overwritten.
 */
import { elementType, type ElementTypeName } from '../../tensor/element-type.js';
import { shape } from '../../tensor/shape.js';
import type { Tensor } from '../../tensor/tensor.js';
import { defineOperation, operand, requireOperand } from '../operation.js';
import { Applier } from './applier.js';
import { ANY, listOf, requireArgument, requireIntegers, requireNe } from './rules.js';
import { positions, slidingOver, type Sliding, type SlidingOptions } from './sliding.js';

/** Slides over one or two dimensions, as many as its lists are long. */
const IM2COL = defineOperation<Sliding & { type: ElementTypeName }>({
  name: 'IM2COL',
  result: (sources, params) => {
    const kernel = operand(sources, 0, 'IM2COL');
    const x = operand(sources, 1, 'IM2COL');
    const rank = Array.isArray(params.stride) ? params.stride.length : 0;
    requireArgument(rank === 1 || rank === 2, 'IM2COL', 'stride', params.stride, 'a list of 1 or 2');
    const type = elementType(params.type, 'IM2COL: type');
    if (rank === 1) {
      requireNe('IM2COL', 'x', x, [ANY, kernel.ne[1], ANY, 1]);
      const [width] = positions('IM2COL', 1, kernel, x, params);
      return { type, ne: [kernel.ne[1] * kernel.ne[0], width, x.ne[2], 1] };
    }
    requireNe('IM2COL', 'x', x, [ANY, ANY, kernel.ne[2], ANY]);
    const [width, height] = positions('IM2COL', 2, kernel, x, params);
    return { type, ne: [kernel.ne[2] * kernel.ne[1] * kernel.ne[0], width, height, x.ne[3]] };
  },
});

function requireChannels(op: string, channels: number, operands: Readonly<Record<string, Tensor>>): void {
  requireIntegers(op, { channels }, 1);
  for (const [what, tensor] of Object.entries(operands)) {
    const limit = `of a multiple of ${channels} channels in dimension 3`;
    requireOperand(tensor.ne[3] % channels === 0, op, what, tensor, limit);
  }
}

const IM2COL_3D = defineOperation<Sliding & { channels: number; type: ElementTypeName }>({
  name: 'IM2COL_3D',
  result: (sources, params) => {
    const kernel = operand(sources, 0, 'IM2COL_3D');
    const x = operand(sources, 1, 'IM2COL_3D');
    const { channels } = params;
    requireChannels('IM2COL_3D', channels, { kernel, x });
    const [width, height, depth] = positions('IM2COL_3D', 3, kernel, x, params);
    const patch = kernel.ne[0] * kernel.ne[1] * kernel.ne[2] * channels;
    const ne = [patch, width, height, depth * (x.ne[3] / channels)] as const;
    return { type: elementType(params.type, 'IM2COL_3D: type'), ne };
  },
});

const IM2COL_BACK = defineOperation<Sliding & { ne: readonly number[] }>({
  name: 'IM2COL_BACK',
  result: (sources, { ne }) => {
    operand(sources, 0, 'IM2COL_BACK');
    operand(sources, 1, 'IM2COL_BACK');
    return { type: elementType('f32'), ne: shape(ne, 'IM2COL_BACK') };
  },
});

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
    return this.apply(IM2COL, [kernel, x], { ...slidingOver('IM2COL', rank, options), type });
  }

  /**
   * The patches of `x` under a kernel that slides over three dimensions: `[patch, width, height, depth × videos]`.
   *
   * @param kernel `[width, height, depth, channels × …]`
   * @param x `[width, height, depth, channels × videos]`
   * @throws PlannerError `BAD_OPERAND`, `BAD_ARGUMENT`
   */
  im2col3d(kernel: Tensor, x: Tensor, channels: number, type: ElementTypeName, options: SlidingOptions = {}): Tensor {
    return this.apply(IM2COL_3D, [kernel, x], { ...slidingOver('IM2COL_3D', 3, options), channels, type });
  }

  /** The gradient of `im2col`: f32 of shape `ne`, from the kernel and the gradient of the patches. */
  im2colBack(
    kernel: Tensor,
    gradient: Tensor,
    ne: readonly number[],
    rank: 1 | 2,
    options: SlidingOptions = {},
  ): Tensor {
    return this.apply(IM2COL_BACK, [kernel, gradient], {
      ...slidingOver('IM2COL_BACK', rank, options),
      ne: listOf('IM2COL_BACK', 'ne', ne),
    });
  }
}
