/** Shapes that operations of TFLite make, and operands that they do not take. */
import { describe, expect, it } from 'vitest';
import { findTfliteOperation } from '../../../src/dialects/tflite/operations.js';
import { BUILTIN_NAMES } from '../../../src/dialects/tflite/builtin-names.js';
import { knownValues } from '../../../src/dialects/tflite/known-values.js';
import type { ShapeQuery } from '../../../src/dialects/tflite/shape-query.js';
import { expectError } from '../../support/expect-error.js';
import type { OperationParams } from '../../../src/tensor/tensor.js';

type Shape = readonly number[];
/** An operand: its shape, or the numbers that it holds. */
type Operand = Shape | { readonly values: readonly number[] } | null;

const isShape = (operand: Operand): operand is Shape => Array.isArray(operand);

const query = (
  op: string,
  operands: readonly Operand[],
  params: OperationParams = {},
  resultCount = 1,
): ShapeQuery => ({
  op,
  label: `${op} y`,
  shapes: operands.map((each) => (each === null ? null : isShape(each) ? each : [each.values.length])),
  values: (slot) => {
    const operand = operands[slot] ?? null;
    return operand === null || isShape(operand) ? null : operand.values;
  },
  params,
  resultCount,
  stated: [],
});

const of = (...values: readonly number[]): Operand => ({ values });
const shapesOf = (...call: Parameters<typeof query>): readonly Shape[] | null =>
  findTfliteOperation(call[0])!.shapes!(query(...call));

const STRIDE = { padding: 0, strideHeight: 2, strideWidth: 2 };

