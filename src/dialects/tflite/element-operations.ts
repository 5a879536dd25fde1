/**
 * Operations that compute each element of the result by itself, and norms.
 */
import { chosen, repeated, shapeAs } from './broadcast.js';
import { rowsOf, type TfliteRow } from './row.js';

const elementWise = rowsOf('element-wise');
const norm = rowsOf('norm');
const copy = rowsOf('copy');

const ONE = { operands: ['input'], shapes: shapeAs(0), overwrites: [0] };
const TWO = { operands: ['a', 'b'], shapes: repeated, overwrites: [0, 1] };

const OF_ONE = [
  ...['ABS', 'CEIL', 'COMPLEX_ABS', 'COS', 'ELU', 'EXP', 'FAKE_QUANT', 'FLOOR', 'GELU', 'HARD_SWISH', 'IMAG'],
  ...['LEAKY_RELU', 'LOG', 'LOGICAL_NOT', 'LOGISTIC', 'NEG', 'REAL', 'RELU', 'RELU6', 'RELU_0_TO_1', 'RELU_N1_TO_1'],
  ...['ROUND', 'RSQRT', 'SIGN', 'SIN', 'SQRT', 'SQUARE', 'TANH', 'ZEROS_LIKE', 'BUCKETIZE'],
];
const OF_TWO = [
  ...['ADD', 'ATAN2', 'BITWISE_XOR', 'DIV', 'EQUAL', 'FLOOR_DIV', 'FLOOR_MOD', 'GREATER', 'GREATER_EQUAL', 'LESS'],
  ...['LESS_EQUAL', 'LOGICAL_AND', 'LOGICAL_OR', 'MAXIMUM', 'MINIMUM', 'MUL', 'NOT_EQUAL', 'POW', 'RIGHT_SHIFT'],
  ...['SQUARED_DIFFERENCE', 'SUB'],
];

export const ELEMENT_OPERATIONS: readonly TfliteRow[] = [
  ...OF_ONE.map((name) => elementWise({ name, ...ONE })),
  ...OF_TWO.map((name) => elementWise({ name, ...TWO })),
  // Of another type than the operand, so that they overwrite only where they change the scale.
  ...['CAST', 'DEQUANTIZE', 'QUANTIZE'].map((name) => copy({ name, ...ONE })),
  copy({ name: 'DENSIFY', operands: ['input'], shapes: shapeAs(0) }),
  elementWise({ name: 'PRELU', operands: ['input', 'slopes'], shapes: repeated, overwrites: [0] }),
  elementWise({ name: 'ADD_N', operands: [], shapes: repeated, overwrites: [0] }),
  elementWise({ name: 'SELECT', operands: ['condition', 'a', 'b'], shapes: chosen, overwrites: [1, 2] }),
  elementWise({ name: 'SELECT_V2', operands: ['condition', 'a', 'b'], shapes: repeated, overwrites: [1, 2] }),
  norm({ name: 'SOFTMAX', ...ONE }),
  norm({ name: 'LOG_SOFTMAX', operands: ['input'], shapes: shapeAs(0) }),
  norm({ name: 'L2_NORMALIZATION', operands: ['input'], shapes: shapeAs(0) }),
  norm({ name: 'LOCAL_RESPONSE_NORMALIZATION', operands: ['input'], shapes: shapeAs(0) }),
  elementWise({ name: 'CUMSUM', operands: ['input', 'axis'], shapes: shapeAs(0) }),
];
