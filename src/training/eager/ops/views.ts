/**
 * Views, and the copies that PyTorch makes where no view can do.
 */
import { gradNode } from '../grad-node.js';
import type { Tape } from '../tape.js';
import {
  contiguous,
  elements,
  isContiguous,
  preserved,
  sameShape,
  viewStrides,
  type Strided,
  type Value,
} from '../value.js';

/** A view whose gradient is viewed back. */
function viewed(
  t: Tape,
  op: string,
  of: Value,
  layout: Strided,
  offset: number,
  back: (gradient: Value) => Value,
): Value {
  const node = gradNode(t, [of]);
  const result = t.view(op, of, layout, offset);
  node?.finish([result], ([gradient]) => [gradient === null ? null : back(gradient)]);
  return result;
}

/** `value.view(shape)`: null if that takes a copy. */
function viewOrNull(t: Tape, value: Value, shape: readonly number[]): Value | null {
  const strides = viewStrides(value, shape);
  if (strides === null) return null;
  return viewed(t, 'aten.view.default', value, { shape, strides }, 0, (gradient) => reshape(t, gradient, value.shape));
}

/** `value.view(shape)` */
export function view(t: Tape, value: Value, shape: readonly number[]): Value {
  const result = viewOrNull(t, value, shape);
  if (result === null) throw new RangeError(`no view of ${value.shape.join('×')} has the shape ${shape.join('×')}`);
  return result;
}

/** `value.reshape(shape)`: a view, or a copy where there is none. */
export function reshape(t: Tape, value: Value, shape: readonly number[]): Value {
  if (sameShape(value.shape, shape)) return value;
  return viewOrNull(t, value, shape) ?? view(t, copied(t, value, contiguous(value.shape)), shape);
}

/** `value.contiguous()` */
export function toContiguous(t: Tape, value: Value): Value {
  return isContiguous(value) ? value : copied(t, value, contiguous(value.shape));
}

/** `value.clone()` */
export function clone(t: Tape, value: Value): Value {
  return copied(t, value, preserved(value));
}

function copied(t: Tape, value: Value, strides: readonly number[]): Value {
  const node = gradNode(t, [value]);
  const [copy] = t.emit('aten.clone.default', [value], [{ type: value.type, shape: value.shape, strides }]);
  node?.finish([copy], (gradients) => gradients);
  return copy;
}

/** `value.transpose(a, b)`; dimensions may count from the end. */
export function transpose(t: Tape, value: Value, a: number, b: number): Value {
  const order = value.shape.map((_, dim) => dim);
  const [x, y] = [(a + order.length) % order.length, (b + order.length) % order.length];
  [order[x], order[y]] = [y, x];
  return permuted(t, 'aten.transpose.int', value, order);
}

/** `value.t()` */
export function t2(t: Tape, value: Value): Value {
  return permuted(t, 'aten.t.default', value, [1, 0]);
}

/** `value.permute(order)` */
export function permute(t: Tape, value: Value, order: readonly number[]): Value {
  return permuted(t, 'aten.permute.default', value, order);
}

function permuted(t: Tape, op: string, value: Value, order: readonly number[]): Value {
  const layout = { shape: order.map((dim) => value.shape[dim]), strides: order.map((dim) => value.strides[dim]) };
  const inverse = order.map((_, dim) => order.indexOf(dim));
  return viewed(t, op, value, layout, 0, (gradient) => permuted(t, op, gradient, inverse));
}

/** `value.expand(shape)` */
export function expand(t: Tape, value: Value, shape: readonly number[]): Value {
  const lead = shape.length - value.shape.length;
  const strides = shape.map((length, dim) => {
    const own = dim < lead ? 1 : value.shape[dim - lead];
    return dim < lead || (own === 1 && length !== 1) ? 0 : value.strides[dim - lead];
  });
  // The engine sums what was broadcast.
  return viewed(t, 'aten.expand.default', value, { shape, strides }, 0, (gradient) => gradient);
}

