/**
 * Shapes of results that hold the elements of their operands in another arrangement.
 */
import { shown } from '../../errors.js';
import {
  axisOf,
  countOf,
  demand,
  numberOf,
  shapeOf,
  type ShapeQuery,
  type ShapeRule,
  type TfliteShape,
} from './shape-query.js';

/** RESHAPE: the new shape is an operand, or a setting; one dimension of -1 takes what is left. */
export const reshaped: ShapeRule = (query) => {
  const count = countOf(shapeOf(query, 0, ['input']));
  const { newShape } = query.params;
  const wanted = query.values(1) ?? (query.shapes[1] ? null : ((newShape as number[] | undefined) ?? null));
  if (wanted === null) return null;
  const known = wanted.reduce((product, length) => (length === -1 ? product : product * length), 1);
  const free = wanted.filter((length) => length === -1).length;
  const isFit = free === 0 ? known === count : free === 1 && known > 0 && count % known === 0;
  demand(isFit && wanted.every((length) => length >= -1), query, 'new shape', wanted, `one of ${count} elements`);
  return [wanted.map((length) => (length === -1 ? count / known : length))];
};

/** SQUEEZE: drops the dimensions of 1 that the settings name, or all. */
export const squeezed: ShapeRule = (query) => {
  const input = shapeOf(query, 0, ['input']);
  const { dims } = query.params;
  const named = ((dims as number[] | undefined) ?? []).map((axis) => axisOf(query, axis, input.length));
  for (const axis of named) demand(input[axis] === 1, query, `dimension ${axis}`, input[axis], '1, for it is dropped');
  return [input.filter((length, axis) => (named.length === 0 ? length !== 1 : !named.includes(axis)))];
};

/** EXPAND_DIMS: a dimension of 1 more, where the second operand says. */
export const expanded: ShapeRule = (query) => {
  const input = shapeOf(query, 0, ['input']);
  const axis = query.values(1)?.[0];
  if (axis === undefined) return null;
  const at = axisOf(query, axis, input.length + 1);
  return [[...input.slice(0, at), 1, ...input.slice(at)]];
};

export const transposed: ShapeRule = (query) => {
  const input = shapeOf(query, 0, ['input']);
  const order = query.values(1);
  if (order === null) return null;
  demand(order.length === input.length, query, 'permutation', order, `one of ${input.length} dimensions`);
  return [order.map((axis) => input[axisOf(query, axis, input.length)])];
};

export const concatenated: ShapeRule = (query) => {
  const parts = query.shapes.map((_, slot) => shapeOf(query, slot));
  const [first] = parts;
  demand(first !== undefined, query, 'operands', 'none', 'one at least');
  const axis = axisOf(query, numberOf(query, 'axis'), first.length);
  for (const part of parts) {
    const areFit = part.length === first.length && part.every((length, dim) => dim === axis || length === first[dim]);
    demand(
      areFit,
      query,
      'operands',
      [...first],
      `shapes that are equal but for dimension ${axis}, not ${shown(part)}`,
    );
  }
  const sum = parts.reduce((total, part) => total + part[axis], 0);
  return [first.map((length, dim) => (dim === axis ? sum : length))];
};

/** PACK: operands of one shape become slices of a further dimension. */
export const packed: ShapeRule = (query) => {
  const first = shapeOf(query, 0);
  const axis = axisOf(query, numberOf(query, 'axis'), first.length + 1);
  return [[...first.slice(0, axis), query.shapes.length, ...first.slice(axis)]];
};

/** UNPACK: the slices of one dimension. */
export const unpacked: ShapeRule = (query) => {
  const input = shapeOf(query, 0, ['input']);
  const axis = axisOf(query, numberOf(query, 'axis'), input.length);
  const { resultCount } = query;
  demand(input[axis] === resultCount, query, `dimension ${axis}`, input[axis], `${resultCount}, one for each result`);
  return alike(
    query,
    input.filter((_, dim) => dim !== axis),
  );
};

const alike = ({ resultCount }: ShapeQuery, shape: TfliteShape): TfliteShape[] =>
  Array.from({ length: resultCount }, () => shape);

