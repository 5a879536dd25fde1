/**
 * Element-wise operations with their gradients.
 *
 * Invariant: gradients of several operands are computed in the order of the operands' names in PyTorch.
 */
import { ELEMENT_TYPES, type ElementType } from '../../../tensor/element-type.js';
import { gradNode } from '../grad-node.js';
import type { ResultSpec, Tape } from '../tape.js';
import { broadcast, preserved, sameShape, type Value } from '../value.js';

/** The layout of an element-wise result of one operand. */
export const like = (value: Value): ResultSpec => ({ type: value.type, shape: value.shape, strides: preserved(value) });

/** The type to which two types are promoted. A scalar tensor of Python never decides. */
export function promoted(a: ElementType, b: ElementType): ElementType {
  if (a === b) return a;
  const { f32, f16, bf16 } = ELEMENT_TYPES;
  const isFloat = (type: ElementType): boolean => type === f32 || type === f16 || type === bf16;
  if (!isFloat(a)) return b;
  return isFloat(b) ? f32 : a;
}

function resultOf(a: Value, b: Value): ResultSpec {
  const shape = broadcast(a.shape, b.shape);
  const whole = sameShape(a.shape, shape) ? a : b;
  return { type: promoted(a.type, b.type), shape, strides: preserved(whole, shape) };
}

/** `a + b` or `a - b` */
export function add(t: Tape, a: Value, b: Value, op: 'add' | 'sub' = 'add'): Value {
  const node = gradNode(t, [a, b]);
  const [sum] = t.emit(`aten.${op}.Tensor`, [a, b], [resultOf(a, b)]);
  node?.finish([sum], ([gradient]) => {
    const other = !node.needs(1) ? null : op === 'add' ? gradient : unary(t, 'aten.neg.default', gradient!);
    return [node.needs(0) ? gradient : null, other];
  });
  return sum;
}

/** `a * b` */
export function mul(t: Tape, a: Value, b: Value): Value {
  const node = gradNode(t, [a, b]);
  const savedB = node?.save(b, node.needs(0));
  const savedA = node?.save(a, node.needs(1));
  const [product] = t.emit('aten.mul.Tensor', [a, b], [resultOf(a, b)]);
  node?.finish([product], ([gradient]) => {
    const other = node.needs(1) ? product2(t, gradient!, savedA!.get()) : null;
    const self = node.needs(0) ? product2(t, gradient!, savedB!.get()) : null;
    return [self, other];
  });
  return product;
}

function product2(t: Tape, a: Value, b: Value): Value {
  return t.emit('aten.mul.Tensor', [a, b], [resultOf(a, b)])[0];
}

/** An operation on one operand, without a gradient of its own. */
export function unary(t: Tape, op: string, value: Value, type = value.type): Value {
  return t.emit(op, [value], [{ ...like(value), type }])[0];
}

/** `value * number`, or another operation with a number whose gradient is multiplied by a number. */
export function scaled(t: Tape, value: Value, op = 'aten.mul.Tensor'): Value {
  const node = gradNode(t, [value]);
  const result = unary(t, op, value);
  node?.finish([result], ([gradient]) => [unary(t, op, gradient!)]);
  return result;
}

/** `value + number` */
export function shifted(t: Tape, value: Value): Value {
  const node = gradNode(t, [value]);
  const result = unary(t, 'aten.add.Tensor', value);
  node?.finish([result], (gradients) => gradients);
  return result;
}

/** `-value` */
export function neg(t: Tape, value: Value): Value {
  return scaled(t, value, 'aten.neg.default');
}

/** An operation whose gradient one operation computes of the operand, or of the result if `savesResult`. */
function activation(t: Tape, value: Value, op: string, back: string, savesResult: boolean): Value {
  const node = gradNode(t, [value]);
  const savedValue = savesResult ? null : (node?.save(value) ?? null);
  const result = unary(t, op, value);
  const kept = savesResult ? (node?.save(result) ?? null) : savedValue;
  node?.finish([result], ([gradient]) => {
    const source = kept!.get();
    return t.emit(back, [gradient!, source], [like(gradient!)]);
  });
  return result;
}

/** `relu(value)`: the result is saved. */
export function relu(t: Tape, value: Value): Value {
  return activation(t, value, 'aten.relu.default', 'aten.threshold_backward.default', true);
}

/** `silu(value)`: the operand is saved. */
export function silu(t: Tape, value: Value): Value {
  return activation(t, value, 'aten.silu.default', 'aten.silu_backward.default', false);
}

/** `gelu(value)`, exact or by tanh: the operand is saved. */
export function gelu(t: Tape, value: Value): Value {
  return activation(t, value, 'aten.gelu.default', 'aten.gelu_backward.default', false);
}

/** `tanh(value)`: the result is saved. */
export function tanh(t: Tape, value: Value): Value {
  return activation(t, value, 'aten.tanh.default', 'aten.tanh_backward.default', true);
}

/** `value ** exponent`: the gradient computes the power below again. */
export function pow(t: Tape, value: Value): Value {
  const node = gradNode(t, [value]);
  const kept = node?.save(value);
  const result = unary(t, 'aten.pow.Tensor_Scalar', value);
  node?.finish([result], ([gradient]) => [ofPower(t, gradient!, kept!.get())]);
  return result;
}

/** `value.rsqrt()`: the gradient needs the third power of the result. */
export function rsqrt(t: Tape, value: Value): Value {
  const node = gradNode(t, [value]);
  const result = unary(t, 'aten.rsqrt.default', value);
  const kept = node?.save(result);
  node?.finish([result], ([gradient]) => [ofPower(t, gradient!, kept!.get())]);
  return result;
}

/** A gradient times a number times a power: three results, of which the first two are held to the end. */
function ofPower(t: Tape, gradient: Value, value: Value): Value {
  const power = unary(t, 'aten.pow.Tensor_Scalar', value);
  const scaledPower = unary(t, 'aten.mul.Scalar', power);
  const result = product2(t, gradient, scaledPower);
  t.release([power]);
  return result;
}

/** `value.masked_fill(mask, number)` */
export function maskedFill(t: Tape, value: Value, mask: Value): Value {
  const node = gradNode(t, [value]);
  const kept = node?.save(mask);
  const [result] = t.emit('aten.masked_fill.Scalar', [value, mask], [like(value)]);
  node?.finish([result], ([gradient]) =>
    t.emit('aten.masked_fill.Scalar', [gradient!, kept!.get()], [like(gradient!)]),
  );
  return result;
}

/** `where(mask, value, number)`: the gradient is zero where the mask is false. */
export function where(t: Tape, mask: Value, value: Value): Value {
  const node = gradNode(t, [value]);
  const kept = node?.save(mask);
  const result = chosen(t, mask, value);
  node?.finish([result], ([gradient]) => [chosen(t, kept!.get(), gradient!)]);
  return result;
}

function chosen(t: Tape, mask: Value, value: Value): Value {
  const [otherwise] = t.emit('aten.scalar_tensor.default', [], [{ type: value.type, shape: [] }]);
  return t.emit('aten.where.self', [mask, value, otherwise], [like(value)])[0];
}
