/**
 * Operations made of other operations, as ggml composes them.
 *
 * Invariant: no method here has a row of its own. Each method applies operations of other families, which the class
 * declares as abstract members and a `Context` provides. In a convolution the patches under the kernel become rows, and
 * a matrix product does the rest. Behaviour as in ggml's `ggml_conv_1d`, `ggml_conv_2d`, `ggml_conv_3d`, the depthwise
 * variants, and `ggml_argsort_top_k`.
 */
import type { ElementTypeName } from '../../../tensor/element-type.js';
import type { Tensor } from '../../../tensor/tensor.js';
import { requireArgument, requireIntegers } from './rules.js';
import type { ConvolutionOps } from './convolution.js';
import type { MatrixOps } from './matrix.js';
import type { MemoryOps } from './memory.js';
import { checkTensor } from './applier.js';
import { ARGSORT, type ReductionOps } from './reduction.js';
import type { SlidingOptions } from './sliding.js';
import type { ViewOps } from './views.js';

/** The type that ggml gives patches: f16, unless the kernel is bf16, whose range f16 would lose. */
function patchType(kernel: Tensor): ElementTypeName {
  return kernel.type.name === 'bf16' ? 'f32' : 'f16';
}

/** Both operands are read here, before an operation could check them. @throws PlannerError `BAD_OPERAND` */
function checkOperands(op: string, kernel: Tensor, x: Tensor): void {
  checkTensor(op, kernel, 'kernel');
  checkTensor(op, x, 'x');
}

/** Compositions. Widths come first; a single setting counts for every dimension. */
export abstract class CompositeOps {
  abstract reshape: ViewOps['reshape'];
  abstract view: ViewOps['view'];
  abstract permute: ViewOps['permute'];
  abstract cont: MemoryOps['cont'];
  abstract mulMat: MatrixOps['mulMat'];
  abstract argsort: ReductionOps['argsort'];
  abstract im2col: ConvolutionOps['im2col'];
  abstract im2col3d: ConvolutionOps['im2col3d'];

  /**
   * Per row of `a`, the indices of its `k` largest elements, largest first: a view `[k, …]` of a sort, as ggml's
   * `ggml_argsort_top_k` builds it.
   *
   * @throws PlannerError `BAD_ARGUMENT` unless `k` is at most the length of the rows
   */
  argsortTopK(a: Tensor, k: number): Tensor {
    checkTensor('ARGSORT', a, 'a');
    requireIntegers(ARGSORT, { k }, 0);
    requireArgument(k <= a.ne[0], ARGSORT, 'k', k, `at most ${a.ne[0]}, the length of the rows`);
    const sorted = this.argsort(a, 'desc');
    const [, ...outer] = sorted.ne;
    return this.view(sorted, [k, ...outer], sorted.nb.slice(1));
  }

  /**
   * Convolution along dimension 0: `[positions, outputs, sequences]`.
   *
   * @param kernel contiguous `[width, channels, outputs]`
   * @param x `[length, channels, sequences]`
   * @throws PlannerError `BAD_OPERAND`, `BAD_ARGUMENT`
   */
  conv1d(kernel: Tensor, x: Tensor, options: SlidingOptions = {}): Tensor {
    checkOperands('IM2COL', kernel, x);
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
    checkOperands('IM2COL', kernel, x);
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
    checkOperands('IM2COL', kernel, x);
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
    checkOperands('IM2COL', kernel, x);
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
    checkOperands('IM2COL_3D', kernel, x);
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
