/**
 * Attention: rotary positions, and fused attention, block by block.
 */
import { FLASH_ATTN_EXT, ROPE } from '../../../dialects/ggml/ops/attention.js';
import type { Tensor } from '../../../tensor/tensor.js';
import { yarnRamp } from '../../rotary.js';
import { TANH_OF, TURNS } from './functions.js';
import { floats, integers, LANES, rowCount, type ShaderKernel, type ShaderKernels } from './kernel.js';
import { SCORES, TOGETHER } from './rows.js';

/** An invocation turns a pair, or copies an element that does not turn. */
const ROPE_TEXT = /* wgsl */ `
${TURNS}
fn element(i: u32) {
  let pairs = u32(p.dims) / 2u;
  let each = p.a.ne.x - pairs;
  let row = row_at(i / each, p.a.ne);
  let own = i % each;
  let begin = u32(p.offset);
  if (own >= pairs) {
    let still = own - pairs;
    let at = along(row, select(still + u32(p.dims), still, still < begin));
    set_out(at, get_a(at));
    return;
  }
  let first = along(row, begin + select(2u * own, own, p.is_neox != 0));
  let second = along(first, select(1u, pairs, p.is_neox != 0));
  let turn = turn_of(f32(get_positions(vec4u(row.z, 0u, 0u, 0u))), own);
  let x = get_a(first);
  let y = get_a(second);
  set_out(first, x * turn.x - y * turn.y);
  set_out(second, x * turn.y + y * turn.x);
}

fn turn_of(position: f32, pair: u32) -> vec2f {
  var angle = position * exp2(-2.0 * f32(pair) / f32(p.dims) * p.log_base);
  if (has_freqFactors) { angle /= get_freqFactors(vec4u(pair, 0u, 0u, 0u)); }
  let ramp = 1.0 - clamp((f32(pair) - p.ramp_low) / max(0.001, p.ramp_high - p.ramp_low), 0.0, 1.0);
  let mix = ramp * p.ext_factor;
  let theta = p.freq_scale * angle * (1.0 - mix) + angle * mix;
  return turned(theta) * p.magnitude;
}`;

const rope: ShaderKernel = {
  unit: 'element',
  count: (node) => rowCount(node) * (node.ne[0] - Number(node.params.dims) / 2),
  wgsl: ROPE_TEXT,
  integers: ['positions'],
  misfit: (settings) => {
    const mode = settings.text('mode');
    return mode === 'normal' || mode === 'neox' ? null : `has the mode ${mode}, with several positions a token`;
  },
  settings: (settings) => {
    const { low, high, length } = yarnRamp(settings);
    return [
      ...integers({
        dims: settings.number('dims'),
        offset: settings.optionalNumber('offset') ?? 0,
        is_neox: settings.text('mode') === 'neox',
      }),
      ...floats({
        log_base: Math.log2(settings.number('freqBase')),
        freq_scale: settings.number('freqScale'),
        ext_factor: settings.number('extFactor'),
        ramp_low: low,
        ramp_high: high,
        magnitude: length,
      }),
    ];
  },
};

/** Sums that a lane keeps: values are at most this many times as long as a workgroup. */
const MOST_SUMS = 8;

/**
 * A workgroup for each query. Its lanes score a block of cells, a cell each; then each lane adds the block's values to its
 * own elements of the result. What was added before is scaled down when a larger score comes.
 */
const FLASH_TEXT = /* wgsl */ `
${TOGETHER}
${SCORES}
${TANH_OF}
var<workgroup> weights: array<f32, ${LANES}>;

fn score_of(query: vec4u, cell: u32, outer: vec2u) -> f32 {
  var product = 0.0;
  for (var i = 0u; i < p.q.ne.x; i++) { product += get_q(along(query, i)) * get_k(vec4u(i, cell, outer)); }
  var score = product * p.scale;
  if (p.softcap != 0.0) { score = p.softcap * tanh_of(score / p.softcap); }
  if (has_mask) { score += slope_of(query.z, p.q.ne.z) * get_mask(vec4u(cell, query.yzw) % ne_mask()); }
  return max(score, LOWEST);
}

fn group(index: u32, lane: u32) {
  let query = row_at(index, p.q.ne); // 0, token, head, sequence
  let outer = vec2u(query.z / (p.q.ne.z / p.k.ne.z), query.w);
  let cells = p.k.ne.y;
  var sums: array<f32, ${MOST_SUMS}>;
  var largest = LOWEST;
  var total = 0.0;
  if (has_sinks) {
    largest = get_sinks(vec4u(query.z, 0u, 0u, 0u));
    total = 1.0;
  }
  for (var begin = 0u; begin < cells; begin += ${LANES}u) {
    let cell = begin + lane;
    var score = LOWEST;
    if (cell < cells) { score = score_of(query, cell, outer); }
    let next = max(largest, largest_of(score, lane));
    let fading = exp(largest - next);
    largest = next;
    weights[lane] = select(0.0, exp(score - largest), cell < cells);
    total = total * fading + sum_of(weights[lane], lane);
    for (var part = 0u; part < ${MOST_SUMS}u; part++) {
      let i = lane + part * ${LANES}u;
      if (i >= p.v.ne.x) { break; }
      var sum = sums[part] * fading;
      for (var k = 0u; k < min(${LANES}u, cells - begin); k++) { sum += weights[k] * get_v(vec4u(i, begin + k, outer)); }
      sums[part] = sum;
    }
    workgroupBarrier(); // before the next weights
  }
  for (var part = 0u; part < ${MOST_SUMS}u; part++) {
    let i = lane + part * ${LANES}u;
    if (i < p.v.ne.x) { set_out(vec4u(i, query.z, query.y, query.w), sums[part] / total); }
  }
}`;

const rowsOfQueries = ({ sources }: Tensor): number => rowCount(sources[0]!);

const flashAttention: ShaderKernel = {
  unit: 'group',
  count: rowsOfQueries,
  wgsl: FLASH_TEXT,
  misfit: (_, { ne }) => (ne[0] <= LANES * MOST_SUMS ? null : `has values of more than ${LANES * MOST_SUMS} elements`),
  settings: (settings) =>
    floats({
      scale: settings.number('scale'),
      max_bias: settings.number('maxBias'),
      softcap: settings.number('logitSoftcap'),
    }),
};

export const ATTENTION_SHADERS: ShaderKernels = [
  [ROPE, rope],
  [FLASH_ATTN_EXT, flashAttention],
];
