/**
 * Direct convolutions, without patches in memory, and transposed convolutions.
 *
 * Behaviour as in ggml's `ggml_conv_2d_direct`, `ggml_conv_2d_dw_direct`, `ggml_conv_3d_direct`,
 * `ggml_conv_transpose_1d`, `ggml_conv_transpose_2d_p0`, `ggml_col2im_1d`. Patches overlap, so nothing is overwritten.
 */
import type { Dims4 } from '../../../tensor/layout.js';
import { hasContiguousChannels } from '../shape.js';
import type { OperationParams, Tensor } from '../../../tensor/tensor.js';
import { rowsOf } from '../row.js';
import { ANY } from '../operands.js';
import { slidingCut } from '../cuts.js';
import { f32, requireIntegers } from './rules.js';
import { Applier, checkTensor } from './applier.js';
import { computedShape, positions, slidingOver, type Sliding, type SlidingOptions } from './sliding.js';

const define = rowsOf('convolution');

export const CONV_2D = define<Sliding>({
  name: 'CONV_2D',
  operands: ['kernel', 'x'],
  cut: (node, slice) => {
    if (slice.dim < 2) return slidingCut(node, slice, slice.dim);
    return { operands: slice.dim === 2 ? [{ ...slice, dim: 3 }, null] : [null, slice] };
  },
  termsOf: ({ sources: [kernel] }) => kernel!.shape[0] * kernel!.shape[1] * kernel!.shape[2],
  result: (o, params) => {
    const kernel = o.tensor('kernel');
    const x = o.tensor('x');
    o.requireNe('x', [ANY, ANY, kernel.ne[2], ANY]);
    const [width, height] = positions(o, 2, params);
    return { type: x.type, ne: [width, height, kernel.ne[3], x.ne[3]] };
  },
});

/** If the operand has its channels innermost in memory, so has the result. */
export const CONV_2D_DW = define<Sliding>({
  name: 'CONV_2D_DW',
  operands: ['kernel', 'x'],
  cut: (node, slice) => {
    if (slice.dim < 2) return slidingCut(node, slice, slice.dim);
    return { operands: slice.dim === 2 ? [{ ...slice, dim: 3 }, slice] : [null, slice] };
  },
  termsOf: ({ sources: [kernel] }) => kernel!.shape[0] * kernel!.shape[1],
  result: (o, params) => {
    const x = o.tensor('x');
    o.requireNe('kernel', [ANY, ANY, 1, x.ne[2]]);
    const [width, height] = positions(o, 2, params);
    const ne: Dims4 = [width, height, x.ne[2], x.ne[3]];
    if (!hasContiguousChannels(x)) return { type: x.type, ne };
    const isPlain = x.type.blockSize === 1;
    o.require(isPlain, 'x', 'of an unquantised type where channels lie innermost');
    const pixelBytes = x.ne[2] * x.type.blockBytes;
    const nb: Dims4 = [pixelBytes, width * pixelBytes, x.type.blockBytes, height * width * pixelBytes];
    return { type: x.type, ne, nb };
  },
});

export const CONV_3D = define<Sliding & { channels: number; outputs: number; videos: number }>({
  name: 'CONV_3D',
  operands: ['kernel', 'x'],
  result: (o, params) => {
    const { channels, outputs, videos } = params;
    requireIntegers(o, { channels, outputs, videos }, 1);
    o.requireNe('kernel', [ANY, ANY, ANY, channels * outputs]);
    o.requireNe('x', [ANY, ANY, ANY, channels * videos]);
    const [width, height, depth] = positions(o, 3, params);
    return f32([width, height, depth, outputs * videos]);
  },
});

export const CONV_TRANSPOSE_1D = define<OperationParams & { stride: number }>({
  name: 'CONV_TRANSPOSE_1D',
  operands: ['kernel', 'x'],
  result: (o, { stride }) => {
    const kernel = o.tensor('kernel');
    const x = o.tensor('x');
    requireIntegers(o, { stride }, 1);
    o.requireNe('x', [ANY, kernel.ne[2], 1, 1]);
    o.requireNe('kernel', [ANY, ANY, ANY, 1]);
    const length = (x.ne[0] - 1) * stride + kernel.ne[0];
    return f32(computedShape(o, [length, kernel.ne[1], x.ne[2], 1]));
  },
});