/** SPLIT: the axis is the first operand. */
export const split: ShapeRule = (query) => {
  const input = shapeOf(query, 1, ['axis', 'input']);
  const found = query.values(0)?.[0];
  if (found === undefined) return null;
  const axis = axisOf(query, found, input.length);
  const { resultCount } = query;
  demand(input[axis] % resultCount === 0, query, `dimension ${axis}`, input[axis], `a multiple of ${resultCount}`);
  return alike(
    query,
    input.map((length, dim) => (dim === axis ? length / resultCount : length)),
  );
};

/** SPLIT_V: the lengths are an operand; one of -1 takes what is left. */
export const splitByLengths: ShapeRule = (query) => {
  const input = shapeOf(query, 0, ['input']);
  const [lengths, found] = [query.values(1), query.values(2)?.[0]];
  if (lengths === null || found === undefined) return null;
  const axis = axisOf(query, found, input.length);
  const known = lengths.reduce((sum, length) => sum + Math.max(0, length), 0);
  const isFit = lengths.length === query.resultCount && known <= input[axis];
  demand(isFit, query, 'lengths', lengths, `${query.resultCount} that make up ${input[axis]}`);
  return lengths.map((length) => input.map((old, dim) => (dim === axis ? (length < 0 ? old - known : length) : old)));
};

/** PAD and its kin: two lengths for each dimension. */
export const padded: ShapeRule = (query) => {
  const input = shapeOf(query, 0, ['input']);
  const pads = query.values(1);
  if (pads === null) return null;
  demand(
    pads.length === 2 * input.length,
    query,
    'padding',
    pads,
    `two lengths for each of ${input.length} dimensions`,
  );
  return [input.map((length, dim) => length + pads[2 * dim] + pads[2 * dim + 1])];
};

export const tiled: ShapeRule = (query) => {
  const input = shapeOf(query, 0, ['input']);
  const counts = query.values(1);
  if (counts === null) return null;
  demand(counts.length === input.length, query, 'counts', counts, `one for each of ${input.length} dimensions`);
  return [input.map((length, dim) => length * counts[dim])];
};

/** SPACE_TO_DEPTH and DEPTH_TO_SPACE: squares of pixels become channels, or the other way. */
export const withDepth =
  (isInto: boolean): ShapeRule =>
  (query) => {
    const input = shapeOf(query, 0, ['input']);
    const block = numberOf(query, 'blockSize');
    demand(input.length === 4 && block >= 1, query, 'input', input, 'four dimensions and a block of at least 1');
    const [batch, height, width, channels] = input;
    const isWhole = isInto ? height % block === 0 && width % block === 0 : channels % block ** 2 === 0;
    demand(isWhole, query, 'input', input, `whole blocks of ${block}`);
    return isInto
      ? [[batch, height / block, width / block, channels * block ** 2]]
      : [[batch, height * block, width * block, channels / block ** 2]];
  };

/** SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND: blocks and paddings, or crops, are operands. */
export const withBatch =
  (isInto: boolean): ShapeRule =>
  (query) => {
    const input = shapeOf(query, 0, ['input']);
    const [block, edges] = [query.values(1), query.values(2)];
    if (block === null || edges === null) return null;
    const areFit = input.length > block.length && edges.length === 2 * block.length && block.every((each) => each > 0);
    demand(areFit, query, 'blocks', block, 'fewer than there are dimensions, with two lengths each');
    const product = countOf(block);
    const inner = block.map((size, dim) => {
      const edge = edges[2 * dim] + edges[2 * dim + 1];
      const length = isInto ? (input[1 + dim] + edge) / size : input[1 + dim] * size - edge;
      demand(
        Number.isInteger(length) && length >= 0,
        query,
        `dimension ${1 + dim}`,
        input[1 + dim],
        `blocks of ${size}`,
      );
      return length;
    });
    const batch = isInto ? input[0] * product : input[0] / product;
    demand(Number.isInteger(batch), query, 'batch', input[0], `a multiple of ${product}`);
    return [[batch, ...inner, ...input.slice(1 + block.length)]];
  };
