/**
 * Norms and softmax.
 */
import { ELEMENT_TYPES } from '../../../tensor/element-type.js';
import { gradNode } from '../grad-node.js';
import type { Tape } from '../tape.js';
import { contiguous, type Value } from '../value.js';
import { inF32 } from './cast.js';
import { like } from './element-wise.js';

const { f32 } = ELEMENT_TYPES;

/** `layer_norm(value, weight, bias)` over the last dimension. */
export function layerNorm(t: Tape, operand: Value, weight: Value, bias: Value): Value {
  const value = inF32(t, operand);
  const node = gradNode(t, [value, weight, bias]);
  const kept = node?.save(value);
  const keptWeight = node?.save(weight);
  const { type, shape } = value;
  const statistics = { type: t.device === 'cuda' ? f32 : type, shape: [...shape.slice(0, -1), 1] };
  const results = t.emit(
    'aten.native_layer_norm.default',
    [value, weight, bias],
    [{ type, shape }, statistics, statistics],
  );
  const keptStatistics = node === null ? [] : results.slice(1).map((each) => node.save(each));
  if (node === null || t.checkpoint !== null) t.release(results.slice(1));
  node?.finish(results, ([gradient]) => {
    const [mean, deviation] = keptStatistics.map((each) => each.get());
    const operands = [gradient!, kept!.get(), mean, deviation, keptWeight!.get()];
    const specs = [{ type, shape }, weight, bias].filter((_, slot) => node.needs(slot));
    const computed = t.emit(
      'aten.native_layer_norm_backward.default',
      operands,
      specs.map(({ type, shape }) => ({ type, shape })),
    );
    return [0, 1, 2].map((slot) => (node.needs(slot) ? computed.shift()! : null));
  });
  return results[0];
}

/** `softmax(value, -1)`: the result is saved. */
export function softmax(t: Tape, operand: Value, op = 'aten._softmax.default'): Value {
  const value = inF32(t, operand);
  const node = gradNode(t, [value]);
  const spec = { type: value.type, shape: value.shape, strides: contiguous(value.shape) };
  const [result] = t.emit(op, [value], [spec]);
  const kept = node?.save(result);
  node?.finish([result], ([gradient]) =>
    t.emit('aten._softmax_backward_data.default', [gradient!, kept!.get()], [like(gradient!)]),
  );
  return result;
}
