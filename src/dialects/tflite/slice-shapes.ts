/**
 * Shapes of parts of a tensor: slices, rows that are looked up, what a reduction leaves.
 */
import {
  axisOf,
  demand,
  flagOf,
  numberOf,
  shapeOf,
  type ShapeQuery,
  type ShapeRule,
  type TfliteShape,
} from './shape-query.js';

/** SLICE: begins and lengths are operands; a length of -1 reaches to the end. */
export const sliced: ShapeRule = (query) => {
  const input = shapeOf(query, 0, ['input']);
  const [begins, lengths] = [query.values(1), query.values(2)];
  if (lengths === null || (begins === null && lengths.includes(-1))) return null;
  demand(lengths.length === input.length, query, 'lengths', lengths, `one for each of ${input.length} dimensions`);
  return [lengths.map((length, dim) => (length === -1 ? input[dim] - begins![dim] : length))];
};

/** Whether bit `index` of a mask is set. */
function hasBit(mask: number, index: number): boolean {
  return Math.floor(mask / 2 ** index) % 2 === 1;
}

/** The first element, the step and the number of elements of a slice along each dimension. */
export interface Strides {
  readonly begin: number;
  readonly step: number;
  readonly count: number;
  /** Whether the dimension is left out of the result. */
  readonly isDropped: boolean;
}

/** What STRIDED_SLICE takes; null if begins, ends or steps are not known, or if masks are used that few files have. */
export function stridedSlice(query: ShapeQuery): readonly Strides[] | null {
  const input = shapeOf(query, 0, ['input']);
  const [begins, ends, steps] = [1, 2, 3].map((slot) => query.values(slot));
  if (begins === null || ends === null || steps === null) return null;
  if (numberOf(query, 'ellipsisMask') !== 0 || numberOf(query, 'newAxisMask') !== 0) return null;
  const [beginMask, endMask, dropMask] = ['beginMask', 'endMask', 'shrinkAxisMask'].map((name) =>
    numberOf(query, name),
  );
  const isOffset = flagOf(query, 'isOffset');
  return input.map((length, dim) => {
    const step = steps[dim] ?? 1;
    demand(step !== 0, query, 'step', step, 'another one than 0');
    const isWhole = dim >= begins.length;
    const from = (value: number): number => (value < 0 ? value + length : value);
    const [low, high] = step > 0 ? [0, length] : [-1, length - 1];
    const clamp = (value: number): number => Math.min(high, Math.max(low, value));
    const isFirst = isWhole || hasBit(beginMask, dim);
    const begin = isFirst ? (step > 0 ? 0 : length - 1) : clamp(from(begins[dim]));
    const isDropped = !isWhole && hasBit(dropMask, dim);
    if (isDropped) return { begin, step: 1, count: 1, isDropped };
    const isLast = isWhole || hasBit(endMask, dim);
    const last = isOffset ? begin + (ends[dim] ?? 0) : from(ends[dim] ?? 0);
    const end = isLast ? (step > 0 ? length : -1) : clamp(last);
    return { begin, step, count: Math.max(0, Math.ceil((end - begin) / step)), isDropped };
  });
}

export const stridedSliced: ShapeRule = (query) => {
  const strides = stridedSlice(query);
  return strides && [strides.filter(({ isDropped }) => !isDropped).map(({ count }) => count)];
};

/** MEAN and its kin: the dimensions are an operand. */
export const reduced: ShapeRule = (query) => {
  const input = shapeOf(query, 0, ['input']);
  const named = query.values(1);
  if (named === null) return null;
  const axes = new Set(named.map((axis) => axisOf(query, axis, input.length)));
  if (flagOf(query, 'keepDims')) return [input.map((length, dim) => (axes.has(dim) ? 1 : length))];
  return [input.filter((_, dim) => !axes.has(dim))];
};

/** ARG_MAX and ARG_MIN: one dimension goes. */
export const argument: ShapeRule = (query) => {
  const input = shapeOf(query, 0, ['input']);
  const named = query.values(1)?.[0];
  if (named === undefined) return null;
  const axis = axisOf(query, named, input.length);
  return [input.filter((_, dim) => dim !== axis)];
};

/** GATHER: the indices take the place of one dimension. */
export const gathered: ShapeRule = (query) => {
  const [input, indices] = [shapeOf(query, 0, ['input']), shapeOf(query, 1, ['input', 'indices'])];
  const axis = axisOf(query, numberOf(query, 'axis'), input.length);
  const batch = numberOf(query, 'batchDims');
  const shared = batch < 0 ? batch + indices.length : batch;
  return [[...input.slice(0, axis), ...indices.slice(shared), ...input.slice(axis + 1)]];
};

/** GATHER_ND: the last dimension of the indices says where to look. */
export const gatheredByPoints: ShapeRule = (query) => {
  const [input, indices] = [shapeOf(query, 0, ['input']), shapeOf(query, 1, ['input', 'indices'])];
  const depth = indices.at(-1) ?? 0;
  demand(
    indices.length >= 1 && depth <= input.length,
    query,
    'indices',
    indices,
    `at most ${input.length} numbers each`,
  );
  return [[...indices.slice(0, -1), ...input.slice(depth)]];
};

/** EMBEDDING_LOOKUP: a row of the table for each index. */
export const lookedUp: ShapeRule = (query) => {
  const [indices, table] = [shapeOf(query, 0, ['indices']), shapeOf(query, 1, ['indices', 'table'])];
  return [[...indices, ...table.slice(1)]];
};

/** TOPK_V2: values and their places. */
export const topOnes: ShapeRule = (query) => {
  const input = shapeOf(query, 0, ['input']);
  const count = query.values(1)?.[0];
  if (count === undefined) return null;
  const shape: TfliteShape = [...input.slice(0, -1), count];
  return [shape, shape];
};

/** ONE_HOT: the number of classes is an operand. */
export const oneHot: ShapeRule = (query) => {
  const indices = shapeOf(query, 0, ['indices']);
  const depth = query.values(1)?.[0];
  if (depth === undefined) return null;
  const axis = numberOf(query, 'axis', -1);
  const at = axis === -1 ? indices.length : axisOf(query, axis, indices.length + 1);
  return [[...indices.slice(0, at), depth, ...indices.slice(at)]];
};

/** RESIZE_BILINEAR and its kin: height and width are an operand. */
export const resized: ShapeRule = (query) => {
  const input = shapeOf(query, 0, ['input']);
  const size = query.values(1);
  if (size === null) return null;
  demand(input.length === 4 && size.length === 2, query, 'input', input, 'four dimensions, and a height and a width');
  return [[input[0], ...size, input[3]]];
};