export const CONV_TRANSPOSE_2D = define<OperationParams & { stride: number }>({
  name: 'CONV_TRANSPOSE_2D',
  operands: ['kernel', 'x'],
  result: (o, { stride }) => {
    const kernel = o.tensor('kernel');
    const x = o.tensor('x');
    requireIntegers(o, { stride }, 1);
    o.requireNe('x', [ANY, ANY, kernel.ne[3], ANY]);
    const width = (x.ne[0] - 1) * stride + kernel.ne[0];
    const height = (x.ne[1] - 1) * stride + kernel.ne[1];
    return f32(computedShape(o, [width, height, kernel.ne[2], x.ne[3]]));
  },
});

export const COL2IM_1D = define<OperationParams & { stride: number; outputs: number; padding: number }>({
  name: 'COL2IM_1D',
  operands: ['columns'],
  result: (o, { stride, outputs, padding }) => {
    const columns = o.tensor('columns');
    o.requireNe('columns', [ANY, ANY, 1, 1]);
    o.requireContiguous('columns');
    o.requireType('columns', 'f32', 'f16', 'bf16');
    requireIntegers(o, { stride, outputs }, 1);
    requireIntegers(o, { padding }, 0);
    const width = columns.ne[0] / outputs;
    const length = (columns.ne[1] - 1) * stride + width - 2 * padding;
    const isWhole = Number.isInteger(width) && width > 0;
    o.require(isWhole, 'columns', () => `of a multiple of ${outputs} outputs in dimension 0`);
    o.require(length > 0, 'columns', () => `longer than the padding of ${padding} at either end`);
    return { type: columns.type, ne: [length, outputs, 1, 1] };
  },
});

/** The rows of this family. */
export const DIRECT_CONVOLUTION_OPERATIONS = [
  CONV_2D,
  CONV_2D_DW,
  CONV_3D,
  CONV_TRANSPOSE_1D,
  CONV_TRANSPOSE_2D,
  COL2IM_1D,
];

/** Direct and transposed convolutions. Widths come first; a single setting counts for every dimension. */
export abstract class DirectConvolutionOps extends Applier {
  /**
   * Convolution over dimensions 0 and 1 without patches in memory: `[width, height, outputs, images]`, of the type of
   * `x`.
   *
   * @param kernel `[width, height, channels, outputs]`
   * @param x `[width, height, channels, images]`
   * @throws PlannerError `BAD_OPERAND`, `BAD_ARGUMENT`
   */
  conv2dDirect(kernel: Tensor, x: Tensor, options: SlidingOptions = {}): Tensor {
    return this.apply(CONV_2D, [kernel, x], slidingOver(CONV_2D, 2, options));
  }

  /**
   * Convolution of each channel by itself, over dimensions 0 and 1: `[width, height, channels, images]`, laid out in
   * memory as `x` is.
   *
   * @param kernel `[width, height, 1, channels]`
   * @param x `[width, height, channels, images]`
   * @throws PlannerError `BAD_OPERAND`, `BAD_ARGUMENT`
   */
  conv2dDepthwiseDirect(kernel: Tensor, x: Tensor, options: SlidingOptions = {}): Tensor {
    return this.apply(CONV_2D_DW, [kernel, x], slidingOver(CONV_2D_DW, 2, options));
  }

  /**
   * Convolution over three dimensions without patches in memory: f32 `[width, height, depth, outputs × videos]`.
   *
   * @param kernel `[width, height, depth, channels × outputs]`
   * @param x `[width, height, depth, channels × videos]`
   * @throws PlannerError `BAD_OPERAND`, `BAD_ARGUMENT`
   */
  conv3dDirect(kernel: Tensor, x: Tensor, channels: number, options: SlidingOptions = {}): Tensor {
    checkTensor(CONV_3D.name, kernel, 'kernel');
    checkTensor(CONV_3D.name, x, 'x');
    requireIntegers(CONV_3D, { channels }, 1);
    const split = { channels, outputs: kernel.ne[3] / channels, videos: x.ne[3] / channels };
    return this.apply(CONV_3D, [kernel, x], { ...slidingOver(CONV_3D, 3, options), ...split });
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
   * Adds up overlapping columns to a signal `[length, outputs]` of the columns' type.
   *
   * @param columns contiguous f32, f16 or bf16 `[width × outputs, positions]`
   * @param padding elements dropped at either end. Default 0
   * @throws PlannerError `BAD_OPERAND`, `BAD_ARGUMENT`
   */
  col2im1d(columns: Tensor, stride: number, outputs: number, padding = 0): Tensor {
    return this.apply(COL2IM_1D, [columns], { stride, outputs, padding });
  }
}
