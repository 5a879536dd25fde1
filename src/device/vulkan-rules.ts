/**
 * Which nodes ggml's Vulkan backend computes, by operation.
 *
 * Invariant: an operation without a row is not computed.
 */
import type { ElementTypeName } from '../tensor/element-type.js';
import { isContiguous } from '../tensor/layout.js';
import type { Tensor } from '../tensor/tensor.js';
import {
  all,
  ALWAYS,
  any,
  contiguous,
  contiguousRows,
  CONTIGUOUS_RESULT,
  GATED,
  hasContiguousRows,
  keepsType,
  operand,
  reads,
  readsIfGiven,
  rulesOf,
  UNARY,
  yields,
  type NodeRule,
} from './node-rules.js';

const HALF_OR_FULL: readonly ElementTypeName[] = ['f32', 'f16'];
const FLOATS: readonly ElementTypeName[] = ['f32', 'f16', 'bf16'];

/** Types that values are converted to and from. */
// prettier-ignore
const STORED: readonly ElementTypeName[] = [
  'f16', 'bf16', 'q1_0', 'q2_0', 'q4_0', 'q4_1', 'q5_0', 'q5_1', 'q8_0', 'iq4_nl',
];

/** Types of weights. */
// prettier-ignore
const WEIGHTS: readonly ElementTypeName[] = [
  'f32', ...STORED, 'q2_K', 'q3_K', 'q4_K', 'q5_K', 'q6_K', 'iq1_s', 'iq1_m', 'iq2_xxs', 'iq2_xs', 'iq2_s', 'iq3_xxs',
  'iq3_s', 'iq4_xs', 'mxfp4', 'nvfp4', 'tq2_0',
];

const CACHES: readonly ElementTypeName[] = [...FLOATS, 'q8_0', 'q5_1', 'q5_0', 'q4_1', 'q4_0', 'iq4_nl'];

/** Matrices lie without gaps, and one after another in the outermost dimension. */
function hasDenseMatrices({ type, shape, strides }: Tensor): boolean {
  if (strides[0] !== type.blockBytes || strides[1] !== (strides[0] * shape[0]) / type.blockSize) return false;
  return shape[3] === 1 || strides[3] === strides[2] * shape[2];
}

function denseMatricesOr(slot: number, ...types: readonly ElementTypeName[]): NodeRule {
  return any((node) => hasDenseMatrices(operand(node, slot)), reads(slot, ...types));
}

/** The weight, or the choice of experts in the slot `repeated`, has as many outermost matrices as the values. */
function multiplies(repeated: number): NodeRule {
  return all(
    reads(0, ...WEIGHTS),
    (node) => operand(node, repeated).shape[3] === operand(node, 1).shape[3],
    denseMatricesOr(0, ...FLOATS),
    denseMatricesOr(1, ...HALF_OR_FULL),
    (node) => !(operand(node, 0).type.name === 'bf16' && operand(node, 1).type.name === 'f16'),
  );
}

const isBf16 = (tensor: Tensor): boolean => tensor.type.name === 'bf16';

const ATTENDS = all(
  (node) => operand(node, 1).shape[0] % 8 === 0 && operand(node, 2).shape[0] % 8 === 0,
  reads(0, 'f32'),
  reads(1, ...CACHES),
  reads(2, ...CACHES),
  readsIfGiven(3, 'f16'),
  readsIfGiven(4, 'f32'),
  yields('f32'),
  (node) => isBf16(operand(node, 1)) === isBf16(operand(node, 2)),
);

/** From the first operand to the type of the second one, or without one to its own type. */
const COPIES: NodeRule = (node) => {
  const from = operand(node, 0).type;
  const to = node.sources[1]?.type ?? from;
  if (from.name === 'f32' && (STORED.includes(to.name) || to.name === 'i32')) return true;
  if (to.name === 'f32' && (STORED.includes(from.name) || from.name === 'i32')) return true;
  if (from !== to || from.blockBytes % 2 !== 0) return false;
  return !from.isQuantized || (isContiguous(operand(node, 0)) && isContiguous(node));
};

