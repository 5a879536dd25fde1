/**
 * Row by row, a workgroup for each: norms, soft max, sums, means, and the index of the largest.
 *
 * Invariant: a lane reads and writes the elements at its own positions of a row only, so that a row may be overwritten.
 */
import { SOFT_MAX } from '../../../dialects/ggml/ops/attention.js';
import { L2_NORM, NORM, RMS_NORM } from '../../../dialects/ggml/ops/norm.js';
import { ARGMAX, MEAN, SUM_ROWS } from '../../../dialects/ggml/ops/reduction.js';
import type { Settings } from '../../settings.js';
import type { Tensor } from '../../../tensor/tensor.js';
import { floats, LANES, rowCount, type ShaderKernel, type ShaderKernels } from './kernel.js';

/** What all lanes of a workgroup find together; every lane must call these functions. */
export const TOGETHER = /* wgsl */ `
var<workgroup> together: array<f32, ${LANES}>;

fn sum_of(value: f32, lane: u32) -> f32 {
  together[lane] = value;
  workgroupBarrier();
  for (var half = ${LANES / 2}u; half > 0u; half /= 2u) {
    if (lane < half) { together[lane] += together[lane + half]; }
    workgroupBarrier();
  }
  let sum = together[0];
  workgroupBarrier(); // before anyone overwrites it
  return sum;
}

fn largest_of(value: f32, lane: u32) -> f32 {
  together[lane] = value;
  workgroupBarrier();
  for (var half = ${LANES / 2}u; half > 0u; half /= 2u) {
    if (lane < half) { together[lane] = max(together[lane], together[lane + half]); }
    workgroupBarrier();
  }
  let largest = together[0];
  workgroupBarrier();
  return largest;
}`;

/** ALiBi's slope for a head. Scores of masked cells are as low as a finite number can be, and no lower. */
export const SCORES = /* wgsl */ `
const LOWEST = -3.4e38;

fn slope_of(head: u32, heads: u32) -> f32 {
  if (p.max_bias <= 0.0) { return 1.0; }
  let power = 1u << firstLeadingBit(heads);
  if (head < power) { return exp2(-p.max_bias / f32(power) * f32(head + 1u)); }
  return exp2(-p.max_bias / 2.0 / f32(power) * f32(2u * (head - power) + 1u));
}`;

const perRow = (wgsl: string, settings?: (settings: Settings) => ReturnType<typeof floats>): ShaderKernel => ({
  unit: 'group',
  count: rowsOfOperand,
  wgsl: `${TOGETHER}\n${wgsl}`,
  ...(settings === undefined ? {} : { settings }),
});

const rowsOfOperand = ({ sources }: Tensor): number => rowCount(sources[0]!);

const withEps = (settings: Settings): ReturnType<typeof floats> => floats({ eps: settings.number('eps') });

/** @param factor of every element, from the sum of the row's squares */
const scaledRow = (factor: string): ShaderKernel =>
  perRow(
    /* wgsl */ `
fn group(index: u32, lane: u32) {
  let row = row_at(index, p.a.ne);
  var own = 0.0;
  for (var i = lane; i < p.a.ne.x; i += ${LANES}u) {
    let x = get_a(along(row, i));
    own += x * x;
  }
  let squares = sum_of(own, lane);
  let factor = ${factor};
  for (var i = lane; i < p.a.ne.x; i += ${LANES}u) { set_out(along(row, i), get_a(along(row, i)) * factor); }
}`,
    withEps,
  );

const norm = perRow(
  /* wgsl */ `
fn group(index: u32, lane: u32) {
  let row = row_at(index, p.a.ne);
  let length = f32(p.a.ne.x);
  var own = 0.0;
  for (var i = lane; i < p.a.ne.x; i += ${LANES}u) { own += get_a(along(row, i)); }
  let mean = sum_of(own, lane) / length;
  var own_squares = 0.0;
  for (var i = lane; i < p.a.ne.x; i += ${LANES}u) {
    let rest = get_a(along(row, i)) - mean;
    own_squares += rest * rest;
  }
  let factor = 1.0 / sqrt(sum_of(own_squares, lane) / length + p.eps);
  for (var i = lane; i < p.a.ne.x; i += ${LANES}u) { set_out(along(row, i), (get_a(along(row, i)) - mean) * factor); }
}`,
  withEps,
);

const softMax: ShaderKernel = perRow(
  /* wgsl */ `
${SCORES}
fn score(at: vec4u) -> f32 {
  return max(get_a(at) * p.scale + slope_of(at.z, p.a.ne.z) * get_mask(at % ne_mask()), LOWEST);
}

fn group(index: u32, lane: u32) {
  let row = row_at(index, p.a.ne);
  var own = LOWEST;
  for (var i = lane; i < p.a.ne.x; i += ${LANES}u) { own = max(own, score(along(row, i))); }
  if (has_sinks) { own = max(own, get_sinks(vec4u(row.z, 0u, 0u, 0u))); }
  let largest = largest_of(own, lane);
  var own_powers = 0.0;
  for (var i = lane; i < p.a.ne.x; i += ${LANES}u) { own_powers += exp(score(along(row, i)) - largest); }
  if (has_sinks && lane == 0u) { own_powers += exp(get_sinks(vec4u(row.z, 0u, 0u, 0u)) - largest); }
  let total = sum_of(own_powers, lane);
  for (var i = lane; i < p.a.ne.x; i += ${LANES}u) {
    let at = along(row, i);
    set_out(at, exp(score(at) - largest) / total);
  }
}`,
  (settings) => floats({ scale: settings.number('scale'), max_bias: settings.number('maxBias') }),
);

/** @param result of a row, from its sum */
const rowSum = (result: string): ShaderKernel =>
  perRow(/* wgsl */ `
fn group(index: u32, lane: u32) {
  let row = row_at(index, p.a.ne);
  var own = 0.0;
  for (var i = lane; i < p.a.ne.x; i += ${LANES}u) { own += get_a(along(row, i)); }
  let sum = sum_of(own, lane);
  if (lane == 0u) { set_out(row, ${result}); }
}`);

/** Of equal elements the first one counts. */
const argmax: ShaderKernel = {
  unit: 'element',
  count: rowsOfOperand,
  integers: ['out'],
  wgsl: /* wgsl */ `
fn element(i: u32) {
  let row = row_at(i, p.a.ne);
  var best = 0u;
  for (var k = 1u; k < p.a.ne.x; k++) {
    if (get_a(along(row, k)) > get_a(along(row, best))) { best = k; }
  }
  set_out(vec4u(i, 0u, 0u, 0u), i32(best));
}`,
};

export const ROW_SHADERS: ShaderKernels = [
  [RMS_NORM, scaledRow('1.0 / sqrt(squares / f32(p.a.ne.x) + p.eps)')],
  [L2_NORM, scaledRow('1.0 / max(sqrt(squares), p.eps)')],
  [NORM, norm],
  [SOFT_MAX, softMax],
  [SUM_ROWS, rowSum('sum')],
  [MEAN, rowSum('sum / f32(p.a.ne.x)')],
  [ARGMAX, argmax],
];
