/**
 * Shapes that values decide, and those of recurrent layers.
 */
import { demand, numberOf, shapeOf, type ShapeRule } from './shape-query.js';

/** The result has the shape that operand `slot` lists. */
export const shapeListedBy =
  (slot: number): ShapeRule =>
  (query) => {
    const values = query.values(slot);
    return values && [values];
  };

/** SHAPE: one number for each dimension. */
export const shapeOfInput: ShapeRule = (query) => [[shapeOf(query, 0, ['input']).length]];

export const scalar: ShapeRule = () => [[]];

export const ranged: ShapeRule = (query) => {
  const [start, limit, step] = [0, 1, 2].map((slot) => query.values(slot)?.[0]);
  if (start === undefined || limit === undefined || step === undefined) return null;
  demand(step !== 0, query, 'step', step, 'another one than 0');
  return [[Math.max(0, Math.ceil((limit - start) / step))]];
};

/** TRANSPOSE_CONV: the first operand lists the shape of the result. */
export const convolvedBack: ShapeRule = (query) => {
  const values = query.values(0);
  if (values === null) return null;
  demand(values.length === 4, query, 'output shape', values, 'four dimensions');
  return [values];
};

/** SVDF: a row of units for each of the batch. */
export const filtered: ShapeRule = (query) => {
  const [input, features] = [shapeOf(query, 0, ['input']), shapeOf(query, 1, ['input', 'features'])];
  const rank = Math.max(1, numberOf(query, 'rank', 1));
  demand(features[0] % rank === 0, query, 'features', features, `a multiple of rank ${rank}`);
  return [[input[0], features[0] / rank]];
};

/** UNIDIRECTIONAL_SEQUENCE_LSTM: operand 4 has one row for each cell, operand 16 projects the output. */
export const lstmSequence: ShapeRule = (query) => {
  const input = shapeOf(query, 0, ['input']);
  const recurrent = shapeOf(query, 8);
  return [[...input.slice(0, -1), recurrent[1]]];
};

/** UNIDIRECTIONAL_SEQUENCE_RNN and RNN: operand 1 has one row for each unit. */
export const rnnSequence: ShapeRule = (query) => {
  const input = shapeOf(query, 0, ['input']);
  const weights = shapeOf(query, 1, ['input', 'weights']);
  return [[...input.slice(0, -1), weights[0]]];
};

/** RFFT2D: half of the last dimension, and one more. */
export const transformed: ShapeRule = (query) => {
  const input = shapeOf(query, 0, ['input']);
  const lengths = query.values(1);
  if (lengths === null) return null;
  demand(input.length >= 2 && lengths.length === 2, query, 'input', input, 'two dimensions at least');
  return [[...input.slice(0, -2), lengths[0], Math.floor(lengths[1] / 2) + 1]];
};

/** MATRIX_DIAG: the last dimension twice. */
export const diagonal: ShapeRule = (query) => {
  const input = shapeOf(query, 0, ['input']);
  return [[...input, input.at(-1) ?? 1]];
};
