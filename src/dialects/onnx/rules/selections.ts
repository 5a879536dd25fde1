/**
 * Operations that select elements by their values, so that only a run tells how many.
 */
import { I64 } from '../element-types.js';
import { countOf, stridesOf } from '../elements.js';
import type { Rule } from '../call.js';

const compress: Rule = (call) => {
  const { type, shape, data: elements } = call.at(0);
  const { data, shape: condition } = call.at(1);
  const setting = call.attribute('axis');
  const isFlat = setting === undefined;
  const axis = isFlat ? 0 : call.axis(call.int('axis'), shape.length);
  const from = isFlat ? [countOf(shape)] : shape;
  const chosen = data?.flatMap((value, index) => (value === 0 ? [] : [index]));
  if (chosen === undefined) {
    return [{ type, shape: null, most: from.with(axis, Math.min(from[axis], condition[0])) }];
  }
  const result = elements !== null && isFlat ? chosen.map((index) => elements[index]) : null;
  return [{ type, shape: from.with(axis, chosen.length), data: result }];
};

/** The indices of all elements that are not zero, as columns. */
const nonZero: Rule = (call) => {
  const { shape, data } = call.at(0);
  const rank = Math.max(1, shape.length);
  if (data === null) return [{ type: I64, shape: null, most: [rank, countOf(shape)] }];
  const strides = stridesOf(shape);
  const found = data.flatMap((value, index) => (value === 0 ? [] : [index]));
  const rows = shape.flatMap((dim, axis) => found.map((at) => Math.floor(at / strides[axis]) % dim));
  return [{ type: I64, shape: [rank, found.length], data: shape.length === 0 ? found : rows }];
};

const unique: Rule = (call) => {
  const { type, shape } = call.at(0);
  const isFlat = call.attribute('axis') === undefined;
  const from = isFlat ? [countOf(shape)] : shape;
  const axis = isFlat ? 0 : call.axis(call.int('axis'), shape.length);
  const most = [from[axis]];
  return [
    { type, shape: null, most: from },
    { type: I64, shape: null, most },
    { type: I64, shape: most },
    { type: I64, shape: null, most },
  ];
};

export const SELECTION_RULES: Readonly<Record<string, Rule>> = {
  Compress: compress,
  NonZero: nonZero,
  Unique: unique,
};
