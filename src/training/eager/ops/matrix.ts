/**
 * Matrix products and linear layers.
 *
 * Invariant: a weight `[out, in]` is read through its transposed view, as in PyTorch.
 */
import { gradNode } from '../grad-node.js';
import type { Tape } from '../tape.js';
import { broadcast, elements, type Value } from '../value.js';
import { autocastAll } from './cast.js';
import { scaled } from './element-wise.js';
import { expand, inRows, reshape, t2, transpose, view } from './views.js';

/** `a @ b` of two matrices. */
export function mm(t: Tape, a: Value, b: Value): Value {
  const node = gradNode(t, [a, b]);
  const savedA = node?.save(a, node.needs(1));
  const savedB = node?.save(b, node.needs(0));
  const [product] = t.emit('aten.mm.default', [a, b], [{ type: a.type, shape: [a.shape[0], b.shape[1]] }]);
  node?.finish([product], ([gradient]) => {
    const ofB = node.needs(1) ? gradientOfRight(t, gradient!, savedA!.get(), b) : null;
    const ofA = node.needs(0) ? gradientOfLeft(t, gradient!, savedB!.get(), a) : null;
    return [ofA, ofB];
  });
  return product;
}

/** `bias + a @ b` */
function addmm(t: Tape, bias: Value, a: Value, b: Value): Value {
  const node = gradNode(t, [bias, a, b]);
  const savedA = node?.save(a, node.needs(2));
  const savedB = node?.save(b, node.needs(1));
  const [sum] = t.emit('aten.addmm.default', [bias, a, b], [{ type: a.type, shape: [a.shape[0], b.shape[1]] }]);
  node?.finish([sum], ([gradient]) => {
    const ofA = node.needs(1) ? gradientOfLeft(t, gradient!, savedB!.get(), a) : null;
    const ofB = node.needs(2) ? gradientOfRight(t, gradient!, savedA!.get(), b) : null;
    return [node.needs(0) ? gradient! : null, ofA, ofB];
  });
  return sum;
}

type Matrix = Pick<Value, 'shape' | 'strides' | 'type'>;

const isColumnMajor = ({ shape, strides }: Matrix): boolean => strides[0] === 1 && strides[1] === shape[0];

/** `gradient @ rightᵀ`, in the layout of the left operand. */
function gradientOfLeft(t: Tape, gradient: Value, right: Value, left: Matrix): Value {
  const spec = { type: left.type, shape: left.shape };
  if (!isColumnMajor(left)) return t.emit('aten.mm.default', [gradient, right], [spec])[0];
  return t.emit('aten.mm.default', [gradient, right], [{ ...spec, strides: left.strides }])[0];
}

/** `leftᵀ @ gradient`, in the layout of the right operand: that of a weight is contiguous once it is transposed back. */
function gradientOfRight(t: Tape, gradient: Value, left: Value, right: Matrix): Value {
  const spec = { type: right.type, shape: right.shape };
  if (!isColumnMajor(right)) return t.emit('aten.mm.default', [left, gradient], [spec])[0];
  return t.emit('aten.mm.default', [left, gradient], [{ ...spec, strides: right.strides }])[0];
}

/** `a @ b` of two batches of matrices. */
export function bmm(t: Tape, a: Value, b: Value): Value {
  const node = gradNode(t, [a, b]);
  const savedA = node?.save(a, node.needs(1));
  const savedB = node?.save(b, node.needs(0));
  const product = batched(t, a, b);
  node?.finish([product], ([gradient]) => {
    const ofB = node.needs(1) ? batched(t, transpose(t, savedA!.get(), 1, 2), gradient!) : null;
    const ofA = node.needs(0) ? batched(t, gradient!, transpose(t, savedB!.get(), 1, 2)) : null;
    return [ofA, ofB];
  });
  return product;
}

/** `bias * β + (a @ b) * α` of batches, where the bias requires no gradient. */
export function baddbmm(t: Tape, bias: Value, left: Value, right: Value): Value {
  const [x, a, b] = autocastAll(t, bias, left, right);
  const node = gradNode(t, [a, b]);
  const [savedA, savedB] = [node?.save(a), node?.save(b)];
  const shape = [a.shape[0], a.shape[1], b.shape[2]];
  const [sum] = t.emit('aten.baddbmm.default', [x, a, b], [{ type: a.type, shape }]);
  node?.finish([sum], ([gradient]) => {
    const ofA = scaled(t, batched(t, gradient!, transpose(t, savedB!.get(), 1, 2)));
    const ofB = scaled(t, batched(t, transpose(t, savedA!.get(), 1, 2), gradient!));
    return [ofA, ofB];
  });
  return sum;
}

function batched(t: Tape, a: Value, b: Value): Value {
  return t.emit('aten.bmm.default', [a, b], [{ type: a.type, shape: [a.shape[0], a.shape[1], b.shape[2]] }])[0];
}

/** `torch.matmul(a, b)` of batches with any number of leading dimensions. */
export function matmul(t: Tape, left: Value, right: Value): Value {
  const [a, b] = autocastAll(t, left, right);
  if (b.shape.length === 2) {
    const product = mm(t, inRows(t, a, a.shape.at(-1)!), b);
    return view(t, product, [...a.shape.slice(0, -1), b.shape[1]]);
  }
  const lead = broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const count = elements(lead);
  const batch = (value: Value): Value => {
    const [rows, columns] = value.shape.slice(-2);
    return reshape(t, expand(t, value, [...lead, rows, columns]), [count, rows, columns]);
  };
  const product = bmm(t, batch(a), batch(b));
  return view(t, product, [...lead, a.shape.at(-2)!, b.shape.at(-1)!]);
}

/** A linear layer: `x @ weightᵀ + bias`. */
export function linear(t: Tape, input: Value, weight: Value, bias: Value | null): Value {
  if (bias === null) {
    const [x, w] = autocastAll(t, input, weight);
    return matmul(t, x, t2(t, w));
  }
  const [x, w, b] = autocastAll(t, input, weight, bias);
  return rowsPlus(t, x, t2(t, w), b);
}

/** A linear layer whose weight is `[in, out]`, as in GPT-2. */
export function linearOfColumns(t: Tape, input: Value, weight: Value, bias: Value): Value {
  const [b, x, w] = autocastAll(t, bias, input, weight);
  return rowsPlus(t, x, w, b);
}

function rowsPlus(t: Tape, x: Value, w: Value, bias: Value): Value {
  const sum = addmm(t, bias, inRows(t, x, x.shape.at(-1)!), w);
  return view(t, sum, [...x.shape.slice(0, -1), w.shape[1]]);
}
