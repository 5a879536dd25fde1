/**
 * Kernels that slide over one to three dimensions: their settings, and the lengths of the result.
 *
 * Behaviour as in ggml's `ggml_calc_conv_output_size`, whose division drops the fraction, also below zero.
 */
import type { OptionNames } from '../../../errors.js';
import type { Dims4 } from '../../../tensor/layout.js';
import { shape } from '../shape.js';
import type { OperationParams } from '../../../tensor/tensor.js';
import type { Operands } from '../operands.js';
import { checkSettings, requireArgument, requireIntegers, type Named } from './rules.js';

/** One number per dimension that the kernel slides over, innermost first. */
export interface Sliding extends OperationParams {
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
}

/** How a kernel slides. A single number counts for every dimension. */
export interface SlidingOptions {
  /** Elements from one position to the next. Default 1. */
  readonly stride?: number | readonly number[];
  /** Zeros assumed at either end. Default 0. */
  readonly padding?: number | readonly number[];
  /** Input elements from one kernel element to the next. Default 1. */
  readonly dilation?: number | readonly number[];
}

const SLIDING_OPTIONS: OptionNames<SlidingOptions> = { stride: true, padding: true, dilation: true };

/** Settings of a kernel that slides over `rank` dimensions. @throws PlannerError `BAD_ARGUMENT` */
export function slidingOver(row: Named, rank: number, options: SlidingOptions): Sliding {
  checkSettings(options, SLIDING_OPTIONS, row);
  const { stride = 1, padding = 0, dilation = 1 } = options;
  return {
    stride: perDimension(row, 'stride', rank, stride),
    padding: perDimension(row, 'padding', rank, padding),
    dilation: perDimension(row, 'dilation', rank, dilation),
  };
}

/** One number per dimension. @throws PlannerError `BAD_ARGUMENT` */
export function perDimension(op: Named, what: string, rank: number, setting: number | readonly number[]): number[] {
  if (typeof setting === 'number') return new Array<number>(rank).fill(setting);
  requireArgument(Array.isArray(setting), op, what, setting, `a number, or a list of ${rank}`);
  return [...setting];
}

/** Checks that every list has `rank` integers of at least the list's minimum. @throws PlannerError `BAD_ARGUMENT` */
export function requireSliding(op: Named, rank: number, { stride, padding, dilation }: Sliding): void {
  requireList(op, 'stride', rank, stride, 1);
  requireList(op, 'padding', rank, padding, 0);
  requireList(op, 'dilation', rank, dilation, 1);
}

/** @throws PlannerError `BAD_ARGUMENT` */
export function requireList(op: Named, what: string, length: number, list: readonly number[], min: number): void {
  requireArgument(Array.isArray(list) && list.length === length, op, what, list, `a number, or a list of ${length}`);
  requireIntegers(op, Object.fromEntries(list.map((value, dim) => [`${what}[${dim}]`, value])), min);
}

/**
 * Positions of the operand `kernel` on `x` along each dimension that it slides over.
 *
 * @throws PlannerError `BAD_ARGUMENT`, `BAD_OPERAND`
 */
export function positions(o: Operands, rank: number, sliding: Sliding): number[] {
  const [kernel, x] = [o.tensor('kernel'), o.tensor('x')];
  requireSliding(o, rank, sliding);
  return Array.from({ length: rank }, (_, dim) => {
    const reach = sliding.dilation[dim] * (kernel.ne[dim] - 1) + 1;
    const room = x.ne[dim] + 2 * sliding.padding[dim] - reach;
    const count = Math.trunc(room / sliding.stride[dim]) + 1;
    o.require(count > 0, 'x', () => `long enough in dimension ${dim} for a kernel that spans ${reach}`);
    return count;
  });
}

/** A shape whose lengths were computed; a negative length is an error. @throws PlannerError `BAD_SHAPE` */
export function computedShape({ name }: Named, ne: Dims4): Dims4 {
  return shape(ne, `${name}: shape of the result`);
}