describe('shapes', () => {
  it.each<[string, readonly Operand[], OperationParams, readonly Shape[]]>([
    ['CONV_2D', [[1, 97, 96, 3], [8, 3, 3, 3], [8]], STRIDE, [[1, 49, 48, 8]]],
    ['CONV_2D', [[1, 97, 96, 3], [8, 3, 3, 3], [8]], { ...STRIDE, padding: 1 }, [[1, 48, 47, 8]]],
    [
      'CONV_2D',
      [
        [1, 20, 20, 3],
        [8, 3, 3, 3],
      ],
      { padding: 1, dilationHeight: 2, dilationWidth: 3 },
      [[1, 16, 14, 8]],
    ],
    ['DEPTHWISE_CONV_2D', [[2, 48, 48, 8], [1, 3, 3, 16], [16]], STRIDE, [[2, 24, 24, 16]]],
    ['MAX_POOL_2D', [[1, 7, 7, 8]], { ...STRIDE, padding: 1, filterHeight: 2, filterWidth: 3 }, [[1, 3, 3, 8]]],
    [
      'CONV_3D',
      [
        [1, 8, 8, 8, 2],
        [3, 3, 3, 2, 5],
      ],
      { padding: 1 },
      [[1, 6, 6, 6, 5]],
    ],
    ['TRANSPOSE_CONV', [of(1, 8, 8, 4), [4, 3, 3, 2], [1, 4, 4, 2]], STRIDE, [[1, 8, 8, 4]]],
    [
      'FULLY_CONNECTED',
      [
        [2, 5, 20],
        [7, 10],
      ],
      {},
      [[20, 7]],
    ],
    [
      'FULLY_CONNECTED',
      [
        [2, 5, 10],
        [7, 10],
      ],
      { keepNumDims: true },
      [[2, 5, 7]],
    ],
    [
      'BATCH_MATMUL',
      [
        [4, 1, 2, 3],
        [5, 3, 7],
      ],
      {},
      [[4, 5, 2, 7]],
    ],
    [
      'BATCH_MATMUL',
      [
        [3, 2],
        [7, 3],
      ],
      { isFirstTurned: true, isSecondTurned: true },
      [[2, 7]],
    ],
    [
      'SVDF',
      [
        [2, 96],
        [64, 96],
        [64, 10],
      ],
      { rank: 4 },
      [[2, 16]],
    ],
    [
      'ADD',
      [
        [2, 1, 5],
        [3, 1],
      ],
      {},
      [[2, 3, 5]],
    ],
    [
      'PRELU',
      [
        [1, 4, 4, 8],
        [1, 1, 8],
      ],
      {},
      [[1, 4, 4, 8]],
    ],
    ['SELECT', [[4], [4, 5], [4, 5]], {}, [[4, 5]]],
    ['RESHAPE', [[2, 3, 4], of(-1, 6)], {}, [[4, 6]]],
    ['RESHAPE', [[2, 3, 4]], { newShape: [24] }, [[24]]],
    ['SQUEEZE', [[1, 3, 1, 4]], { dims: [] }, [[3, 4]]],
    ['SQUEEZE', [[1, 3, 1, 4]], { dims: [-2] }, [[1, 3, 4]]],
    ['EXPAND_DIMS', [[3, 4], of(-1)], {}, [[3, 4, 1]]],
    ['TRANSPOSE', [[2, 3, 4], of(2, 0, 1)], {}, [[4, 2, 3]]],
    [
      'CONCATENATION',
      [
        [2, 3],
        [2, 5],
        [2, 1],
      ],
      { axis: -1 },
      [[2, 9]],
    ],
    [
      'PACK',
      [
        [2, 3],
        [2, 3],
      ],
      { axis: 1 },
      [[2, 2, 3]],
    ],
    ['UNPACK', [[2, 3]], { axis: 0 }, [[3], [3]]],
    ['SPLIT', [of(1), [2, 6]], {}, [[2, 6]]],
    ['SPLIT_V', [[2, 6], of(-1), of(1)], {}, [[2, 6]]],
    ['PAD', [[2, 3], of(1, 0, 2, 2)], {}, [[3, 7]]],
    ['TILE', [[2, 3], of(2, 3)], {}, [[4, 9]]],
    ['BROADCAST_TO', [[1, 3], of(4, 3)], {}, [[4, 3]]],
    ['SPACE_TO_DEPTH', [[1, 4, 6, 2]], { blockSize: 2 }, [[1, 2, 3, 8]]],
    ['DEPTH_TO_SPACE', [[1, 2, 3, 8]], { blockSize: 2 }, [[1, 4, 6, 2]]],
    ['SPACE_TO_BATCH_ND', [[1, 4, 6, 2], of(2, 2), of(0, 0, 1, 1)], {}, [[4, 2, 4, 2]]],
    ['BATCH_TO_SPACE_ND', [[4, 2, 4, 2], of(2, 2), of(0, 0, 1, 1)], {}, [[1, 4, 6, 2]]],
    ['SLICE', [[4, 5], of(1, 2), of(2, -1)], {}, [[2, 3]]],
    ['STRIDED_SLICE', [[4, 5, 6], of(0, 4), of(0, 0), of(2, -2)], { beginMask: 1, endMask: 1 }, [[2, 2, 6]]],
    ['STRIDED_SLICE', [[4, 5], of(1, 0), of(2, 5), of(1, 1)], { shrinkAxisMask: 1 }, [[5]]],
    [
      'GATHER',
      [
        [4, 5, 6],
        [2, 3],
      ],
      { axis: 1 },
      [[4, 2, 3, 6]],
    ],
    [
      'GATHER_ND',
      [
        [4, 5, 6],
        [7, 2],
      ],
      {},
      [[7, 6]],
    ],
    ['EMBEDDING_LOOKUP', [[7], [100, 16]], {}, [[7, 16]]],
    ['MEAN', [[1, 7, 7, 8], of(1, 2)], {}, [[1, 8]]],
    ['MEAN', [[1, 7, 7, 8], of(1, -2)], { keepDims: true }, [[1, 1, 1, 8]]],
    ['ARG_MAX', [[2, 3, 4], of(-1)], {}, [[2, 3]]],
    [
      'TOPK_V2',
      [[2, 9], of(5)],
      {},
      [
        [2, 5],
        [2, 5],
      ],
    ],
    ['ONE_HOT', [[2, 3], of(10), [], []], { axis: -1 }, [[2, 3, 10]]],
    ['RESIZE_BILINEAR', [[1, 4, 4, 8], of(16, 12)], {}, [[1, 16, 12, 8]]],
    ['SHAPE', [[2, 3, 4]], {}, [[3]]],
    ['RANGE', [of(0), of(10), of(3)], {}, [[4]]],
    ['RFFT2D', [[1, 8, 16], of(8, 16)], {}, [[1, 8, 9]]],
    ['UNIDIRECTIONAL_SEQUENCE_LSTM', [[1, 28, 28], ...Array.from({ length: 8 }, () => [20, 20])], {}, [[1, 28, 20]]],
  ])('%s of %j, %j', (op, operands, params, expected) => {
    expect(shapesOf(op, operands, params, expected.length)).toEqual(expected);
  });

  it.each<[string, readonly Operand[], OperationParams]>([
    [
      'CONV_2D',
      [
        [1, 9, 9],
        [8, 3, 3, 3],
      ],
      {},
    ],
    ['CONV_2D', [[1, 9, 9, 3]], {}],
    [
      'CONV_2D',
      [
        [1, 9, 9, 3],
        [8, 3, 3, 3],
      ],
      { strideHeight: 0 },
    ],
    [
      'FULLY_CONNECTED',
      [
        [2, 9],
        [7, 10],
      ],
      {},
    ],
    [
      'ADD',
      [
        [2, 3],
        [4, 3],
      ],
      {},
    ],
    ['RESHAPE', [[2, 3], of(4, -1)], {}],
    ['RESHAPE', [[2, 3], of(-1, -1)], {}],
    ['SQUEEZE', [[2, 3]], { dims: [0] }],
    [
      'CONCATENATION',
      [
        [2, 3],
        [4, 3],
      ],
      { axis: 1 },
    ],
    [
      'CONCATENATION',
      [
        [2, 3],
        [2, 3],
      ],
      { axis: 2 },
    ],
    ['SPLIT', [of(0), [3]], {}],
    [
      'BATCH_MATMUL',
      [
        [2, 3],
        [4, 5],
      ],
      {},
    ],
    ['TRANSPOSE', [[2, 3], of(0)], {}],
  ])('%s refuses %j, %j', (op, operands, params) => {
    expectError('BAD_OPERAND', /./, () => shapesOf(op, operands, params, op === 'SPLIT' ? 2 : 1));
  });

  it.each(['RESHAPE', 'MEAN', 'TILE', 'SLICE', 'FILL', 'RESIZE_BILINEAR', 'TOPK_V2', 'STRIDED_SLICE'])(
    'of %s are unknown where the numbers are',
    (op) => {
      expect(shapesOf(op, [[2, 3], [2], [2], [2]])).toBeNull();
    },
  );
});

