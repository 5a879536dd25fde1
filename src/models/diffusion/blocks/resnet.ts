/**
 * Blocks of convolutions: residual blocks, and what halves or doubles width and height.
 *
 * Behaviour as in stable-diffusion.cpp's `ResBlock`, `ResnetBlock`, `DownSampleBlock` and `UpSampleBlock`.
 */
import type { Tensor } from '../../../tensor/tensor.js';
import type { Scope } from '../graph-context.js';
import { convolution2d, groupNorm, IN_PLACE, linear } from './layers.js';

/** Norm, SiLU and a convolution of 3 × 3. */
export function normedConvolution(norm: Scope, convolution: Scope, x: Tensor, channels: number): Tensor {
  return convolution2d(convolution, norm.ctx.silu(groupNorm(norm, x), IN_PLACE), channels);
}

/** A residual block of a U-Net, into which the time step enters between its convolutions. */
export function timedResnet(s: Scope, x: Tensor, time: Tensor, channels: number): Tensor {
  const { ctx } = s;
  const inner = normedConvolution(s.at('in_layers.0'), s.at('in_layers.2'), x, channels);
  const shift = linear(s.at('emb_layers.1'), ctx.silu(time), channels);
  const timed = ctx.add(inner, ctx.reshape(shift, [1, 1, shift.ne[0], shift.ne[1]]));
  const result = normedConvolution(s.at('out_layers.0'), s.at('out_layers.3'), timed, channels);
  const isSame = x.ne[2] === channels;
  return ctx.add(result, isSame ? x : convolution2d(s.at('skip_connection'), x, channels, { kernel: [1, 1] }));
}

/** A residual block of an autoencoder. */
export function resnet(s: Scope, x: Tensor, channels: number): Tensor {
  const inner = normedConvolution(s.at('norm1'), s.at('conv1'), x, channels);
  const result = normedConvolution(s.at('norm2'), s.at('conv2'), inner, channels);
  const isSame = x.ne[2] === channels;
  return s.ctx.add(result, isSame ? x : convolution2d(s.at('nin_shortcut'), x, channels, { kernel: [1, 1] }));
}

/** Half as wide and high, as a U-Net does it: with padding on all sides. */
export function halvedEvenly(s: Scope, x: Tensor): Tensor {
  return convolution2d(s.at('op'), x, x.ne[2], { stride: 2 });
}

/** Half as wide and high, as an autoencoder does it: with padding on the right and below. */
export function halvedAfterPadding(s: Scope, x: Tensor): Tensor {
  return convolution2d(s.at('conv'), s.ctx.pad(x, [1, 1]), x.ne[2], { stride: 2, padding: 0 });
}

/** Twice as wide and high. */
export function doubled(s: Scope, x: Tensor): Tensor {
  return convolution2d(s.at('conv'), s.ctx.upscale(x, 2), x.ne[2]);
}
