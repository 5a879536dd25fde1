/**
 * Convolutions as ggml composes them: the patches under the kernel become rows, and a matrix product does the rest.
 *
 * Behaviour as in ggml's `ggml_im2col`, `ggml_im2col_3d`, `ggml_conv_1d`, `ggml_conv_2d`, `ggml_conv_3d` and the
 * depthwise variants. Patches overlap, so nothing is overwritten.
 */
import { elementType, type ElementTypeName } from '../../tensor/element-type.js';
import { shape } from '../../tensor/shape.js';
import type { Tensor } from '../../tensor/tensor.js';
import { defineOperation, operand, requireOperand } from '../operation.js';
import { RecurrenceContext } from './recurrence.js';
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

/** The type that ggml gives patches: f16, unless that would lose the range of the kernel's bf16. */
function patchType(kernel: Tensor): ElementTypeName {
  return kernel.type.name === 'bf16' ? 'f32' : 'f16';
}

/** Convolutions by patches and a matrix product. Widths come first; a single setting counts for every dimension. */
export abstract class ConvolutionContext extends RecurrenceContext {
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

  /**
   * Convolution along dimension 0: `[positions, outputs, sequences]`.
   *
   * @param kernel contiguous `[width, channels, outputs]`
   * @param x `[length, channels, sequences]`
   * @throws PlannerError `BAD_OPERAND`, `BAD_ARGUMENT`
   */
  conv1d(kernel: Tensor, x: Tensor, options: SlidingOptions = {}): Tensor {
    const [width, channels, outputs] = kernel.ne;
    const patches = this.im2col(kernel, x, 1, patchType(kernel), options);
    const [patch, positionCount, sequences] = patches.ne;
    const rows = this.reshape(patches, [patch, sequences * positionCount]);
    const product = this.mulMat(rows, this.reshape(kernel, [width * channels, outputs]));
    return this.reshape(product, [positionCount, outputs, sequences]);
  }

  /**
   * Convolution along dimension 0, each channel by itself: `[positions, channels]`.
   *
   * @param kernel `[width, 1, channels]`
   * @param x contiguous `[length, channels]`
   * @throws PlannerError `BAD_OPERAND`, `BAD_ARGUMENT`
   */
  conv1dDepthwise(kernel: Tensor, x: Tensor, options: SlidingOptions = {}): Tensor {
    const [length, channels, sequences] = x.ne;
    const split = this.reshape(x, [length, 1, channels, sequences]);
    const product = this.mulMat(this.im2col(kernel, split, 1, patchType(kernel), options), kernel);
    return this.reshape(product, [product.ne[0], product.ne[2], 1]);
  }

  /**
   * Convolution over dimensions 0 and 1: `[width, height, outputs, images]`.
   *
   * @param kernel contiguous `[width, height, channels, outputs]`
   * @param x `[width, height, channels, images]`
   * @throws PlannerError `BAD_OPERAND`, `BAD_ARGUMENT`
   */
  conv2d(kernel: Tensor, x: Tensor, options: SlidingOptions = {}): Tensor {
    const [kernelWidth, kernelHeight, channels, outputs] = kernel.ne;
    const patches = this.im2col(kernel, x, 2, patchType(kernel), options);
    const [patch, width, height, images] = patches.ne;
    const rows = this.reshape(patches, [patch, images * height * width]);
    const product = this.mulMat(rows, this.reshape(kernel, [kernelWidth * kernelHeight * channels, outputs]));
    return this.cont(this.permute(this.reshape(product, [width, height, images, outputs]), [0, 1, 3, 2]));
  }

  /**
   * Convolution over dimensions 0 and 1, each channel by itself: `[width, height, channels, images]`.
   *
   * @param kernel contiguous `[width, height, 1, channels]`
   * @param x contiguous `[width, height, channels, images]`
   * @throws PlannerError `BAD_OPERAND`, `BAD_ARGUMENT`
   */
  conv2dDepthwise(kernel: Tensor, x: Tensor, options: SlidingOptions = {}): Tensor {
    const [kernelWidth, kernelHeight, ...kernelChannels] = kernel.ne;
    const [xWidth, xHeight, channels, images] = x.ne;
    const filters = kernelChannels[0] * kernelChannels[1];
    const split = this.reshape(kernel, [kernelWidth, kernelHeight, 1, filters]);
    const planes = this.reshape(x, [xWidth, xHeight, 1, channels * images]);
    const patches = this.im2col(split, planes, 2, patchType(kernel), options);
    const [patch, width, height] = patches.ne;
    const rows = this.reshape(patches, [patch, height * width, channels, images]);
    const product = this.mulMat(this.reshape(split, [kernelWidth * kernelHeight, 1, filters]), rows);
    return this.reshape(product, [width, height, channels, images]);
  }

  /**
   * Convolution over three dimensions: `[width, height, depth, outputs × videos]`.
   *
   * @param kernel contiguous `[width, height, depth, channels × outputs]`
   * @param x `[width, height, depth, channels × videos]`
   * @throws PlannerError `BAD_OPERAND`, `BAD_ARGUMENT`
   */
  conv3d(kernel: Tensor, x: Tensor, channels: number, options: SlidingOptions = {}): Tensor {
    const patches = this.im2col3d(kernel, x, channels, patchType(kernel), options);
    const [patch, width, height, planes] = patches.ne;
    const outputs = kernel.ne[3] / channels;
    const videos = x.ne[3] / channels;
    const depth = planes / videos;
    const rows = this.reshape(patches, [patch, planes * height * width]);
    const product = this.mulMat(rows, this.reshape(kernel, [patch, outputs]));
    const split = this.reshape(product, [width * height, depth, videos, outputs]);
    const joined = this.cont(this.permute(split, [0, 1, 3, 2]));
    return this.reshape(joined, [width, height, depth, outputs * videos]);
  }
}
