/**
 * Attention: rotary positions, soft max, fused attention, and the soft max's gradient.
 */
import { FLASH_ATTN_EXT, ROPE, ROPE_BACK, SOFT_MAX } from '../../../dialects/ggml/ops/attention.js';
import { LIGHTNING_INDEXER } from '../../../dialects/ggml/ops/indexing.js';
import { SOFT_MAX_BACK } from '../../../dialects/ggml/ops/training.js';
import { yarnRamp } from '../../rotary.js';
import type { Elements } from '../elements.js';
import type { Call, Kernel, Kernels } from './kernel.js';
import { rowOf, scaleRow, sum } from './rows.js';

/** ALiBi's slope for a head. */
function slopeOf(maxBias: number, head: number, heads: number): number {
  if (maxBias <= 0) return 1;
  const power = 2 ** Math.floor(Math.log2(heads));
  return head < power
    ? 2 ** ((-maxBias / power) * (head + 1))
    : 2 ** ((-maxBias / 2 / power) * (2 * (head - power) + 1));
}

/** Scores are scaled and masked in working memory; then the row is written and scaled by its own sum. */
const softMax: Kernel = (call) => {
  const a = call.source(0);
  const [mask, sinks] = [call.optional(1), call.optional(2)];
  const { out } = call;
  out.forEachRow((i1, i2, i3) => {
    const slope = slopeOf(call.number('maxBias'), i2, a.ne[2]);
    const scores = Array.from({ length: a.ne[0] }, (_, i0) => a.get(i0, i1, i2, i3) * call.number('scale'));
    if (mask !== null) scores.forEach((_, i0) => (scores[i0] += slope * mask.getRepeated(i0, i1, i2, i3)));
    const max = Math.max(...scores, sinks?.get(i2) ?? -Infinity);
    let total = 0;
    scores.forEach((score, i0) => {
      const power = Math.exp(score - max);
      out.set(power, i0, i1, i2, i3);
      total += power;
    });
    if (sinks !== null) total += Math.exp(sinks.get(i2) - max);
    scaleRow(rowOf(out, i1, i2, i3), 1 / total);
  });
};

/**
 * Writes the row twice: first the gradient less its product with the soft max, then this difference times the soft max.
 */
const softMaxBack: Kernel = (call) => {
  const [gradient, result] = [call.source(0), call.source(1)];
  call.out.forEachRow((i1, i2, i3) => {
    const [dy, y, dx] = [gradient, result, call.out].map((each) => rowOf(each, i1, i2, i3));
    const product = sum(y.length, (i) => y.get(i) * dy.get(i));
    for (let i = 0; i < y.length; i++) dx.set(dy.get(i) - product, i);
    for (let i = 0; i < y.length; i++) dx.set(dx.get(i) * y.get(i), i);
    scaleRow(dx, call.number('scale'));
  });
};

/** Cosine and sine for every pair of a token, worked out before its first head is turned. */
type Turns = readonly (readonly [number, number])[];

function turnsOf(call: Call, token: number, sign: number): Turns {
  const [positions, factors] = [call.source(1), call.optional(2)];
  const tokens = call.source(0).ne[2];
  const [dims, freqBase] = [call.number('dims'), call.number('freqBase')];
  const mode = call.text('mode');
  const pairs = (mode === 'vision' ? call.out.ne[0] : dims) / 2;
  return Array.from({ length: pairs }, (_, pair) => {
    const { axis, power } = isMulti(mode) ? sectionOf(call, pair) : { axis: 0, power: pair };
    const position = positions.get(token + axis * tokens);
    const angle = (position * freqBase ** ((-2 * power) / dims)) / (factors?.get(pair) ?? 1);
    const { theta, length } = stretch(call, angle, pair);
    return [Math.cos(theta) * length, sign * Math.sin(theta) * length];
  });
}

const isMulti = (mode: string): boolean => mode !== 'normal' && mode !== 'neox';

/** Which of a token's four positions turns a pair, and the power of the frequency. */
function sectionOf(call: Call, pair: number): { axis: number; power: number } {
  const sections = call.numbers('sections');
  const [t, h, w] = sections;
  const sector = pair % sections.reduce((a, b) => a + b, 0);
  if (call.text('mode') === 'imrope') {
    const axis = [sector < 3 * t ? 0 : 3, sector < 3 * h ? 1 : 3, sector < 3 * w ? 2 : 3][sector % 3];
    return { axis, power: pair };
  }
  const starts = [0, t, t + h, t + h + w];
  const axis = starts.findLastIndex((start) => sector >= start);
  return { axis, power: call.text('mode') === 'vision' ? sector - starts[axis] : pair };
}

