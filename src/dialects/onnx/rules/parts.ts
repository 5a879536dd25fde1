/**
 * Operations that put together, cut and pick elements.
 */
import { countOf, eachIndex, stridesOf } from '../elements.js';
import { shapeText } from '../model.js';
import type { Call, Known, Outcome, Rule } from '../call.js';

type Pick = (index: readonly number[]) => readonly number[];

/** A result whose elements are those of the first operand at other indices. */
function picked(call: Call, shape: readonly number[], pick: Pick): Outcome[] {
  const { type, data, shape: from } = call.at(0);
  const checked = call.checked(shape);
  if (data === null) return [{ type, shape: checked }];
  const strides = stridesOf(from);
  const at = (index: readonly number[]): number =>
    pick(index).reduce((sum, value, axis) => sum + value * strides[axis], 0);
  return [{ type, shape: checked, data: eachIndex(checked, (index) => data[at(index)]) }];
}

const transpose: Rule = (call) => {
  const shape = call.shape(0);
  const order = (call.ints('perm') ?? shape.map((_, axis) => shape.length - 1 - axis)).map((axis) =>
    call.axis(axis, shape.length),
  );
  if (new Set(order).size !== shape.length)
    call.fail('names dimensions twice or not at all', 'each dimension once in perm');
  const back = shape.map((_, axis) => order.indexOf(axis));
  return picked(
    call,
    order.map((axis) => shape[axis]),
    (index) => back.map((axis) => index[axis]),
  );
};

/** Joins values along a dimension. */
function joined(call: Call, parts: readonly Known[], axis: number): Outcome[] {
  const [first] = parts;
  let length = 0;
  for (const { shape } of parts) {
    const agrees =
      shape.length === first.shape.length && shape.every((dim, each) => each === axis || dim === first.shape[each]);
    if (!agrees) call.fail('joins shapes that differ', 'the same lengths in all other dimensions');
    length += shape[axis];
  }
  const shape = call.checked(first.shape.with(axis, length));
  const areKnown = parts.every(({ data }) => data !== null);
  const data = areKnown
    ? eachIndex(shape, (index) => {
        let part = 0;
        let at = index[axis];
        while (at >= parts[part].shape[axis]) at -= parts[part++].shape[axis];
        const strides = stridesOf(parts[part].shape);
        return parts[part].data![index.with(axis, at).reduce((sum, value, each) => sum + value * strides[each], 0)];
      })
    : null;
  return [{ type: first.type, shape, data }];
}

const concat: Rule = (call) => {
  const parts = call.inputs.map((_, slot) => call.at(slot));
  const axis = call.axis(call.int('axis'), call.shape(0).length);
  return joined(call, parts, axis);
};

/** Scale and zero point of the result, then three operands for each part: elements, scale, zero point. */
const quantizedConcat: Rule = (call) => {
  const parts = call.inputs.flatMap((_, slot) => (slot % 3 === 2 ? [{ ...call.at(slot), data: null }] : []));
  const axis = call.axis(call.int('axis'), call.shapeOfRank(2, 1).length);
  return joined(call, parts, axis);
};

/** The operands are the elements of the sequence. */
const concatFromSequence: Rule = (call) => {
  const parts = call.inputs.map((_, slot) => call.at(slot));
  const isNew = call.int('new_axis', 0) === 1;
  const axis = call.axis(call.int('axis'), call.shape(0).length + (isNew ? 1 : 0));
  if (!isNew) return joined(call, parts, axis);
  return joined(
    call,
    parts.map((part) => ({ ...part, shape: part.shape.toSpliced(axis, 0, 1) })),
    axis,
  );
};

