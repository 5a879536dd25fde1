/**
 * T5's positions: a bias of the scores for each bucket of distances, computed once a stack.
 */
import { ELEMENT_TYPES } from '../../tensor/element-type.js';
import { PLAIN_TYPES } from '../../tensor/plain-types.js';
import { embedding } from '../eager/ops/loss.js';
import { permute, unsqueeze } from '../eager/ops/views.js';
import type { Tape } from '../eager/tape.js';
import type { Value } from '../eager/value.js';

const { i64, f32 } = ELEMENT_TYPES;
const { bool } = PLAIN_TYPES;

/** The bias of all scores: `[1, heads, rows, rows]`. */
export function relativeBias(t: Tape, table: Value, rows: number, looksAhead: boolean): Value {
  return t.frame((hold) => {
    const [range] = t.emit('aten.arange.default', [], [{ type: i64, shape: [rows] }]);
    const [own] = t.emit('aten.add.Tensor', [range], [{ type: i64, shape: [rows] }]);
    const [other] = t.emit('aten.arange.default', [], [{ type: i64, shape: [rows] }]);
    const [distance] = t.emit('aten.sub.Tensor', [hold(other), hold(own)], [{ type: i64, shape: [rows, rows] }]);
    const bias = embedding(t, table, buckets(t, hold(distance), looksAhead));
    return unsqueeze(t, permute(t, bias, [2, 0, 1]), 0);
  });
}

/** The bucket of each distance. */
function buckets(t: Tape, distance: Value, looksAhead: boolean): Value {
  const { shape } = distance;
  const step = (op: string, operands: readonly Value[], type = i64): Value =>
    t.emit(op, operands, [{ type, shape }])[0];
  return t.frame((hold) => {
    const half = looksAhead ? step('aten.add.Tensor', [step('aten.mul.Tensor', [ahead(step, distance)])]) : null;
    const size = hold(half === null ? behind(step, distance) : step('aten.abs.default', [distance]));
    const isSmall = hold(step('aten.lt.Scalar', [size], bool));
    const share = step('aten.div.Tensor', [step('aten._to_copy.default', [size], f32)], f32);
    const log = step('aten.div.Tensor', [step('aten.log.default', [share], f32)], f32);
    const rounded = step('aten._to_copy.default', [step('aten.mul.Tensor', [log], f32)]);
    const large = step('aten.add.Tensor', [rounded]);
    const least = hold(step('aten.minimum.default', [step('aten.full_like.default', [large]), large]));
    const bucket = step('aten.where.self', [isSmall, size, least]);
    if (half === null) return step('aten.add.Tensor', [bucket]);
    t.release([bucket]); // added in place
    return half;
  });
}

type Step = (op: string, operands: readonly Value[], type?: Value['type']) => Value;

const ahead = (step: Step, distance: Value): Value =>
  step('aten._to_copy.default', [step('aten.gt.Scalar', [distance], PLAIN_TYPES.bool)]);

const behind = (step: Step, distance: Value): Value =>
  step('aten.neg.default', [step('aten.minimum.default', [distance, step('aten.zeros_like.default', [distance])])]);
