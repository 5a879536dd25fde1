/**
 * Operations that change lengths: pooling, scaling, padding, and shifting round.
 *
 * Behaviour as in ggml's `ggml_pool_1d`, `ggml_pool_2d`, `ggml_interpolate`, `ggml_pad_ext`, `ggml_pad_reflect_1d`,
 * `ggml_roll`. Elements move, so nothing is overwritten.
 */
import type { OptionNames } from '../../../errors.js';
import { shape } from '../shape.js';
import type { OperationParams, Tensor } from '../../../tensor/tensor.js';
import { rowsOf, type Result } from '../row.js';
import type { Operands } from '../operands.js';
import {
  checkSettings,
  flag,
  fourOf,
  like,
  f32,
  requireArgument,
  requireIntegers,
  requireWord,
  listOf,
} from './rules.js';
import type { Named } from './rules.js';
import { Applier, checkTensor } from './applier.js';
import { computedShape, perDimension, requireList } from './sliding.js';
import { cutOf, slicedShape } from '../../../tensor/slice.js';

const define = rowsOf('convolution');

/** The largest, or the mean, of the elements under the window. */
export type Pooling = 'max' | 'avg';

const POOLINGS: readonly string[] = ['max', 'avg'] satisfies Pooling[];

interface PoolParams extends OperationParams {
  readonly pooling: Pooling;
  readonly window: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];
}

/** How a pooling window slides. A single number counts for every dimension. */
export interface PoolOptions {
  /** Elements from one position to the next. Default: the window's own length. */
  readonly stride?: number | readonly number[];
  /** Elements assumed at either end; over two dimensions fractions are allowed. Default 0. */
  readonly padding?: number | readonly number[];
}

const POOL_OPTIONS: OptionNames<PoolOptions> = { stride: true, padding: true };

function poolParams(
  row: Named,
  rank: number,
  pooling: Pooling,
  size: number | readonly number[],
  options: PoolOptions,
): PoolParams {
  checkSettings(options, POOL_OPTIONS, row);
  const window = perDimension(row, 'window', rank, size);
  const { stride = window, padding = 0 } = options;
  return {
    pooling,
    window,
    stride: perDimension(row, 'stride', rank, stride),
    padding: perDimension(row, 'padding', rank, padding),
  };
}

function requirePooling(o: Operands, rank: number, { pooling, window, stride, padding }: PoolParams): void {
  requireWord(o, 'pooling', pooling, POOLINGS);
  requireList(o, 'window', rank, window, 1);
  requireList(o, 'stride', rank, stride, 1);
  const isPadding = padding.length === rank && padding.every((n) => Number.isFinite(n) && n >= 0);
  requireArgument(isPadding, o, 'padding', padding, `a number of at least 0, or a list of ${rank}`);
}

function pooled(o: Operands, rank: number, params: PoolParams): Result {
  requirePooling(o, rank, params);
  const { window, stride, padding } = params;
  const lengths = o.tensor('a').ne.map((n, dim) => {
    if (dim >= rank) return n;
    const count = Math.trunc((n + 2 * padding[dim] - window[dim]) / stride[dim] + 1);
    o.require(count > 0, 'a', () => `of at least ${window[dim]} with padding in dimension ${dim}`);
    return count;
  });
  return f32(shape(lengths));
}

export const POOL_1D = define<PoolParams>({
  name: 'POOL_1D',
  operands: ['a'],
  result: (o, params) => pooled(o, 1, params),
});

export const POOL_2D = define<PoolParams>({
  name: 'POOL_2D',
  operands: ['a'],
  result: (o, params) => pooled(o, 2, params),
});

export const POOL_2D_BACK = define<PoolParams>({
  name: 'POOL_2D_BACK',
  operands: ['gradient', 'a'],
  result: (o, params) => {
    requirePooling(o, 2, params);
    return f32(o.tensor('a').ne);
  },
});

/** The method that computes an element between others. */
export type ScaleMode = 'nearest' | 'bilinear' | 'bicubic';

const SCALE_MODES: readonly string[] = ['nearest', 'bilinear', 'bicubic'] satisfies ScaleMode[];

