/**
 * Convolutions, pooling and products of matrices.
 */
import { convolvedBack, filtered } from './made-shapes.js';
import { rowsOf, setting, type TfliteRow } from './row.js';
import { connected, convolved, convolvedByChannel, convolvedVolume, multiplied, pooled } from './window-shapes.js';

const convolution = rowsOf('convolution');
const matrix = rowsOf('matrix');

const STRIDES = [setting('padding', 0, 'i8'), setting('strideWidth', 1, 'i32'), setting('strideHeight', 2, 'i32')];
const WINDOW = [...STRIDES, setting('filterWidth', 3, 'i32'), setting('filterHeight', 4, 'i32')];
const WEIGHTED = { operands: ['input', 'weights'], optional: ['bias'] };

export const WINDOW_OPERATIONS: readonly TfliteRow[] = [
  convolution({
    name: 'CONV_2D',
    ...WEIGHTED,
    settings: [...STRIDES, setting('dilationWidth', 4, 'i32', 1), setting('dilationHeight', 5, 'i32', 1)],
    shapes: convolved,
  }),
  convolution({
    name: 'DEPTHWISE_CONV_2D',
    ...WEIGHTED,
    settings: [
      ...STRIDES,
      setting('depthMultiplier', 3, 'i32'),
      setting('dilationWidth', 5, 'i32', 1),
      setting('dilationHeight', 6, 'i32', 1),
    ],
    shapes: convolvedByChannel,
  }),
  convolution({
    name: 'CONV_3D',
    ...WEIGHTED,
    settings: [
      setting('padding', 0, 'i8'),
      setting('strideDepth', 1, 'i32'),
      setting('strideWidth', 2, 'i32'),
      setting('strideHeight', 3, 'i32'),
      setting('dilationDepth', 5, 'i32', 1),
      setting('dilationWidth', 6, 'i32', 1),
      setting('dilationHeight', 7, 'i32', 1),
    ],
    shapes: convolvedVolume,
  }),
  convolution({
    name: 'TRANSPOSE_CONV',
    operands: ['output shape', 'weights', 'input'],
    optional: ['bias'],
    settings: STRIDES,
    shapes: convolvedBack,
  }),
  convolution({ name: 'CONV_3D_TRANSPOSE', operands: ['output shape', 'weights', 'input'], optional: ['bias'] }),
  convolution({ name: 'AVERAGE_POOL_2D', operands: ['input'], settings: WINDOW, shapes: pooled }),
  convolution({ name: 'MAX_POOL_2D', operands: ['input'], settings: WINDOW, shapes: pooled }),
  convolution({ name: 'L2_POOL_2D', operands: ['input'], settings: WINDOW, shapes: pooled }),
  matrix({
    name: 'FULLY_CONNECTED',
    ...WEIGHTED,
    settings: [setting('keepNumDims', 2, 'bool')],
    shapes: connected,
  }),
  matrix({
    name: 'BATCH_MATMUL',
    operands: ['a', 'b'],
    settings: [setting('isFirstTurned', 0, 'bool'), setting('isSecondTurned', 1, 'bool')],
    shapes: multiplied,
  }),
  matrix({
    name: 'SVDF',
    operands: ['input', 'features', 'times'],
    optional: ['bias', 'state'],
    settings: [setting('rank', 0, 'i32')],
    shapes: filtered,
    isPure: false,
  }),
];