const CONCATENATES: NodeRule = (node) => {
  const [a, b] = [operand(node, 0), operand(node, 1)];
  if (a.type !== b.type || a.type !== node.type) return false;
  return !a.type.isQuantized || [a, b, node].every(hasContiguousRows);
};

const REPEATS: NodeRule = ({ type, sources }) =>
  type.blockBytes === sources[0]!.type.blockBytes && (type.blockBytes === 4 || type.blockBytes === 2);

/** Mamba-2 alone: its decay is one number per head. */
const SCANS: NodeRule = (node) => {
  const [stateSize, headSize] = operand(node, 0).shape;
  const isMamba2 = operand(node, 3).strides[1] === 4;
  const isQuantised = node.sources.slice(0, 6).some((source) => source?.type.isQuantized === true);
  return isMamba2 && !isQuantised && (stateSize === 128 || stateSize === 256) && headSize % 16 === 0;
};

/** Results are found in a shader of 2^k threads, of which there are eleven. */
const FINDS_BEST = all(CONTIGUOUS_RESULT, contiguous(0), ({ shape }) => Math.floor(Math.log2(shape[0])) + 1 < 11);

/** Bytes of memory that a workgroup shares, and threads that it has, on the smallest current GPUs. */
const SHARED_BYTES = 32768;
const THREADS = 1024;

const SOLVES: NodeRule = (node) => {
  const [rows, columns] = [operand(node, 0).shape[0], operand(node, 1).shape[0]];
  return columns <= THREADS && Math.floor(SHARED_BYTES / ((rows + columns) * 4)) > 0;
};

/** Channels are the last dimension but one of the kernel, or the last one where it is transposed. */
function convolves(outputs: number, inputs: number): NodeRule {
  return all(
    reads(0, ...HALF_OR_FULL),
    reads(1, 'f32'),
    yields('f32'),
    (node) => operand(node, 0).shape[outputs] === node.shape[2],
    (node) => operand(node, 0).shape[inputs] === operand(node, 1).shape[2],
    contiguous(0),
    contiguous(1),
    CONTIGUOUS_RESULT,
  );
}

const DELTA_SIZES: ReadonlySet<number> = new Set([16, 32, 64, 128]);

const DELTA_RULE: NodeRule = (node) =>
  DELTA_SIZES.has(operand(node, 2).shape[0]) &&
  node.type.name === 'f32' &&
  [0, 1, 2, 3, 4, 5].every((slot) => node.sources[slot]?.type.name === 'f32');

const KEEPS_HALF_OR_FULL = all(reads(0, ...HALF_OR_FULL), keepsType(0));