export const UPSCALE = define<
  OperationParams & { ne: readonly number[]; mode: ScaleMode; alignCorners: boolean; antialias: boolean }
>({
  name: 'UPSCALE',
  operands: ['a'],
  cut: ({ shape, sources: [a], params }, slice) => {
    const { dim, from, to } = slice;
    const factor = shape[dim] / a!.shape[dim];
    if (params.mode !== 'nearest' || !Number.isInteger(factor)) return null;
    const operand = { dim, from: Math.floor(from / factor), to: Math.ceil(to / factor) };
    const ne = slicedShape(shape, { dim, from: operand.from * factor, to: operand.to * factor });
    return {
      operands: [operand],
      params: { ne },
      before: from - operand.from * factor,
      after: operand.to * factor - to,
    };
  },
  result: (o, { ne, mode, antialias }) => {
    o.requireType('a', 'f32');
    requireWord(o, 'mode', mode, SCALE_MODES);
    requireArgument(!antialias || mode === 'bilinear', o, 'mode', mode, 'bilinear, to be antialiased');
    return f32(shape(ne, o.name));
  },
});

export const PAD = define<OperationParams & { before: readonly number[]; after: readonly number[]; circular: boolean }>(
  {
    name: 'PAD',
    operands: ['a'],
    cut: ({ shape, sources: [a] }, slice) => cutOf([shape[slice.dim] === a!.shape[slice.dim] ? slice : undefined]),
    result: (o, { before, after }) => {
      const a = o.tensor('a');
      requireList(o, 'before', 4, before, 0);
      requireList(o, 'after', 4, after, 0);
      return { type: a.type, ne: shape(a.ne.map((n, dim) => n + before[dim] + after[dim])) };
    },
  },
);

export const PAD_REFLECT_1D = define<OperationParams & { before: number; after: number }>({
  name: 'PAD_REFLECT_1D',
  operands: ['a'],
  result: (o, { before, after }) => {
    const a = o.tensor('a');
    requireIntegers(o, { before, after }, 0);
    const longest = Math.max(before, after);
    requireArgument(longest < a.ne[0], o, 'padding', longest, `less than ${a.ne[0]}, the length of a row`);
    o.requireContiguous('a');
    o.requireType('a', 'f32');
    return f32(computedShape(o, [a.ne[0] + before + after, a.ne[1], a.ne[2], a.ne[3]]));
  },
});

export const ROLL = define<OperationParams & { shifts: readonly number[] }>({
  name: 'ROLL',
  operands: ['a'],
  result: (o, { shifts }) => {
    const a = o.tensor('a');
    o.requireStrides(a.nb[0] === a.type.blockBytes, 'a', 'made of dense rows');
    requireList(o, 'shifts', 4, shifts, -Infinity);
    const isShort = shifts.every((shift, dim) => Math.abs(shift) < a.ne[dim]);
    requireArgument(isShort, o, 'shifts', shifts, `shorter than [${a.ne.join(', ')}]`);
    return like(a);
  },
});

/** The rows of this family. */
export const RESAMPLING_OPERATIONS = [POOL_1D, POOL_2D, POOL_2D_BACK, UPSCALE, PAD, PAD_REFLECT_1D, ROLL];

/** Settings of scaling. */
export interface InterpolateOptions {
  /** Default `nearest`. */
  readonly mode?: ScaleMode;
  /** Whether the first and last elements keep their places. Default false. */
  readonly alignCorners?: boolean;
  /** Whether shrinking averages, for `bilinear`. Default false. */
  readonly antialias?: boolean;
}

const INTERPOLATE_OPTIONS: OptionNames<InterpolateOptions> = { mode: true, alignCorners: true, antialias: true };

/** Options of padding. */
export interface PadOptions {
  /** Elements added before the first one, per dimension, innermost first. Default: none. */
  readonly before?: readonly number[];
  /** Whether elements from the other end are added instead of zeros. Default false. */
  readonly circular?: boolean;
}

const PAD_OPTIONS: OptionNames<PadOptions> = { before: true, circular: true };

