/**
 * Which nodes ggml's CUDA backend computes, by operation, but for flash attention.
 *
 * Invariant: an operation without a row is not computed.
 */
import type { ElementTypeName } from '../tensor/element-type.js';
import { isContiguous, type Layout } from '../tensor/layout.js';
import type { Tensor } from '../tensor/tensor.js';
import {
  all,
  ALWAYS,
  any,
  contiguous,
  contiguousRows,
  CONTIGUOUS_RESULT,
  GATED,
  keepsType,
  multipleOf,
  operand,
  reads,
  rulesOf,
  setting,
  UNARY,
  yields,
  type NodeRule,
} from './node-rules.js';

// prettier-ignore
const K_QUANTS: readonly ElementTypeName[] = [
  'q2_K', 'q3_K', 'q4_K', 'q5_K', 'q6_K', 'iq1_s', 'iq1_m', 'iq2_xxs', 'iq2_xs', 'iq2_s', 'iq3_xxs', 'iq3_s', 'iq4_xs',
];

const PLAIN_QUANTS: readonly ElementTypeName[] = ['q1_0', 'q2_0', 'q4_0', 'q4_1', 'q5_0', 'q5_1', 'q8_0'];

const FLOATS: readonly ElementTypeName[] = ['f32', 'f16', 'bf16'];

/** The elements of a row lie next to each other, also where a row has but one. */
const isDense = ({ type, strides }: Tensor): boolean => strides[0] === type.blockBytes;

const MULTIPLIES = all(
  (node) => isDense(operand(node, 0)) && isDense(operand(node, 1)),
  any((node) => operand(node, 1).type.name !== 'f16', reads(0, 'f16')),
  reads(0, ...FLOATS, ...PLAIN_QUANTS, ...K_QUANTS, 'q8_K', 'iq4_nl', 'mxfp4', 'nvfp4'),
);

/** The kernels go through rows in runs of 256 elements. */
const GETS_ROWS = any(
  reads(0, ...FLOATS, 'i32', ...PLAIN_QUANTS, ...K_QUANTS),
  all(reads(0, 'iq4_nl', 'mxfp4'), multipleOf(0, 0, 256)),
);

const SETS_ROWS = all(
  any(
    all(reads(0, 'f32'), yields('f32', 'f16', 'bf16', 'q4_0', 'q4_1', 'q5_0', 'q5_1', 'q8_0', 'iq4_nl')),
    all(reads(0, 'f16'), yields('f16')),
  ),
  reads(1, 'i64', 'i32'),
);

/** The destination is the second operand. */
const COPIES = any(
  all(reads(0, ...FLOATS), reads(1, ...FLOATS)),
  all(reads(0, 'f32'), reads(1, 'q8_0', 'q4_0', 'q4_1', 'q5_0', 'q5_1', 'iq4_nl', 'i32')),
  all(reads(0, 'q8_0', 'q4_0', 'q4_1', 'q5_0', 'q5_1', 'i32'), reads(1, 'f32')),
  all(reads(0, 'i32'), reads(1, 'i32')),
  all((node) => operand(node, 0).type === operand(node, 1).type, contiguous(0), contiguous(1)),
);

/** The first three dimensions lie without gaps. */
function isContiguousTo3(layout: Layout): boolean {
  return isContiguous({ type: layout.type, shape: layout.shape.slice(0, 3), strides: layout.strides.slice(0, 3) });
}

const CONCATENATES: NodeRule = (node) => {
  const [a, b] = [operand(node, 0), operand(node, 1)];
  const { type } = node;
  if (a.type !== type || b.type !== type) return false;
  if (!type.isQuantized) return true;
  const isEach = setting(node, 'dim', 0) === 3 ? isContiguous : isContiguousTo3;
  return isEach(a) && isEach(b);
};

const SCANS: NodeRule = (node) => {
  const [stateSize, headSize, heads] = operand(node, 0).shape;
  const isMamba2 = operand(node, 3).shape[0] === 1;
  if (isMamba2) return (stateSize === 128 || stateSize === 256) && headSize % 16 === 0;
  const isOneGroup = operand(node, 4).shape[1] === 1;
  return setting(node, 'snapshots', 1) <= 1 && stateSize === 16 && headSize === 1 && heads % 128 === 0 && isOneGroup;
};

const ALL_F32 = all(reads(0, 'f32'), reads(1, 'f32'), yields('f32'));

