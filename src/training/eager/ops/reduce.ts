/**
 * Sums and means.
 */
import { gradNode } from '../grad-node.js';
import type { Tape } from '../tape.js';
import { contiguous, type Value } from '../value.js';
import { expand } from './views.js';

/** Sums a gradient over the dimensions that its operand was broadcast along. */
export function sumTo(t: Tape, value: Value, shape: readonly number[]): Value {
  const lead = value.shape.length - shape.length;
  const kept = value.shape.map((length, dim) => (dim < lead || shape[dim - lead] === 1 ? 1 : length));
  const [sum] = t.emit('aten.sum.dim_IntList', [value], [{ type: value.type, shape: kept }]);
  return lead === 0 ? sum : t.view('aten.view.default', sum, { shape, strides: contiguous(shape) });
}

/** `value.mean(-1, keepdim=True)` */
export function meanOfRows(t: Tape, value: Value): Value {
  const node = gradNode(t, [value]);
  const length = value.shape.at(-1)!;
  const shape = [...value.shape.slice(0, -1), 1];
  const [mean] = t.emit('aten.mean.dim', [value], [{ type: value.type, shape }]);
  node?.finish([mean], ([gradient]) => {
    const wide = expand(t, gradient!, value.shape);
    return t.emit('aten.div.Scalar', [wide], [{ type: value.type, shape: value.shape }], { divisor: length });
  });
  return mean;
}
