/**
 * Kernels that slide: patches, direct convolutions and transposed convolutions.
 */
import { IM2COL, IM2COL_3D, IM2COL_BACK } from '../../../dialects/ggml/ops/convolution.js';
import {
  COL2IM_1D,
  CONV_2D,
  CONV_2D_DW,
  CONV_3D,
  CONV_TRANSPOSE_1D,
  CONV_TRANSPOSE_2D,
} from '../../../dialects/ggml/ops/direct-convolution.js';
import type { Elements } from '../elements.js';
import { clear } from './memory.js';
import type { Call, Kernel, Kernels } from './kernel.js';

/** Where kernel element `k` reads when the kernel is at position `i`, along dimension `dim`. */
function reach(call: Call, dim: number, i: number, k: number): number {
  const [stride, padding, dilation] = ['stride', 'padding', 'dilation'].map((name) => call.numbers(name)[dim]);
  return i * stride + k * dilation - padding;
}

/** The element of the input, or 0 where the kernel reaches beyond it. */
function paddedGet(x: Elements, x0: number, x1: number, x2: number, x3: number): number {
  const isInside = x0 >= 0 && x0 < x.ne[0] && x1 >= 0 && x1 < x.ne[1] && x2 >= 0 && x2 < x.ne[2];
  return isInside ? x.get(x0, x1, x2, x3) : 0;
}

/** Over one dimension `x` is `[width, channels, sequences]`, over two `[width, height, channels, images]`. */
const im2col: Kernel = (call) => {
  const [kernel, x] = [call.source(0), call.source(1)];
  const width = kernel.ne[0];
  const rank = call.numbers('stride').length;
  call.out.forEach((patch, column, row, image) => {
    const rest = Math.floor(patch / width);
    const x0 = reach(call, 0, column, patch % width);
    if (rank === 1) {
      call.out.set(paddedGet(x, x0, rest, row, image), patch, column, row, image);
    } else {
      const x1 = reach(call, 1, row, rest % kernel.ne[1]);
      const value = paddedGet(x, x0, x1, Math.floor(rest / kernel.ne[1]), image);
      call.out.set(value, patch, column, row, image);
    }
  });
};

const im2col3d: Kernel = (call) => {
  const [kernel, x] = [call.source(0), call.source(1)];
  const [k0, k1, k2] = kernel.ne;
  const channels = call.number('channels');
  const depth = call.out.ne[3] / (x.ne[3] / channels);
  call.out.forEach((patch, i0, i1, i3) => {
    const channel = Math.floor(patch / (k0 * k1 * k2));
    const x0 = reach(call, 0, i0, patch % k0);
    const x1 = reach(call, 1, i1, Math.floor(patch / k0) % k1);
    const x2 = reach(call, 2, i3 % depth, Math.floor(patch / (k0 * k1)) % k2);
    call.out.set(paddedGet(x, x0, x1, x2, Math.floor(i3 / depth) * channels + channel), patch, i0, i1, i3);
  });
};

/** The gradient of each patch is added to the elements that the patch was read from. */
const im2colBack: Kernel = (call) => {
  const [gradient, kernel] = [call.source(0), call.source(1)];
  const { out } = call;
  const isFlat = call.numbers('stride').length === 1;
  const [width, height] = [kernel.ne[0], isFlat ? 1 : kernel.ne[1]];
  clear(out);
  gradient.forEach((patch, column, row, image) => {
    const rest = Math.floor(patch / width);
    const x0 = reach(call, 0, column, patch % width);
    const x1 = isFlat ? rest : reach(call, 1, row, rest % height);
    const [x2, x3] = isFlat ? [row, image] : [Math.floor(rest / height), image];
    if (x0 < 0 || x0 >= out.ne[0] || x1 < 0 || x1 >= out.ne[1]) return;
    out.set(out.get(x0, x1, x2, x3) + gradient.get(patch, column, row, image), x0, x1, x2, x3);
  });
};

const conv2d: Kernel = (call) => {
  const [kernel, x] = [call.source(0), call.source(1)];
  call.out.forEach((i0, i1, output, image) => {
    let value = 0;
    for (let channel = 0; channel < kernel.ne[2]; channel++) {
      value += underKernel(call, i0, i1, (k0, k1, x0, x1) => {
        return kernel.get(k0, k1, channel, output) * paddedGet(x, x0, x1, channel, image);
      });
    }
    call.out.set(value, i0, i1, output, image);
  });
};