describe('numbers that files compute shapes of', () => {
  it.each<[string, readonly Operand[], OperationParams, readonly number[] | null]>([
    ['SHAPE', [[2, 3, 4]], {}, [2, 3, 4]],
    ['STRIDED_SLICE', [of(5, 6, 7, 8), of(1), of(4), of(2)], {}, [6, 8]],
    ['PACK', [of(2), of(3)], {}, [2, 3]],
    ['CONCATENATION', [of(2, 4), of(3)], {}, [2, 4, 3]],
    ['MUL', [of(2, 4), of(3)], {}, [6, 12]],
    ['DIV', [of(-7), of(2)], {}, [-3]],
    ['FLOOR_DIV', [of(-7), of(2)], {}, [-4]],
    ['DIV', [of(7), of(0)], {}, null],
    ['GATHER', [of(5, 6, 7), of(2, 0)], {}, [7, 5]],
    ['GATHER', [of(5, 6, 7), of(9)], {}, null],
    ['REDUCE_PROD', [of(5, 6, 7)], {}, [210]],
    ['FILL', [of(3), of(1)], {}, [1, 1, 1]],
    ['SLICE', [of(5, 6, 7), of(1), of(-1)], {}, [6, 7]],
    ['ADD', [[2], of(1)], {}, null],
    ['RELU', [of(1)], {}, null],
  ])('%s of %j, %j', (op, operands, params, expected) => {
    expect(knownValues(query(op, operands, params))).toEqual(expected);
  });
});

describe('the table', () => {
  it('has every operation of the format by its number', () => {
    expect(BUILTIN_NAMES).toHaveLength(210);
    expect(['ADD', 'CUSTOM', 'IF', 'CALL_ONCE', 'STABLEHLO_CASE'].map((name) => BUILTIN_NAMES.indexOf(name))).toEqual([
      0, 32, 118, 129, 209,
    ]);
    for (const name of BUILTIN_NAMES) expect(findTfliteOperation(name)?.name).toBe(name);
  });

  it('lets only element-wise operations and norms overwrite an operand', () => {
    const overwriting = BUILTIN_NAMES.filter((name) => findTfliteOperation(name)!.overwrites.length > 0);
    expect(overwriting).not.toEqual(expect.arrayContaining(['CONV_2D']));
    for (const name of ['CONV_2D', 'TRANSPOSE', 'CONCATENATION', 'CUMSUM', 'LOG_SOFTMAX', 'FULLY_CONNECTED']) {
      expect([name, overwriting.includes(name)]).toEqual([name, false]);
    }
    expect(overwriting).toEqual(expect.arrayContaining(['ADD', 'RELU', 'SOFTMAX', 'LOGISTIC']));
  });
});
