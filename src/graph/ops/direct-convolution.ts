/**
 * Convolutions in one step, and transposed ones.
 *
 * Behaviour as in ggml's `ggml_conv_2d_direct`, `ggml_conv_2d_dw_direct`, `ggml_conv_3d_direct`, `ggml_conv_transpose_1d`,
 * `ggml_conv_transpose_2d_p0`, `ggml_col2im_1d`. Patches overlap, so nothing is overwritten.
 */
import { hasContiguousChannels, type Quad } from '../../tensor/shape.js';
import type { Params, Tensor } from '../../tensor/tensor.js';
import { defineOperation, operand, requireOperand } from '../operation.js';
import { Applier } from './applier.js';
import { ANY, f32, requireContiguous, requireIntegers, requireNe, requireType } from './rules.js';
import { computedShape, positions, slidingOver, type Sliding, type SlidingOptions } from './sliding.js';

const CONV_2D = defineOperation<Sliding>({
  name: 'CONV_2D',
  result: (sources, params) => {
    const kernel = operand(sources, 0, 'CONV_2D');
    const x = operand(sources, 1, 'CONV_2D');
    requireNe('CONV_2D', 'x', x, [ANY, ANY, kernel.ne[2], ANY]);
    const [width, height] = positions('CONV_2D', 2, kernel, x, params);
    return { type: x.type, ne: [width, height, kernel.ne[3], x.ne[3]] };
  },
});

/** The result has its channels innermost in memory if the operand has. */
const CONV_2D_DW = defineOperation<Sliding>({
  name: 'CONV_2D_DW',
  result: (sources, params) => {
    const kernel = operand(sources, 0, 'CONV_2D_DW');
    const x = operand(sources, 1, 'CONV_2D_DW');
    requireNe('CONV_2D_DW', 'kernel', kernel, [ANY, ANY, 1, x.ne[2]]);
    const [width, height] = positions('CONV_2D_DW', 2, kernel, x, params);
    const ne: Quad = [width, height, x.ne[2], x.ne[3]];
    if (!hasContiguousChannels(x)) return { type: x.type, ne };
    const isPlain = x.type.blockSize === 1;
    requireOperand(isPlain, 'CONV_2D_DW', 'x', x, 'of an unquantised type where channels lie innermost');
    const pixelBytes = x.ne[2] * x.type.blockBytes;
    const nb: Quad = [pixelBytes, width * pixelBytes, x.type.blockBytes, height * width * pixelBytes];
    return { type: x.type, ne, nb };
  },
});

const CONV_3D = defineOperation<Sliding & { channels: number; outputs: number; videos: number }>({
  name: 'CONV_3D',
  result: (sources, params) => {
    const kernel = operand(sources, 0, 'CONV_3D');
    const x = operand(sources, 1, 'CONV_3D');
    const { channels, outputs, videos } = params;
    requireIntegers('CONV_3D', { channels, outputs, videos }, 1);
    requireNe('CONV_3D', 'kernel', kernel, [ANY, ANY, ANY, channels * outputs]);
    requireNe('CONV_3D', 'x', x, [ANY, ANY, ANY, channels * videos]);
    const [width, height, depth] = positions('CONV_3D', 3, kernel, x, params);
    return f32([width, height, depth, outputs * videos]);
  },
});

const CONV_TRANSPOSE_1D = defineOperation<Params & { stride: number }>({
  name: 'CONV_TRANSPOSE_1D',
  result: (sources, { stride }) => {
    const kernel = operand(sources, 0, 'CONV_TRANSPOSE_1D');
    const x = operand(sources, 1, 'CONV_TRANSPOSE_1D');
    requireIntegers('CONV_TRANSPOSE_1D', { stride }, 1);
    requireNe('CONV_TRANSPOSE_1D', 'x', x, [ANY, kernel.ne[2], 1, 1]);
    requireNe('CONV_TRANSPOSE_1D', 'kernel', kernel, [ANY, ANY, ANY, 1]);
    const length = (x.ne[0] - 1) * stride + kernel.ne[0];
    return f32(computedShape('CONV_TRANSPOSE_1D', [length, kernel.ne[1], x.ne[2], 1]));
  },
});

const CONV_TRANSPOSE_2D = defineOperation<Params & { stride: number }>({
  name: 'CONV_TRANSPOSE_2D',
  result: (sources, { stride }) => {
    const kernel = operand(sources, 0, 'CONV_TRANSPOSE_2D');
    const x = operand(sources, 1, 'CONV_TRANSPOSE_2D');
    requireIntegers('CONV_TRANSPOSE_2D', { stride }, 1);
    requireNe('CONV_TRANSPOSE_2D', 'x', x, [ANY, ANY, kernel.ne[3], ANY]);
    const width = (x.ne[0] - 1) * stride + kernel.ne[0];
    const height = (x.ne[1] - 1) * stride + kernel.ne[1];
    return f32(computedShape('CONV_TRANSPOSE_2D', [width, height, kernel.ne[2], x.ne[3]]));
  },
});

