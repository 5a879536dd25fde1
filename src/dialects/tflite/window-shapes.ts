/**
 * Shapes of convolutions and pooling: windows that slide over dimensions between batch and channels.
 */
import { demand, flagOf, numberOf, shapeOf, type ShapeQuery, type ShapeRule } from './shape-query.js';

/** TFLite's number for a window that may stand over the edge. */
const SAME = 0;

function slid(query: ShapeQuery, length: number, window: number, stride: number, dilation: number): number {
  demand(stride >= 1 && dilation >= 1, query, 'stride and dilation', [stride, dilation], 'whole numbers of at least 1');
  if (numberOf(query, 'padding') === SAME) return Math.ceil(length / stride);
  return Math.max(0, Math.ceil((length - (window - 1) * dilation) / stride));
}

/** CONV_2D: weights are [channels out, height, width, channels in]. */
export const convolved: ShapeRule = (query) => {
  const [batch, height, width] = imageOf(query);
  const weights = shapeOf(query, 1, ['input', 'weights']);
  demand(weights.length === 4, query, 'weights', weights, 'four dimensions');
  return [[batch, ...slidImage(query, height, width, weights[1], weights[2]), weights[0]]];
};

/** DEPTHWISE_CONV_2D: weights are [1, height, width, channels]. */
export const convolvedByChannel: ShapeRule = (query) => {
  const [batch, height, width] = imageOf(query);
  const weights = shapeOf(query, 1, ['input', 'weights']);
  demand(weights.length === 4, query, 'weights', weights, 'four dimensions');
  return [[batch, ...slidImage(query, height, width, weights[1], weights[2]), weights[3]]];
};

/** Pooling: the settings hold the window. */
export const pooled: ShapeRule = (query) => {
  const [batch, height, width, channels] = imageOf(query);
  const window = [numberOf(query, 'filterHeight'), numberOf(query, 'filterWidth')];
  return [[batch, ...slidImage(query, height, width, window[0], window[1]), channels]];
};

/** CONV_3D: weights are [depth, height, width, channels in, channels out]. */
export const convolvedVolume: ShapeRule = (query) => {
  const input = shapeOf(query, 0, ['input']);
  const weights = shapeOf(query, 1, ['input', 'weights']);
  demand(input.length === 5 && weights.length === 5, query, 'operands', [input, weights], 'five dimensions');
  const lengths = ['Depth', 'Height', 'Width'].map((name, dim) =>
    slid(
      query,
      input[1 + dim],
      weights[dim],
      numberOf(query, `stride${name}`, 1),
      numberOf(query, `dilation${name}`, 1),
    ),
  );
  return [[input[0], ...lengths, weights[4]]];
};

function imageOf(query: ShapeQuery): readonly number[] {
  const input = shapeOf(query, 0, ['input']);
  demand(input.length === 4, query, 'input', input, 'four dimensions');
  return input;
}

function slidImage(query: ShapeQuery, height: number, width: number, rows: number, columns: number): number[] {
  const dilation = [numberOf(query, 'dilationHeight', 1), numberOf(query, 'dilationWidth', 1)];
  return [
    slid(query, height, rows, numberOf(query, 'strideHeight', 1), dilation[0]),
    slid(query, width, columns, numberOf(query, 'strideWidth', 1), dilation[1]),
  ];
}

/** FULLY_CONNECTED: weights are [units, inputs]; all but the last dimension of the input become rows. */
export const connected: ShapeRule = (query) => {
  const input = shapeOf(query, 0, ['input']);
  const weights = shapeOf(query, 1, ['input', 'weights']);
  demand(weights.length === 2, query, 'weights', weights, 'two dimensions');
  const [units, inputs] = weights;
  if (flagOf(query, 'keepNumDims')) return [[...input.slice(0, -1), units]];
  const count = input.reduce((product, length) => product * length, 1);
  demand(inputs > 0 && count % inputs === 0, query, 'input', input, `a multiple of ${inputs} elements`);
  return [[count / inputs, units]];
};

/** BATCH_MATMUL, with either operand turned. */
export const multiplied: ShapeRule = (query) => {
  const [a, b] = [shapeOf(query, 0, ['a']), shapeOf(query, 1, ['a', 'b'])];
  demand(a.length >= 2 && b.length >= 2, query, 'operands', [a, b], 'two dimensions at least');
  const [rows, inner] = flagOf(query, 'isFirstTurned') ? [a.at(-1)!, a.at(-2)!] : [a.at(-2)!, a.at(-1)!];
  const [other, columns] = flagOf(query, 'isSecondTurned') ? [b.at(-1)!, b.at(-2)!] : [b.at(-2)!, b.at(-1)!];
  demand(inner === other, query, 'inner dimensions', [inner, other], 'equal ones');
  const [first, second] = [a.slice(0, -2), b.slice(0, -2)];
  const rank = Math.max(first.length, second.length);
  const batch = Array.from({ length: rank }, (_, dim) => {
    const lengths = [first[first.length - rank + dim] ?? 1, second[second.length - rank + dim] ?? 1];
    demand(lengths.includes(1) || lengths[0] === lengths[1], query, 'batches', [a, b], 'equal ones, or 1');
    return lengths[0] === 1 ? lengths[1] : lengths[0];
  });
  return [[...batch, rows, columns]];
};