/** Rows of 16 bytes, where they are not quantised. */
const hasAlignedRows = ({ type, strides }: Tensor): boolean =>
  type.isQuantized || strides.slice(1).every((stride) => stride % 16 === 0);

const INDEXES: NodeRule = (node) => {
  const [q, k] = [operand(node, 0), operand(node, 1)];
  const [length, heads] = q.shape;
  if (length !== 128 || (heads !== 64 && heads !== 32) || !hasAlignedRows(q) || !hasAlignedRows(k)) return false;
  return reads(1, ...FLOATS, 'q8_0', 'q5_1', 'q5_0', 'q4_1', 'q4_0')(node);
};

/** Which nodes are computed, by operation. */
export const CUDA_RULES = rulesOf([
  [UNARY, contiguous(0)],
  [GATED, contiguous(0, 1)],
  [['MUL_MAT', 'MUL_MAT_ID'], MULTIPLIES],
  [['OUT_PROD'], ALL_F32],
  [['GET_ROWS'], GETS_ROWS],
  [['GET_ROWS_BACK'], all(reads(0, 'f32'), yields('f32'), ({ shape }) => shape[2] === 1 && shape[3] === 1)],
  [['SET_ROWS'], SETS_ROWS],
  [['SET'], all(yields('f32', 'i32'), keepsType(0), keepsType(1))],
  [['CPY'], COPIES],
  [['DUP'], (node) => !reads(0, 'i32', 'i16')(node)],
  [['REPEAT'], reads(0, 'f32', 'f16')],
  [['REPEAT_BACK'], all(yields('f32'), (node) => operand(node, 0).shape[2] * operand(node, 0).shape[3] <= 2 ** 15)],
  [['CONCAT'], CONCATENATES],
  [['CONV_TRANSPOSE_1D'], all(reads(0, 'f32'), reads(1, 'f32'))],
  [['COL2IM_1D'], all(reads(0, ...FLOATS), keepsType(0), contiguous(0), CONTIGUOUS_RESULT)],
  [['SILU_BACK'], all(contiguous(0), reads(0, 'f32'))],
  [['NORM', 'RMS_NORM', 'L2_NORM', 'SUM'], contiguousRows(0)],
  [['RMS_NORM_BACK', 'SUM_ROWS', 'MEAN', 'GROUP_NORM'], contiguous(0)],
  [['ADD', 'SUB', 'MUL', 'DIV'], all(reads(0, 'f32', 'f16'), reads(1, 'f32', 'f16'), yields('f32', 'f16'))],
  [['SSM_SCAN'], SCANS],
  [['SSM_CONV'], multipleOf(0, 1, 128)],
  [['SOFT_MAX_BACK'], (node) => setting(node, 'maxBias', 0) === 0],
  [['ROLL'], all(reads(0, 'f32'), contiguous(0))],
  [['ROPE', 'ROPE_BACK'], all((node) => isDense(operand(node, 0)), contiguous(0, 2))],
  [['IM2COL', 'IM2COL_3D', 'CONV_2D', 'ACC'], all(contiguous(0), contiguous(1))],
  [['CONV_2D_DW'], reads(0, 'f32')],
  [['ADD_ID', 'ADD1', 'SCALE', 'SQR', 'SQRT', 'SIN', 'COS', 'CLAMP', 'LOG', 'LEAKY_RELU'], ALWAYS],
  [['CONT', 'DIAG_MASK_INF', 'SOFT_MAX', 'TOP_K', 'ARGSORT', 'ARGMAX', 'COUNT_EQUAL', 'CUMSUM'], ALWAYS],
  [
    ['CONV_TRANSPOSE_2D', 'POOL_2D', 'PAD', 'UPSCALE', 'PAD_REFLECT_1D', 'ARANGE', 'TIMESTEP_EMBEDDING', 'EMPTY'],
    ALWAYS,
  ],
  [['RWKV_WKV6', 'RWKV_WKV7', 'GATED_LINEAR_ATTN', 'GATED_DELTA_NET'], ALWAYS],
  [['DSV4_HC_COMB', 'DSV4_HC_PRE', 'DSV4_HC_POST'], ALWAYS],
  [['LIGHTNING_INDEXER'], INDEXES],
  [['CROSS_ENTROPY_LOSS', 'CROSS_ENTROPY_LOSS_BACK', 'OPT_STEP_ADAMW', 'OPT_STEP_SGD'], ALWAYS],
  [['FILL', 'TRI', 'DIAG', 'SOLVE_TRI'], ALWAYS],
]);