/** Pooling, scaling, padding, and shifting round. */
export abstract class ResamplingOps extends Applier {
  /** Pools `window` elements of dimension 0 at a time, f32. @throws PlannerError `BAD_OPERAND`, `BAD_ARGUMENT` */
  pool1d(a: Tensor, pooling: Pooling, window: number, options: PoolOptions = {}): Tensor {
    return this.apply(POOL_1D, [a], poolParams(POOL_1D, 1, pooling, window, options));
  }

  /** Pools a window over dimensions 0 and 1, f32. @throws PlannerError `BAD_OPERAND`, `BAD_ARGUMENT` */
  pool2d(a: Tensor, pooling: Pooling, window: number | readonly number[], options: PoolOptions = {}): Tensor {
    return this.apply(POOL_2D, [a], poolParams(POOL_2D, 2, pooling, window, options));
  }

  /** The gradient of `pool2d(a, …)`, f32 of the shape of `a`. @throws PlannerError `BAD_ARGUMENT` */
  pool2dBack(
    gradient: Tensor,
    a: Tensor,
    pooling: Pooling,
    window: number | readonly number[],
    options: PoolOptions = {},
  ): Tensor {
    return this.apply(POOL_2D_BACK, [gradient, a], poolParams(POOL_2D_BACK, 2, pooling, window, options));
  }

  /**
   * The f32 tensor `a`, `factor` times as wide and as high.
   *
   * @param factor an integer of at least 2
   * @throws PlannerError `BAD_OPERAND`, `BAD_ARGUMENT`
   */
  upscale(a: Tensor, factor: number, options: InterpolateOptions = {}): Tensor {
    checkTensor(UPSCALE.name, a, 'a');
    requireIntegers(UPSCALE, { factor }, 2);
    return this.interpolate(a, [a.ne[0] * factor, a.ne[1] * factor, a.ne[2], a.ne[3]], options);
  }

  /** The f32 tensor `a` scaled to the shape `ne`. @throws PlannerError `BAD_OPERAND`, `BAD_ARGUMENT`, `BAD_SHAPE` */
  interpolate(a: Tensor, ne: readonly number[], options: InterpolateOptions = {}): Tensor {
    checkSettings(options, INTERPOLATE_OPTIONS, UPSCALE);
    const { mode = 'nearest', alignCorners = false, antialias = false } = options;
    return this.apply(UPSCALE, [a], {
      ne: listOf(UPSCALE, 'ne', ne),
      mode,
      alignCorners: flag(UPSCALE, 'alignCorners', alignCorners),
      antialias: flag(UPSCALE, 'antialias', antialias),
    });
  }

  /**
   * `a` with zeros around it.
   *
   * @param after elements added after the last one, per dimension, innermost first; those left out are 0
   * @throws PlannerError `BAD_ARGUMENT`
   */
  pad(a: Tensor, after: readonly number[], options: PadOptions = {}): Tensor {
    checkSettings(options, PAD_OPTIONS, PAD);
    const { before = [], circular = false } = options;
    return this.apply(PAD, [a], {
      before: fourOf(PAD, 'before', before),
      after: fourOf(PAD, 'after', after),
      circular: flag(PAD, 'circular', circular),
    });
  }

  /**
   * The contiguous f32 tensor `a` with its rows mirrored at both ends.
   *
   * @param before elements added before a row, less than its length
   * @param after elements added after a row, less than its length
   * @throws PlannerError `BAD_OPERAND`, `BAD_ARGUMENT`
   */
  padReflect1d(a: Tensor, before: number, after: number): Tensor {
    return this.apply(PAD_REFLECT_1D, [a], { before, after });
  }

  /**
   * `a` with its elements shifted; elements that leave at one end enter at the other.
   *
   * @param shifts elements per dimension, innermost first, each shorter than the dimension; those left out are 0
   * @throws PlannerError `BAD_OPERAND`, `BAD_ARGUMENT`
   */
  roll(a: Tensor, shifts: readonly number[]): Tensor {
    return this.apply(ROLL, [a], { shifts: fourOf(ROLL, 'shifts', shifts) });
  }
}