const COL2IM_1D = defineOperation<Params & { stride: number; outputs: number; padding: number }>({
  name: 'COL2IM_1D',
  result: (sources, { stride, outputs, padding }) => {
    const columns = operand(sources, 0, 'COL2IM_1D');
    requireNe('COL2IM_1D', 'columns', columns, [ANY, ANY, 1, 1]);
    requireContiguous('COL2IM_1D', 'columns', columns);
    requireType('COL2IM_1D', 'columns', columns, 'f32', 'f16', 'bf16');
    requireIntegers('COL2IM_1D', { stride, outputs }, 1);
    requireIntegers('COL2IM_1D', { padding }, 0);
    const width = columns.ne[0] / outputs;
    const length = (columns.ne[1] - 1) * stride + width - 2 * padding;
    const isWhole = Number.isInteger(width) && width > 0;
    requireOperand(isWhole, 'COL2IM_1D', 'columns', columns, `of a multiple of ${outputs} outputs in dimension 0`);
    requireOperand(length > 0, 'COL2IM_1D', 'columns', columns, `longer than the padding of ${padding} at either end`);
    return { type: columns.type, ne: [length, outputs, 1, 1] };
  },
});

/** The rows of this family. */
export const DIRECT_CONVOLUTION_OPERATIONS = [
  ...[CONV_2D, CONV_2D_DW, CONV_3D, CONV_TRANSPOSE_1D, CONV_TRANSPOSE_2D, COL2IM_1D],
];

/** Convolutions in one step. Widths come first; a single setting counts for every dimension. */
export abstract class DirectConvolutionOps extends Applier {
  /**
   * Convolution over dimensions 0 and 1 without patches in memory: `[width, height, outputs, images]`, of the type of `x`.
   *
   * @param kernel `[width, height, channels, outputs]`
   * @param x `[width, height, channels, images]`
   * @throws PlannerError `BAD_OPERAND`, `BAD_ARGUMENT`
   */
  conv2dDirect(kernel: Tensor, x: Tensor, options: SlidingOptions = {}): Tensor {
    return this.apply(CONV_2D, [kernel, x], slidingOver('CONV_2D', 2, options));
  }

  /**
   * The same, each channel by itself: `[width, height, channels, images]`, laid out in memory as `x` is.
   *
   * @param kernel `[width, height, 1, channels]`
   * @param x `[width, height, channels, images]`
   * @throws PlannerError `BAD_OPERAND`, `BAD_ARGUMENT`
   */
  conv2dDepthwiseDirect(kernel: Tensor, x: Tensor, options: SlidingOptions = {}): Tensor {
    return this.apply(CONV_2D_DW, [kernel, x], slidingOver('CONV_2D_DW', 2, options));
  }

  /**
   * Convolution over three dimensions without patches in memory: f32 `[width, height, depth, outputs × videos]`.
   *
   * @param kernel `[width, height, depth, channels × outputs]`
   * @param x `[width, height, depth, channels × videos]`
   * @throws PlannerError `BAD_OPERAND`, `BAD_ARGUMENT`
   */
  conv3dDirect(kernel: Tensor, x: Tensor, channels: number, options: SlidingOptions = {}): Tensor {
    const split = { channels, outputs: kernel.ne[3] / channels, videos: x.ne[3] / channels };
    return this.apply(CONV_3D, [kernel, x], { ...slidingOver('CONV_3D', 3, options), ...split });
  }

  /**
   * Transposed convolution along dimension 0, without padding: f32 `[length, outputs]`.
   *
   * @param kernel `[width, outputs, channels]`
   * @param x `[positions, channels]`
   * @throws PlannerError `BAD_OPERAND`, `BAD_ARGUMENT`
   */
  convTranspose1d(kernel: Tensor, x: Tensor, stride: number): Tensor {
    return this.apply(CONV_TRANSPOSE_1D, [kernel, x], { stride });
  }

  /**
   * Transposed convolution over dimensions 0 and 1, without padding: f32 `[width, height, outputs, images]`.
   *
   * @param kernel `[width, height, outputs, channels]`
   * @param x `[width, height, channels, images]`
   * @throws PlannerError `BAD_OPERAND`, `BAD_ARGUMENT`
   */
  convTranspose2d(kernel: Tensor, x: Tensor, stride: number): Tensor {
    return this.apply(CONV_TRANSPOSE_2D, [kernel, x], { stride });
  }

  /**
   * Adds overlapping columns up to a signal `[length, outputs]`, of their type.
   *
   * @param columns contiguous f32, f16 or bf16 `[width × outputs, positions]`
   * @param padding elements dropped at either end. Default 0
   * @throws PlannerError `BAD_OPERAND`, `BAD_ARGUMENT`
   */
  col2im1d(columns: Tensor, stride: number, outputs: number, padding = 0): Tensor {
    return this.apply(COL2IM_1D, [columns], { stride, outputs, padding });
  }
}