const slice: Rule = (call) => {
  const shape = call.shape(0);
  const starts = call.valuesOr(1, 'starts') ?? call.fail('has no starts', 'its operand starts');
  const ends = call.valuesOr(2, 'ends') ?? call.fail('has no ends', 'its operand ends');
  const axes = call.valuesOr(3, 'axes') ?? starts.map((_, axis) => axis);
  const steps = call.has(4) ? call.values(4) : starts.map(() => 1);
  const result = [...shape];
  const first = shape.map(() => 0);
  const step = shape.map(() => 1);
  axes.forEach((named, index) => {
    const axis = call.axis(named, shape.length);
    const dim = shape[axis];
    const by = steps[index];
    if (by === 0 || by === undefined) call.fail('cuts in steps of 0', 'steps other than 0');
    const place = (value: number, least: number, most: number): number =>
      Math.min(Math.max(value < 0 ? value + dim : value, least), most);
    const start = by > 0 ? place(starts[index], 0, dim) : place(starts[index], 0, dim - 1);
    const end = by > 0 ? place(ends[index], 0, dim) : place(ends[index], -1, dim - 1);
    result[axis] = Math.max(0, Math.ceil((end - start) / by));
    first[axis] = start;
    step[axis] = by;
  });
  return picked(call, result, (index) => index.map((value, axis) => first[axis] + value * step[axis]));
};

const split: Rule = (call) => {
  const shape = call.shape(0);
  const axis = call.axis(call.int('axis', 0), shape.length);
  const count = call.int('num_outputs', call.outputCount);
  const even = Math.ceil(shape[axis] / count);
  const equal = Array.from({ length: count }, (_, part) => Math.max(0, Math.min(even, shape[axis] - part * even)));
  const lengths = call.valuesOr(1, 'split') ?? equal;
  if (lengths.reduce((sum, length) => sum + length, 0) !== shape[axis]) {
    call.fail(`cuts a length of ${shape[axis]} into ${shapeText(lengths)}`, 'parts that add up');
  }
  let start = 0;
  return lengths.flatMap((length) => {
    const from = start;
    start += length;
    return picked(call, shape.with(axis, length), (index) => index.with(axis, index[axis] + from));
  });
};

const gather: Rule = (call) => {
  const shape = call.shape(0);
  const { shape: indices, data } = call.at(1);
  const axis = call.axis(call.int('axis', 0), shape.length);
  const result = [...shape.slice(0, axis), ...indices, ...shape.slice(axis + 1)];
  if (data === null) return [{ type: call.type(0), shape: call.checked(result) }];
  const strides = stridesOf(indices);
  return picked(call, result, (index) => {
    const at = indices.reduce((sum, _, each) => sum + index[axis + each] * strides[each], 0);
    const chosen = data[at] < 0 ? data[at] + shape[axis] : data[at];
    return [...index.slice(0, axis), chosen, ...index.slice(axis + indices.length)];
  });
};

const gatherNd: Rule = (call) => {
  const shape = call.shape(0);
  const indices = call.shapeOfRank(1, 1);
  const batch = call.int('batch_dims', 0);
  const depth = indices[indices.length - 1] + batch;
  if (depth > shape.length) call.fail('picks by more dimensions than there are', 'at most as many');
  return [{ type: call.type(0), shape: call.checked([...indices.slice(0, -1), ...shape.slice(depth)]) }];
};

/** The elements of the first operand, some replaced. */
const scattered: Rule = (call) => {
  const { type, shape } = call.at(0);
  return [{ type, shape, data: scatteredData(call) }];
};

function scatteredData(call: Call): readonly number[] | null {
  const { data, shape } = call.at(0);
  const [indices, updates] = [call.at(1), call.at(2)];
  const isPlain = call.node.op === 'ScatterND' && call.text('reduction', 'none') === 'none';
  if (!isPlain || data === null || indices.data === null || updates.data === null) return null;
  const depth = indices.shape[indices.shape.length - 1];
  const strides = stridesOf(shape);
  const length = countOf(shape.slice(depth));
  const result = [...data];
  for (let row = 0; row * depth < indices.data.length; row++) {
    let at = 0;
    for (let axis = 0; axis < depth; axis++) {
      const index = indices.data[row * depth + axis];
      at += (index < 0 ? index + shape[axis] : index) * strides[axis];
    }
    for (let each = 0; each < length; each++)
      if (at + each in result) result[at + each] = updates.data[row * length + each];
  }
  return result;
}

