/**
 * Row by row: norms, sums, means, sorting.
 *
 * Invariant: within a row (or group) reads and writes come in the order of ggml's kernels: a norm writes the
 * differences before it scales them, and a running sum overwrites each element after reading it.
 */
import { GROUP_NORM, L2_NORM, NORM, RMS_NORM } from '../../../dialects/ggml/ops/norm.js';
import {
  ARGMAX,
  ARGSORT,
  COUNT_EQUAL,
  CUMSUM,
  MEAN,
  SUM,
  SUM_ROWS,
  TOP_K,
} from '../../../dialects/ggml/ops/reduction.js';
import { RMS_NORM_BACK } from '../../../dialects/ggml/ops/training.js';
import type { Elements } from '../elements.js';
import type { Call, Kernel, Kernels } from './kernel.js';

type RowKernel = (a: RowOf, out: RowOf, call: Call) => void;

/** One row of a tensor. */
interface RowOf {
  readonly length: number;
  readonly get: (i0: number) => number;
  readonly set: (value: number, i0: number) => void;
}

export function rowOf(elements: Elements, i1: number, i2: number, i3: number): RowOf {
  return {
    length: elements.ne[0],
    get: (i0) => elements.get(i0, i1, i2, i3),
    set: (value, i0) => elements.set(value, i0, i1, i2, i3),
  };
}

/** The sum of `f(i)` for `i` from 0 to `length` (exclusive). */
export function sum(length: number, f: (i: number) => number): number {
  let total = 0;
  for (let i = 0; i < length; i++) total += f(i);
  return total;
}

const byRow =
  (f: RowKernel): Kernel =>
  (call) => {
    const a = call.source(0);
    a.forEachRow((i1, i2, i3) => f(rowOf(a, i1, i2, i3), rowOf(call.out, i1, i2, i3), call));
  };

const norm = byRow((a, out, call) => {
  const mean = sum(a.length, a.get) / a.length;
  let squares = 0;
  for (let i = 0; i < a.length; i++) {
    const rest = a.get(i) - mean;
    out.set(rest, i);
    squares += rest * rest;
  }
  scaleRow(out, 1 / Math.sqrt(squares / a.length + call.number('eps')));
});

const rmsNorm = byRow((a, out, call) => {
  const meanSquare = sum(a.length, (i) => a.get(i) ** 2) / a.length;
  copyRow(a, out);
  scaleRow(out, 1 / Math.sqrt(meanSquare + call.number('eps')));
});

const l2Norm = byRow((a, out, call) => {
  const squares = sum(a.length, (i) => a.get(i) ** 2);
  copyRow(a, out);
  scaleRow(out, 1 / Math.max(Math.sqrt(squares), call.number('eps')));
});

function copyRow(from: RowOf, to: RowOf): void {
  for (let i = 0; i < from.length; i++) to.set(from.get(i), i);
}

export function scaleRow(row: RowOf, factor: number): void {
  for (let i = 0; i < row.length; i++) row.set(row.get(i) * factor, i);
}

const groupNorm: Kernel = (call) => {
  const a = call.source(0);
  const { out } = call;
  const [, , channels, images] = a.ne;
  const perGroup = Math.ceil(channels / call.number('groups'));
  for (let i3 = 0; i3 < images; i3++) {
    for (let first = 0; first < channels; first += perGroup) {
      const end = Math.min(channels, first + perGroup);
      const count = a.ne[0] * a.ne[1] * (end - first);
      let total = 0;
      forEachOfGroup(a, first, end, (i0, i1, i2) => (total += a.get(i0, i1, i2, i3)));
      let squares = 0;
      forEachOfGroup(a, first, end, (i0, i1, i2) => {
        const rest = a.get(i0, i1, i2, i3) - total / count;
        out.set(rest, i0, i1, i2, i3);
        squares += rest * rest;
      });
      const factor = 1 / Math.sqrt(squares / count + call.number('eps'));
      forEachOfGroup(a, first, end, (i0, i1, i2) => out.set(out.get(i0, i1, i2, i3) * factor, i0, i1, i2, i3));
    }
  }
};

function forEachOfGroup(
  { ne }: Elements,
  first: number,
  end: number,
  visit: (i0: number, i1: number, i2: number) => void,
): void {
  for (let i2 = first; i2 < end; i2++) {
    for (let i1 = 0; i1 < ne[1]; i1++) for (let i0 = 0; i0 < ne[0]; i0++) visit(i0, i1, i2);
  }
}

const cumulativeSum = byRow((a, out) => {
  let total = 0;
  for (let i = 0; i < a.length; i++) out.set((total += a.get(i)), i);
});

const perRow = (f: (a: RowOf) => number): Kernel => byRow((a, out) => out.set(f(a), 0));

const sumAll: Kernel = (call) => {
  const a = call.source(0);
  let total = 0;
  a.forEach((...at) => (total += a.get(...at)));
  call.out.set(total, 0);
};

const argmax: Kernel = (call) => {
  const a = call.source(0);
  a.forEachRow((i1) => call.out.set(sortedIndices(rowOf(a, i1, 0, 0), 'desc')[0], i1));
};

/** The indices that sort a row; equal elements keep their order. */
function sortedIndices(a: RowOf, order: string): number[] {
  const values = Array.from({ length: a.length }, (_, i) => a.get(i));
  const sign = order === 'asc' ? 1 : -1;
  return [...values.keys()].sort((i, j) => sign * (values[i] - values[j]));
}

const sort = byRow((a, out, call) => {
  sortedIndices(a, call.text('order')).forEach((index, i) => out.set(index, i));
});

const topK = byRow((a, out) => {
  sortedIndices(a, 'desc')
    .slice(0, out.length)
    .forEach((index, i) => out.set(index, i));
});

const countEqual: Kernel = (call) => {
  const [a, b] = [call.source(0), call.source(1)];
  let count = 0;
  a.forEach((...at) => (count += a.get(...at) === b.get(...at) ? 1 : 0));
  call.out.set(count, 0);
};

/** Two passes: sums over the row, then index by index. */
const rmsNormBack: Kernel = (call) => {
  const [gradient, a] = [call.source(0), call.source(1)];
  a.forEachRow((i1, i2, i3) => {
    const [dz, x, dx] = [gradient, a, call.out].map((each) => rowOf(each, i1, i2, i3));
    const squares = sum(x.length, (i) => x.get(i) ** 2);
    const product = sum(x.length, (i) => x.get(i) * dz.get(i));
    const eps = call.number('eps');
    const factor = -product / (squares + eps * x.length);
    const scale = 1 / Math.sqrt(squares / x.length + eps);
    for (let i = 0; i < x.length; i++) dx.set((dz.get(i) + x.get(i) * factor) * scale, i);
  });
};

export const ROW_KERNELS: Kernels = [
  [NORM, norm],
  [RMS_NORM, rmsNorm],
  [L2_NORM, l2Norm],
  [GROUP_NORM, groupNorm],
  [CUMSUM, cumulativeSum],
  [SUM, sumAll],
  [SUM_ROWS, perRow((a) => sum(a.length, a.get))],
  [MEAN, perRow((a) => sum(a.length, a.get) / a.length)],
  [ARGMAX, argmax],
  [ARGSORT, sort],
  [TOP_K, topK],
  [COUNT_EQUAL, countEqual],
  [RMS_NORM_BACK, rmsNormBack],
];
