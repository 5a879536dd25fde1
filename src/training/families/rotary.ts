/**
 * Rotary positions: the tables of cosines and sines that a step makes once, and how queries and keys are turned.
 */
import { ELEMENT_TYPES } from '../../tensor/element-type.js';
import type { Builder } from '../builder.js';
import { add, mul, neg, unary } from '../eager/ops/element-wise.js';
import { castTo } from '../eager/ops/cast.js';
import { concatenate, slice, unsqueeze } from '../eager/ops/views.js';
import type { Tape } from '../eager/tape.js';
import type { Value } from '../eager/value.js';

/** Cosines and sines: `[1, rows, dim]`. */
export interface Rotation {
  readonly cos: Value;
  readonly sin: Value;
}

const { f32 } = ELEMENT_TYPES;

/** The frequencies of a model, which it holds twice. */
export function frequencies(b: Builder, name: string, dim: number): Value {
  const own = b.buffer(`${name}.inv_freq`, f32, [dim / 2]);
  b.buffer(`${name}.original_inv_freq`, f32, [dim / 2]);
  return own;
}

/** The tables for all positions, in the type of the hidden states. */
export function rotation(t: Tape, frequency: Value, positionIds: Value, type: Value['type']): Rotation {
  const rows = positionIds.shape.at(-1)!;
  const half = frequency.shape[0];
  return t.frame((hold) => {
    const [wide] = t.emit('aten._to_copy.default', [positionIds], [{ type: f32, shape: [1, 1, rows] }]);
    const [angles] = t.emit('aten.bmm.default', [frequency, hold(wide)], [{ type: f32, shape: [1, half, rows] }]);
    const [both] = t.emit('aten.cat.default', [hold(angles)], [{ type: f32, shape: [1, rows, 2 * half] }]);
    hold(both);
    const cos = hold(unary(t, 'aten.mul.Tensor', unary(t, 'aten.cos.default', both)));
    const sin = hold(unary(t, 'aten.mul.Tensor', unary(t, 'aten.sin.default', both)));
    return { cos: castTo(t, cos, type), sin: castTo(t, sin, type) };
  });
}

/**
 * Queries and keys, turned; only their first elements where the rotation is narrower than a head.
 *
 * @param alwaysJoins whether the rest is put behind them even if it is empty
 */
export function rotate(t: Tape, query: Value, key: Value, { cos, sin }: Rotation, alwaysJoins = false): [Value, Value] {
  return t.frame((hold) => {
    hold(query);
    hold(key);
    const width = cos.shape.at(-1)!;
    const [c, s] = [unsqueeze(t, cos, 1), unsqueeze(t, sin, 1)];
    const headDim = query.shape[3];
    if (width === headDim && !alwaysJoins) return [turned(t, query, c, s), turned(t, key, c, s)];
    const first = (x: Value): Value => (width === headDim ? x : slice(t, x, 3, 0, width));
    const cut = (x: Value): [Value, Value] => [first(x), slice(t, x, 3, width, headDim)];
    const [[queryPart, queryRest], [keyPart, keyRest]] = [cut(query), cut(key)];
    const [q, k] = [turned(t, queryPart, c, s), turned(t, keyPart, c, s)];
    return [concatenate(t, [q, queryRest], -1), concatenate(t, [k, keyRest], -1)];
  });
}

/** `x * cos + rotate_half(x) * sin` */
function turned(t: Tape, x: Value, cos: Value, sin: Value): Value {
  const width = x.shape[3];
  const straight = mul(t, x, cos);
  const [first, second] = [slice(t, x, 3, 0, width / 2), slice(t, x, 3, width / 2, width)];
  return add(t, straight, mul(t, concatenate(t, [neg(t, second), first], -1), sin));
}
