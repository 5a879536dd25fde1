/**
 * Layers with weights of their own: products, convolutions, norms and tables.
 *
 * Behaviour as in stable-diffusion.cpp's `Linear`, `Conv2d`, `Conv3d`, `LayerNorm`, `GroupNorm`, `RMSNorm` and
 * `Embedding`. Most of these write in place: the bias is added to the product in the product's own bytes.
 */
import type { Tensor } from '../../../tensor/tensor.js';
import type { Scope } from '../graph-context.js';
import type { WeightUse } from '../weights.js';
import { contiguous, rank } from './shapes.js';

export const IN_PLACE = { inPlace: true } as const;

/** Above this many matrices in `x`, a product takes their rows as one matrix. */
const MOST_MATRICES = 1024;

export interface LinearOptions {
  /** Whether a bias is added. Default true. */
  readonly hasBias?: boolean;
  /** `vector` for a matrix that is f32 in every file. Default `matrix`. */
  readonly use?: WeightUse;
  /** Factor of what enters the product, against overflow; the result is divided by it. Default 1: none. */
  readonly scale?: number;
}

/** Each row of `x` times a matrix, as rows of `length` elements. */
export function linear(s: Scope, x: Tensor, length: number, options: LinearOptions = {}): Tensor {
  const { ctx } = s;
  const { hasBias = true, use = 'matrix', scale = 1 } = options;
  const matrix = s.weight('weight', [x.ne[0], length], use);
  const factor = scale === 1 ? x : scaled(s, x, scale);
  const product = scale === 1 ? multiply(s, matrix, factor) : scaled(s, multiply(s, matrix, factor), 1 / scale);
  return hasBias ? ctx.add(product, s.weight('bias', [length], 'vector'), IN_PLACE) : product;
}

function multiply({ ctx }: Scope, matrix: Tensor, x: Tensor): Tensor {
  const [length, rows, planes, volumes] = x.ne;
  if (planes * volumes <= MOST_MATRICES) return ctx.mulMat(matrix, x);
  const product = ctx.mulMat(matrix, ctx.reshape(x, [length, rows * planes * volumes]));
  return ctx.reshape(product, [product.ne[0], rows, planes, volumes]);
}

/** `x` times a number; a copy of it where its rows do not lie one after the other. */
export function scaled({ ctx }: Scope, x: Tensor, factor: number, options = {}): Tensor {
  const hasEvenRows = x.nb[0] === x.type.blockBytes && x.nb[2] === x.nb[1] * x.ne[1] && x.nb[3] === x.nb[2] * x.ne[2];
  return ctx.scale(hasEvenRows ? x : ctx.cont(x), factor, options);
}

/** GELU in place, of a copy where `x` is not contiguous. */
export function gelu({ ctx }: Scope, x: Tensor): Tensor {
  return ctx.gelu(contiguous(ctx, x), IN_PLACE);
}

export interface ConvolutionOptions {
  /** Elements of the kernel along each dimension, innermost first. Default 3 in both. */
  readonly kernel?: readonly number[];
  /** Default 1. */
  readonly stride?: number | readonly number[];
  /** Default 1, and 0 for a kernel of 1 × 1. */
  readonly padding?: number;
}

/** A convolution over an image `[width, height, channels, images]`. */
export function convolution2d(s: Scope, x: Tensor, channels: number, options: ConvolutionOptions = {}): Tensor {
  const { ctx } = s;
  const { kernel = [3, 3], stride = 1, padding = kernel[0] === 1 ? 0 : 1 } = options;
  const { directConvolution, convolutionScale: scale } = s.g.computation;
  const weight = s.weight('weight', [...kernel, x.ne[2], channels], 'kernel');
  const factor = scale === 1 ? x : scaled(s, x, scale);
  const sliding = { stride, padding };
  const product = directConvolution ? ctx.conv2dDirect(weight, factor, sliding) : ctx.conv2d(weight, factor, sliding);
  const result = scale === 1 ? product : scaled(s, product, 1 / scale);
  const bias = ctx.reshape(s.weight('bias', [channels], 'vector'), [1, 1, channels, 1]);
  return ctx.add(result, bias, IN_PLACE);
}

/** A convolution over a video `[width, height, frames, channels]` of one stride for each dimension. */
export function convolution3d(s: Scope, x: Tensor, channels: number, options: ConvolutionOptions): Tensor {
  const { ctx } = s;
  const { kernel = [3, 3, 3], stride = 1, padding = 0 } = options;
  const inputs = x.ne[3];
  const weight = s.weight('weight', [...kernel, inputs * channels], 'kernel');
  const product = ctx.conv3d(weight, x, inputs, { stride, padding });
  return ctx.add(product, ctx.reshape(s.weight('bias', [channels], 'vector'), [1, 1, 1, channels]), IN_PLACE);
}

/** @param isAffine whether the rows are multiplied and shifted afterwards */
export function layerNorm(s: Scope, x: Tensor, isAffine = true): Tensor {
  const { ctx } = s;
  const normed = ctx.norm(x, 1e-5);
  if (!isAffine) return normed;
  const [length] = x.ne;
  const multiplied = ctx.mul(normed, s.weight('weight', [length], 'vector'), IN_PLACE);
  return ctx.add(multiplied, s.weight('bias', [length], 'vector'), IN_PLACE);
}

/** A norm of the channels, dimension 2 of `x`, in 32 groups. */
export function groupNorm(s: Scope, x: Tensor): Tensor {
  const { ctx } = s;
  const channels = x.ne[2];
  const perChannel = (name: string): Tensor => {
    const weight = s.weight(name, [channels], 'vector');
    return rank(x) >= 3 ? ctx.reshape(weight, [1, 1, channels, 1]) : weight;
  };
  const [weight, bias] = [perChannel('weight'), perChannel('bias')];
  return ctx.add(ctx.mul(ctx.groupNorm(x, 32, 1e-6), weight, IN_PLACE), bias, IN_PLACE);
}

/** A norm whose product is in place. */
export function rmsNorm(s: Scope, x: Tensor): Tensor {
  return s.ctx.mul(s.ctx.rmsNorm(x, 1e-6), s.weight('weight', [x.ne[0]], 'vector'), IN_PLACE);
}

/** A norm whose product is not in place, as T5 and Flux have it. @param name of the weight */
export function rmsNormCopied(s: Scope, x: Tensor, name = 'weight'): Tensor {
  return s.ctx.mul(s.ctx.rmsNorm(x, 1e-6), s.weight(name, [x.ne[0]], 'vector'));
}

/** Two products with SiLU between them, as what embeds a time step has them. */
export function siluPair(first: Scope, second: Scope, x: Tensor, length: number, options: LinearOptions = {}): Tensor {
  const inner = first.ctx.silu(linear(first, x, length, options), IN_PLACE);
  return linear(second, inner, length, options);
}

/** Sines and cosines of time steps. */
export function timestepEmbedding(s: Scope, timesteps: Tensor, length: number, factor = 1): Tensor {
  return s.ctx.timestepEmbedding(scaled(s, timesteps, factor), length);
}
