/**
 * Pooling, scaling, ranges and the embedding of time steps.
 */
import { ARANGE, TIMESTEP_EMBEDDING } from '../../../dialects/ggml/ops/positions.js';
import { POOL_1D, POOL_2D, POOL_2D_BACK, UPSCALE } from '../../../dialects/ggml/ops/resampling.js';
import type { Elements } from '../elements.js';
import { clear } from './memory.js';
import type { Call, Kernel, Kernels } from './kernel.js';

/** The indices under the window at a position along dimension `dim`, without indices beyond the ends. */
function underWindow(call: Call, a: Elements, dim: number, position: number): number[] {
  const [window, stride, padding] = ['window', 'stride', 'padding'].map((name) => call.numbers(name)[dim]);
  const start = position * stride - Math.trunc(padding);
  return Array.from({ length: window }, (_, k) => start + k).filter((i) => i >= 0 && i < a.ne[dim]);
}

const pool1d: Kernel = (call) => {
  const a = call.source(0);
  const isMax = call.text('pooling') === 'max';
  call.out.forEach((i0, i1, i2, i3) => {
    const values = underWindow(call, a, 0, i0).map((x) => a.get(x, i1, i2, i3));
    const mean = values.length === 0 ? 0 : values.reduce((x, y) => x + y, 0) / values.length;
    call.out.set(isMax ? Math.max(...values) : mean, i0, i1, i2, i3);
  });
};

/** A mean over two dimensions counts the padding as zeros; a mean over one dimension leaves the padding out. */
const pool2d: Kernel = (call) => {
  const a = call.source(0);
  const isMax = call.text('pooling') === 'max';
  const [width, height] = call.numbers('window');
  call.out.forEach((i0, i1, i2, i3) => {
    const columns = underWindow(call, a, 0, i0);
    const values = underWindow(call, a, 1, i1).flatMap((y) => columns.map((x) => a.get(x, y, i2, i3)));
    const mean = values.reduce((x, y) => x + y, 0) / (width * height);
    call.out.set(isMax ? Math.max(...values) : mean, i0, i1, i2, i3);
  });
};

/** The gradient goes to the largest element under the window, or to all its elements in equal parts. */
const pool2dBack: Kernel = (call) => {
  const [gradient, a] = [call.source(0), call.source(1)];
  const { out } = call;
  const isMax = call.text('pooling') === 'max';
  const [width, height] = call.numbers('window');
  clear(out);
  gradient.forEach((i0, i1, i2, i3) => {
    const columns = underWindow(call, a, 0, i0);
    const all = underWindow(call, a, 1, i1).flatMap((y) => columns.map((x) => [x, y] as const));
    const largest = all.reduce<readonly (readonly [number, number])[]>(
      (best, at) => (best.length > 0 && a.get(...best[0], i2, i3) >= a.get(...at, i2, i3) ? best : [at]),
      [],
    );
    const share = gradient.get(i0, i1, i2, i3) / (isMax ? 1 : width * height);
    for (const [x, y] of isMax ? largest : all) out.set(out.get(x, y, i2, i3) + share, x, y, i2, i3);
  });
};

/** Source indices along one dimension and their weights. */
type Taps = readonly (readonly [number, number])[];

function tapsOf(call: Call, dim: number, i: number): Taps {
  const from = call.source(0).ne[dim];
  const to = call.out.ne[dim];
  const aligned = call.flag('alignCorners') && to > 1 && from > 1;
  const factor = aligned ? (to - 1) / (from - 1) : to / from;
  if (dim >= 2 || call.text('mode') === 'nearest') return [[Math.min(from - 1, Math.floor(i / factor)), 1]];
  const offset = call.flag('alignCorners') ? 0 : 0.5;
  if (call.flag('antialias')) return antialiasTaps(from, factor, (i + offset) / factor, offset);
  const x = (i + offset) / factor - offset;
  const first = Math.floor(x);
  const clamp = (at: number): number => Math.max(0, Math.min(at, from - 1));
  if (call.text('mode') === 'bicubic') {
    return [-1, 0, 1, 2].map((k) => [clamp(first + k), cubicWeight(x - first - k)]);
  }
  const share = Math.max(0, Math.min(x - clamp(first), 1));
  return [
    [clamp(first), 1 - share],
    [clamp(first + 1), share],
  ];
}

function antialiasTaps(length: number, factor: number, x: number, offset: number): Taps {
  const support = Math.max(1, 1 / factor);
  const start = Math.max(0, Math.trunc(x - support + offset));
  const end = Math.min(length, Math.trunc(x + support + offset));
  const taps = Array.from({ length: Math.max(0, end - start) }, (_, k): readonly [number, number] => {
    return [start + k, Math.max(0, 1 - Math.abs((start + k - x + offset) / support))];
  });
  const total = taps.reduce((sum, [, weight]) => sum + weight, 0);
  return total > 0 ? taps.map(([at, weight]) => [at, weight / total]) : [];
}

/** The cubic convolution kernel with a slope of -0.75. */
function cubicWeight(distance: number): number {
  const a = -0.75;
  const x = Math.abs(distance);
  return x <= 1 ? ((a + 2) * x - (a + 3)) * x * x + 1 : ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
}

const upscale: Kernel = (call) => {
  const a = call.source(0);
  call.out.forEach((...at) => {
    const [xs, ys, [[z]], [[w]]] = at.map((i, dim) => tapsOf(call, dim, i)) as [Taps, Taps, Taps, Taps];
    let value = 0;
    for (const [y, weightY] of ys) for (const [x, weightX] of xs) value += a.get(x, y, z, w) * weightX * weightY;
    call.out.set(value, ...at);
  });
};

const range: Kernel = (call) => {
  call.out.forEach((i0) => call.out.set(call.number('start') + i0 * call.number('step'), i0));
};

const timestepEmbedding: Kernel = (call) => {
  const steps = call.source(0);
  const half = Math.floor(call.number('dim') / 2);
  call.out.forEach((i0, i1) => {
    const angle = steps.get(i1) * Math.exp((-Math.log(call.number('maxPeriod')) * (i0 % half)) / half);
    call.out.set(i0 < half ? Math.cos(angle) : i0 < 2 * half ? Math.sin(angle) : 0, i0, i1);
  });
};

export const RESAMPLING_KERNELS: Kernels = [
  [POOL_1D, pool1d],
  [POOL_2D, pool2d],
  [POOL_2D_BACK, pool2dBack],
  [UPSCALE, upscale],
  [ARANGE, range],
  [TIMESTEP_EMBEDDING, timestepEmbedding],
];