/** Which nodes are computed, by operation. */
export const VULKAN_RULES = rulesOf([
  [UNARY, KEEPS_HALF_OR_FULL],
  [GATED, all(KEEPS_HALF_OR_FULL, ({ type, sources }) => (sources[1]?.type ?? type) === type)],
  [['SQR', 'SQRT', 'SIN', 'COS', 'CLAMP', 'LEAKY_RELU', 'LOG', 'TRI', 'DIAG'], KEEPS_HALF_OR_FULL],
  [['MUL_MAT'], multiplies(0)],
  [['MUL_MAT_ID'], multiplies(2)],
  [['FLASH_ATTN_EXT'], ATTENDS],
  [['GET_ROWS'], reads(0, ...WEIGHTS, 'i32')],
  [['GET_ROWS_BACK', 'REPEAT_BACK', 'NORM', 'L2_NORM'], all(reads(0, 'f32'), yields('f32'))],
  [['SET_ROWS'], all(reads(0, ...HALF_OR_FULL), reads(1, 'i32', 'i64'), yields('f32', ...STORED))],
  [['CONT', 'CPY', 'DUP'], COPIES],
  [['REPEAT'], REPEATS],
  [['ROPE'], all(hasContiguousRows, contiguousRows(0))],
  [['ROPE_BACK', 'RMS_NORM', 'RWKV_WKV6', 'RWKV_WKV7'], ALWAYS],
  [['GROUP_NORM'], contiguous(0)],
  [['ADD', 'SUB', 'MUL', 'DIV'], all(reads(0, ...HALF_OR_FULL), reads(1, ...HALF_OR_FULL), yields(...HALF_OR_FULL))],
  [['ADD_ID'], all(reads(0, 'f32'), reads(1, 'f32'), reads(2, 'i32'), yields('f32'))],
  [['SILU_BACK', 'RMS_NORM_BACK', 'OPT_STEP_ADAMW', 'OPT_STEP_SGD'], all(contiguous(0), reads(0, 'f32'))],
  [['SCALE', 'DIAG_MASK_INF', 'ARGMAX', 'POOL_1D', 'POOL_2D'], all(contiguous(0), reads(0, 'f32'))],
  [['OUT_PROD'], all(contiguous(0), reads(0, 'f32'), contiguous(1), reads(1, 'f32'), yields('f32'))],
  [['ARGSORT'], all(CONTIGUOUS_RESULT, contiguous(0))],
  [['TOP_K'], FINDS_BEST],
  [['UPSCALE', 'PAD', 'ROLL', 'TIMESTEP_EMBEDDING', 'SSM_CONV'], reads(0, 'f32')],
  [['ACC'], all(reads(0, 'f32'), reads(1, 'f32'), yields('f32'))],
  [['SET'], all(reads(0, 'f32', 'i32'), keepsType(0), keepsType(1))],
  [['CONCAT'], CONCATENATES],
  [['ADD1'], any(all(reads(0, ...HALF_OR_FULL), reads(1, 'f32')), all(reads(0, 'f16'), reads(1, 'f16')))],
  [['ARANGE'], yields('f32')],
  [['EMPTY'], ALWAYS],
  [['FILL'], yields(...HALF_OR_FULL)],
  [['SOFT_MAX'], all(contiguous(0), reads(0, 'f32'), readsIfGiven(1, ...HALF_OR_FULL))],
  [['SOFT_MAX_BACK'], all(contiguous(0), reads(0, 'f32'), contiguous(1), reads(1, 'f32'))],
  [['SUM', 'SUM_ROWS', 'MEAN', 'CUMSUM'], all(reads(0, 'f32'), contiguousRows(0))],
  [['SOLVE_TRI'], all(yields('f32'), reads(0, 'f32'), SOLVES)],
  [['COUNT_EQUAL'], all(contiguous(0), reads(0, 'i32'), contiguous(1), reads(1, 'i32'))],
  [['IM2COL'], all(contiguous(1), reads(1, 'f32'), yields(...HALF_OR_FULL))],
  [['IM2COL_3D'], all(reads(1, 'f32'), yields(...HALF_OR_FULL))],
  [['CONV_2D_DW'], all(reads(0, ...HALF_OR_FULL), reads(1, 'f32'))],
  [['GATED_LINEAR_ATTN'], all(reads(0, 'f32'), yields('f32'), (node) => operand(node, 0).shape[0] === 64)],
  [['GATED_DELTA_NET'], DELTA_RULE],
  [['SSM_SCAN'], all(reads(0, 'f32'), readsIfGiven(6, 'i32'), yields('f32'), SCANS)],
  [['CONV_TRANSPOSE_1D'], all(reads(0, 'f32'), reads(1, 'f32'))],
  [['COL2IM_1D'], all(reads(0, ...FLOATS), keepsType(0), contiguous(0), CONTIGUOUS_RESULT)],
  [['CONV_2D'], convolves(3, 2)],
  [['CONV_TRANSPOSE_2D'], convolves(2, 3)],
  [
    ['CONV_3D'],
    all(reads(0, ...HALF_OR_FULL), reads(1, 'f32'), yields('f32'), contiguous(0), contiguous(1), CONTIGUOUS_RESULT),
  ],
]);