/** YaRN: the mix of interpolated and extrapolated angle, and the length that compensates for the mix. */
function stretch(call: Call, angle: number, pair: number): { theta: number; length: number } {
  const { low, high, length } = yarnRamp(call);
  const ramp = 1 - Math.min(1, Math.max(0, (pair - low) / Math.max(0.001, high - low)));
  const mix = ramp * call.number('extFactor');
  return { theta: call.number('freqScale') * angle * (1 - mix) + angle * mix, length };
}

/**
 * Pair by pair: both elements are read, then both are written. Elements before and after the turned ones are copied.
 */
const rotate =
  (sign: number): Kernel =>
  (call) => {
    const a = call.source(0);
    const mode = call.text('mode');
    const [dims, offset] = [call.number('dims'), call.optionalNumber('offset') ?? 0];
    const turned = mode === 'vision' ? a.ne[0] : dims;
    let turns: Turns = [];
    a.forEachRow((i1, i2, i3) => {
      if (i1 === 0) turns = turnsOf(call, i2, sign);
      const [x, y] = [rowOf(a, i1, i2, i3), rowOf(call.out, i1, i2, i3)];
      turns.forEach(([cos, sin], pair) => {
        const [first, second] = pairAt(mode, pair, turned).map((index) => offset + index);
        const [x0, x1] = [x.get(first), x.get(second)];
        y.set(x0 * cos - x1 * sin, first);
        y.set(x0 * sin + x1 * cos, second);
      });
      for (let i = 0; i < offset; i++) y.set(x.get(i), i);
      for (let i = offset + turned; i < x.length; i++) y.set(x.get(i), i);
    });
  };

function pairAt(mode: string, pair: number, turned: number): readonly [number, number] {
  return mode === 'normal' ? [2 * pair, 2 * pair + 1] : [pair, pair + turned / 2];
}

/** One query after another: all its scores, then the mean of the values, weighted by the scores. */
const flashAttention: Kernel = (call) => {
  const [q, k, v] = [call.source(0), call.source(1), call.source(2)];
  q.forEachRow((token, head, sequence) => {
    const kv = [Math.floor(head / (q.ne[2] / k.ne[2])), sequence] as const;
    const weights = weightsOf(call, k, token, head, sequence);
    for (let i = 0; i < v.ne[0]; i++) {
      call.out.set(
        sum(weights.length, (cell) => weights[cell] * v.get(i, cell, ...kv)),
        i,
        head,
        token,
        sequence,
      );
    }
  });
};

function weightsOf(call: Call, k: Elements, token: number, head: number, sequence: number): number[] {
  const q = call.source(0);
  const [mask, sinks] = [call.optional(3), call.optional(4)];
  const softcap = call.number('logitSoftcap');
  const slope = slopeOf(call.number('maxBias'), head, q.ne[2]);
  const keyHead = Math.floor(head / (q.ne[2] / k.ne[2]));
  const scores = Array.from({ length: k.ne[1] }, (_, cell) => {
    const product = sum(q.ne[0], (i) => q.get(i, token, head, sequence) * k.get(i, cell, keyHead, sequence));
    const score = product * call.number('scale');
    const capped = softcap === 0 ? score : softcap * Math.tanh(score / softcap);
    return capped + slope * (mask?.getRepeated(cell, token, head, sequence) ?? 0);
  });
  const max = Math.max(...scores, sinks?.get(head) ?? -Infinity);
  const powers = scores.map((score) => Math.exp(score - max));
  const total = powers.reduce((a, b) => a + b, sinks === null ? 0 : Math.exp(sinks.get(head) - max));
  return powers.map((power) => power / total);
}

/** The sum of each head's positive scores, weighted. */
const lightningIndexer: Kernel = (call) => {
  const [q, k, weights, mask] = [0, 1, 2, 3].map((slot) => call.source(slot));
  const [length, heads] = q.ne;
  call.out.forEach((cell, t, _, stream) => {
    const score = (head: number): number => sum(length, (i) => q.get(i, head, t, stream) * k.get(i, 0, cell, stream));
    const total = sum(heads, (head) => Math.max(0, score(head)) * weights.get(head, t, 0, stream));
    call.out.set(total + mask.getRepeated(cell, t, 0, stream), cell, t, 0, stream);
  });
};

export const ATTENTION_KERNELS: Kernels = [
  [LIGHTNING_INDEXER, lightningIndexer],
  [SOFT_MAX, softMax],
  [SOFT_MAX_BACK, softMaxBack],
  [ROPE, rotate(1)],
  [ROPE_BACK, rotate(-1)],
  [FLASH_ATTN_EXT, flashAttention],
];