const expand: Rule = (call) => {
  const shape = call.shape(0);
  const wanted = call.checked(call.values(1));
  const rank = Math.max(shape.length, wanted.length);
  const [missing, less] = [rank - shape.length, rank - wanted.length];
  const result = Array.from({ length: rank }, (_, axis) => {
    const [own, other] = [shape[axis - missing] ?? 1, wanted[axis - less] ?? 1];
    if (own !== other && own !== 1 && other !== 1) {
      call.fail(`is to have the shape ${shapeText(wanted)}`, 'lengths that agree or are 1');
    }
    return own === 1 ? other : own;
  });
  return picked(call, result, (index) => shape.map((dim, axis) => (dim === 1 ? 0 : index[axis + missing])));
};

const tile: Rule = (call) => {
  const shape = call.shape(0);
  const repeats = call.values(1);
  if (repeats.length !== shape.length) call.fail(`is repeated ${shapeText(repeats)} times`, 'one number a dimension');
  return picked(
    call,
    shape.map((dim, axis) => dim * repeats[axis]),
    (index) => index.map((value, axis) => value % shape[axis]),
  );
};

const pad: Rule = (call) => {
  const { type, shape } = call.at(0);
  const pads = call.valuesOr(1, 'pads') ?? call.fail('has no pads', 'its operand pads');
  const axes = (call.has(3) ? call.values(3) : shape.map((_, axis) => axis)).map((axis) =>
    call.axis(axis, shape.length),
  );
  if (pads.length !== 2 * axes.length) call.fail(`is padded by ${shapeText(pads)}`, 'two numbers a dimension');
  const result = [...shape];
  axes.forEach((axis, index) => (result[axis] += pads[index] + pads[index + axes.length]));
  return [{ type, shape: call.checked(result) }];
};

const depthToSpace: Rule = (call) => {
  const [n, c, h, w] = call.shapeOfRank(0, 4, 4);
  const block = call.int('blocksize');
  return [{ type: call.type(0), shape: call.checked([n, c / (block * block), h * block, w * block]) }];
};

const spaceToDepth: Rule = (call) => {
  const [n, c, h, w] = call.shapeOfRank(0, 4, 4);
  const block = call.int('blocksize');
  return [{ type: call.type(0), shape: call.checked([n, c * block * block, h / block, w / block]) }];
};

const centerCropPad: Rule = (call) => {
  const shape = [...call.shape(0)];
  const wanted = call.values(1);
  const axes = call.ints('axes') ?? shape.map((_, axis) => axis);
  axes.forEach((axis, index) => (shape[call.axis(axis, shape.length)] = wanted[index]));
  return [{ type: call.type(0), shape: call.checked(shape) }];
};

/** As the first operand, with the shape of the second. */
const shapedAsIndices: Rule = (call) => [{ type: call.type(0), shape: call.shape(1) }];
const sameAsFirst: Rule = (call) => [{ type: call.type(0), shape: call.shape(0) }];

export const PART_RULES: Readonly<Record<string, Rule>> = {
  CenterCropPad: centerCropPad,
  Concat: concat,
  ConcatFromSequence: concatFromSequence,
  DepthToSpace: depthToSpace,
  Expand: expand,
  Gather: gather,
  GatherElements: shapedAsIndices,
  GatherND: gatherNd,
  Pad: pad,
  ReverseSequence: sameAsFirst,
  Scatter: scattered,
  ScatterElements: scattered,
  ScatterND: scattered,
  Slice: slice,
  SpaceToDepth: spaceToDepth,
  Split: split,
  TensorScatter: sameAsFirst,
  Tile: tile,
  Transpose: transpose,
  Trilu: sameAsFirst,
  'com.microsoft.QLinearConcat': quantizedConcat,
};