/** `value.unsqueeze(dim)` */
export function unsqueeze(t: Tape, value: Value, dim: number): Value {
  const shape = value.shape.toSpliced(dim, 0, 1);
  const stride = dim < value.shape.length ? value.shape[dim] * value.strides[dim] : 1;
  const layout = { shape, strides: value.strides.toSpliced(dim, 0, stride) };
  return viewed(t, 'aten.unsqueeze.default', value, layout, 0, (gradient) => squeeze(t, gradient, dim));
}

function squeeze(t: Tape, value: Value, dim: number): Value {
  const layout = { shape: value.shape.toSpliced(dim, 1), strides: value.strides.toSpliced(dim, 1) };
  return viewed(t, 'aten.squeeze.dim', value, layout, 0, (gradient) => unsqueeze(t, gradient, dim));
}

/** `value[..., start:end, ...]` along one dimension: nothing happens if that is all of it. */
export function slice(t: Tape, value: Value, dim: number, start: number, end: number): Value {
  const shape = value.shape.with(dim, end - start);
  const layout = { shape, strides: value.strides };
  return viewed(t, 'aten.slice.Tensor', value, layout, start * value.strides[dim], (gradient) => {
    const spec = { type: value.type, shape: value.shape };
    return t.emit('aten.slice_backward.default', [gradient], [spec])[0];
  });
}

/** `value.select(dim, index)`: one place of a dimension, which goes. */
export function select(t: Tape, value: Value, dim: number, index: number): Value {
  const layout = { shape: value.shape.toSpliced(dim, 1), strides: value.strides.toSpliced(dim, 1) };
  return viewed(t, 'aten.select.int', value, layout, index * value.strides[dim], (gradient) => {
    const spec = { type: value.type, shape: value.shape };
    return t.emit('aten.select_backward.default', [gradient], [spec])[0];
  });
}

/** `value.split(size, dim)`, or parts of given sizes: their gradients are put together again. */
export function split(t: Tape, value: Value, dim: number, sizes: readonly number[]): Value[] {
  const node = gradNode(t, [value]);
  let start = 0;
  const parts = sizes.map((size) => {
    const layout = { shape: value.shape.with(dim, size), strides: value.strides };
    const part = t.view('aten.split.Tensor', value, layout, start * value.strides[dim]);
    start += size;
    return part;
  });
  node?.finish(parts, (gradients) => {
    const spec = { type: value.type, shape: value.shape };
    const missing = gradients.map((gradient, part) => gradient ?? zeros(t, parts[part]));
    return t.emit('aten.cat.default', missing, [spec]);
  });
  return parts;
}

/** `value.unbind(dim)`: the gradients are stacked again. */
export function unbind(t: Tape, value: Value, dim: number): Value[] {
  const node = gradNode(t, [value]);
  const layout = { shape: value.shape.toSpliced(dim, 1), strides: value.strides.toSpliced(dim, 1) };
  const parts = Array.from({ length: value.shape[dim] }, (_, index) =>
    t.view('aten.unbind.int', value, layout, index * value.strides[dim]),
  );
  node?.finish(parts, (gradients) => {
    const missing = gradients.map((gradient, part) => gradient ?? zeros(t, parts[part]));
    return t.emit('aten.stack.default', missing, [{ type: value.type, shape: value.shape }]);
  });
  return parts;
}

/** `torch.cat(values, dim)` */
export function concatenate(t: Tape, values: readonly Value[], dim: number): Value {
  const node = gradNode(t, values);
  const axis = (dim + values[0].shape.length) % values[0].shape.length;
  const length = values.reduce((sum, value) => sum + value.shape[axis], 0);
  const shape = values[0].shape.with(axis, length);
  const [result] = t.emit('aten.cat.default', values, [{ type: values[0].type, shape }]);
  node?.finish([result], ([gradient]) => {
    let start = 0;
    return values.map((value) => slice(t, gradient!, axis, start, (start += value.shape[axis])));
  });
  return result;
}

function zeros(t: Tape, { type, shape }: Value): Value {
  return t.emit('aten.zeros.default', [], [{ type, shape }])[0];
}

/** The elements of `value` in rows of `width`. */
export function inRows(t: Tape, value: Value, width: number): Value {
  return reshape(t, value, [elements(value.shape) / width, width]);
}
