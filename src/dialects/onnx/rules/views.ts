/**
 * Operations that give the same elements in the same order another shape.
 */
import { countOf } from '../elements.js';
import { shapeText } from '../model.js';
import type { Call, Outcome, Rule } from '../call.js';

function reshaped(call: Call, shape: readonly number[]): Outcome[] {
  const { type, data } = call.at(0);
  return [{ type, shape: call.checked(shape), data }];
}

const reshape: Rule = (call) => {
  const wanted = call.values(1);
  const from = call.shape(0);
  const keepsZero = call.int('allowzero', 0) === 1;
  const shape = wanted.map((dim, axis) => (dim === 0 && !keepsZero ? (from[axis] ?? NaN) : dim));
  const open = shape.indexOf(-1);
  const [count, others] = [countOf(from), countOf(shape.filter((_, axis) => axis !== open))];
  if (open !== -1) shape[open] = others === 0 ? 0 : count / others;
  const isWhole = shape.every((dim) => Number.isSafeInteger(dim) && dim >= 0) && countOf(shape) === count;
  if (!isWhole) call.fail(`is to have the shape ${shapeText(wanted)}`, `a shape of ${count} elements`);
  return reshaped(call, shape);
};

const flatten: Rule = (call) => {
  const shape = call.shape(0);
  const axis = call.int('axis', 1);
  const split = axis < 0 ? axis + shape.length : axis;
  if (split < 0 || split > shape.length) call.axis(axis, shape.length);
  return reshaped(call, [countOf(shape.slice(0, split)), countOf(shape.slice(split))]);
};

const squeeze: Rule = (call) => {
  const shape = call.shape(0);
  const axes = call.valuesOr(1, 'axes')?.map((axis) => call.axis(axis, shape.length));
  const dropped = axes ?? shape.flatMap((dim, axis) => (dim === 1 ? [axis] : []));
  if (dropped.some((axis) => shape[axis] !== 1)) call.fail('drops a dimension', 'one of length 1');
  return reshaped(
    call,
    shape.filter((_, axis) => !dropped.includes(axis)),
  );
};

const unsqueeze: Rule = (call) => {
  const shape = [...call.shape(0)];
  const axes = call.valuesOr(1, 'axes') ?? call.fail('adds no dimension', 'the setting axes');
  const rank = call.checked([...shape, ...axes.map(() => 1)]).length;
  const added = axes.map((axis) => call.axis(axis, rank)).sort((a, b) => a - b);
  for (const axis of added) shape.splice(axis, 0, 1);
  return reshaped(call, shape);
};

export const VIEW_RULES: Readonly<Record<string, Rule>> = {
  Flatten: flatten,
  Identity: (call) => reshaped(call, call.shape(0)),
  Reshape: reshape,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
};