const conv2dDepthwise: Kernel = (call) => {
  const [kernel, x] = [call.source(0), call.source(1)];
  call.out.forEach((i0, i1, channel, image) => {
    const value = underKernel(call, i0, i1, (k0, k1, x0, x1) => {
      return kernel.get(k0, k1, 0, channel) * paddedGet(x, x0, x1, channel, image);
    });
    call.out.set(value, i0, i1, channel, image);
  });
};

/** The sum over the kernel's first two dimensions at a position. */
function underKernel(
  call: Call,
  i0: number,
  i1: number,
  term: (k0: number, k1: number, x0: number, x1: number) => number,
): number {
  const [width, height] = call.source(0).ne;
  let value = 0;
  for (let k1 = 0; k1 < height; k1++) {
    for (let k0 = 0; k0 < width; k0++) value += term(k0, k1, reach(call, 0, i0, k0), reach(call, 1, i1, k1));
  }
  return value;
}

const conv3d: Kernel = (call) => {
  const [kernel, x] = [call.source(0), call.source(1)];
  const [channels, outputs] = [call.number('channels'), call.number('outputs')];
  call.out.forEach((i0, i1, i2, i3) => {
    const [video, output] = [Math.floor(i3 / outputs), i3 % outputs];
    let value = 0;
    for (let channel = 0; channel < channels; channel++) {
      for (let k2 = 0; k2 < kernel.ne[2]; k2++) {
        value += underKernel(call, i0, i1, (k0, k1, x0, x1) => {
          const weight = kernel.get(k0, k1, k2, output * channels + channel);
          return weight * paddedGet(x, x0, x1, reach(call, 2, i2, k2), video * channels + channel);
        });
      }
    }
    call.out.set(value, i0, i1, i2, i3);
  });
};

/** Kernel `[width, outputs, channels]`, input `[positions, channels]`; contributions add up in the result. */
const convTranspose1d: Kernel = (call) => {
  const [kernel, x] = [call.source(0), call.source(1)];
  clear(call.out);
  x.forEach((position, channel, sequence) => {
    for (let output = 0; output < kernel.ne[1]; output++) {
      for (let k = 0; k < kernel.ne[0]; k++) {
        const at = [position * call.number('stride') + k, output, sequence] as const;
        call.out.set(call.out.get(...at) + x.get(position, channel, sequence) * kernel.get(k, output, channel), ...at);
      }
    }
  });
};

const convTranspose2d: Kernel = (call) => {
  const [kernel, x] = [call.source(0), call.source(1)];
  const stride = call.number('stride');
  clear(call.out);
  x.forEach((i0, i1, channel, image) => {
    kernel.forEach((k0, k1, output, kernelChannel) => {
      if (kernelChannel !== channel) return;
      const at = [i0 * stride + k0, i1 * stride + k1, output, image] as const;
      call.out.set(call.out.get(...at) + x.get(i0, i1, channel, image) * kernel.get(k0, k1, output, channel), ...at);
    });
  });
};

const col2im: Kernel = (call) => {
  const columns = call.source(0);
  const [length, outputs] = call.out.ne;
  const width = columns.ne[0] / outputs;
  for (let output = 0; output < outputs; output++) {
    for (let i = 0; i < length; i++) {
      let value = 0;
      for (let position = 0; position < columns.ne[1]; position++) {
        const k = i + call.number('padding') - position * call.number('stride');
        if (k >= 0 && k < width) value += columns.get(output * width + k, position);
      }
      call.out.set(value, i, output);
    }
  }
};

export const CONVOLUTION_KERNELS: Kernels = [
  [IM2COL, im2col],
  [IM2COL_3D, im2col3d],
  [IM2COL_BACK, im2colBack],
  [CONV_2D, conv2d],
  [CONV_2D_DW, conv2dDepthwise],
  [CONV_3D, conv3d],
  [CONV_TRANSPOSE_1D, convTranspose1d],
  [CONV_TRANSPOSE_2D, convTranspose2d],
  [COL2IM_1D, col2im],
];
