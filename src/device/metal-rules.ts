/**
 * Which nodes ggml's Metal backend computes, by operation.
 *
 * Invariant: an operation without a row is not computed. What is said here holds for Apple's own GPUs, from the M1 on.
 */
import type { ElementTypeName } from '../tensor/element-type.js';
import { sameShape } from '../tensor/layout.js';
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
  UNARY,
  yields,
  type NodeRule,
} from './node-rules.js';

const HALF_OR_FULL: readonly ElementTypeName[] = ['f32', 'f16'];
const FLOATS: readonly ElementTypeName[] = ['f32', 'f16', 'bf16'];
const CACHE_QUANTS: readonly ElementTypeName[] = ['q4_0', 'q4_1', 'q5_0', 'q5_1', 'q8_0'];

/** Sizes of a head of queries that there are kernels of flash attention for. */
const HEAD_SIZES: ReadonlySet<number> = new Set([32, 40, 48, 64, 72, 80, 96, 112, 128, 192, 256, 320, 512, 576]);

const sameTypes: NodeRule = (node) => operand(node, 0).type === operand(node, 1).type;

const ATTENDS = all(
  (node) => HEAD_SIZES.has(operand(node, 0).shape[0]) && operand(node, 1).type === operand(node, 2).type,
  reads(1, ...FLOATS, ...CACHE_QUANTS),
);

const ELEMENT_WISE = all(contiguousRows(0), reads(0, ...HALF_OR_FULL));

const COPIES = any(
  all(reads(0, 'f32'), yields(...FLOATS, ...CACHE_QUANTS, 'q1_0', 'q2_0', 'iq4_nl', 'tq2_0', 'i32')),
  all(reads(0, 'f16'), yields('f32', 'f16')),
  all(reads(0, 'bf16'), yields('f32', 'bf16')),
  all(reads(0, ...CACHE_QUANTS, 'q1_0', 'q2_0', 'tq2_0'), yields('f32', 'f16')),
  all(reads(0, 'i32'), yields('f32', 'i32')),
);

const SETS_ROWS = any(
  all(reads(0, 'f32'), yields(...FLOATS, ...CACHE_QUANTS, 'iq4_nl', 'tq2_0')),
  all(reads(0, 'f16'), yields('f16')),
);

/** Only padding behind the values, with zeros. */
const PADS_ENDS: NodeRule = ({ params }) => {
  const { before } = params;
  return params.circular !== true && (!Array.isArray(before) || before.every((count) => count === 0));
};

const SILU_BACK = all(
  reads(0, 'f32'),
  reads(1, 'f32'),
  yields('f32'),
  contiguous(0),
  contiguous(1),
  CONTIGUOUS_RESULT,
  (node) => sameShape(operand(node, 0), operand(node, 1)),
);

/** The operands' rows are dense in all of `slots`. */
function denseRows(...slots: readonly number[]): NodeRule {
  return all(...slots.map((slot) => contiguousRows(slot)));
}

/** The kernels know 64 heads of 128 elements. */
const INDEXES = all(
  (node) => operand(node, 0).shape[0] === 128 && operand(node, 0).shape[1] === 64,
  denseRows(0, 1, 2, 3),
  reads(1, ...FLOATS, ...CACHE_QUANTS),
);

/** The kernels know four lanes. */
const hasFourLanes: NodeRule = (node) => operand(node, node.op === 'DSV4_HC_PRE' ? 0 : 1).shape[1] === 4;

/** Which nodes are computed, by operation. */
export const METAL_RULES = rulesOf([
  [['SCALE', 'FILL', 'CLAMP', 'SQR', 'SQRT', 'SIN', 'COS', 'LOG'], ELEMENT_WISE],
  [UNARY, ELEMENT_WISE],
  [['SILU_BACK'], SILU_BACK],
  [GATED, all(contiguous(0, 1), reads(0, ...HALF_OR_FULL))],
  [['CONCAT'], all(sameTypes, keepsType(0), reads(0, ...FLOATS, 'i8', 'i16', 'i32', 'i64'))],
  [
    ['ADD', 'SUB', 'MUL', 'DIV', 'ADD_ID'],
    all(contiguousRows(0), contiguousRows(1), reads(0, ...HALF_OR_FULL), sameTypes),
  ],
  [['ACC'], all(contiguousRows(0), contiguousRows(1), reads(0, 'f32'))],
  [
    ['REPEAT', 'CONV_TRANSPOSE_1D', 'ROPE', 'ROPE_BACK', 'ARGMAX', 'ARGSORT', 'TOP_K', 'ARANGE', 'DIAG', 'EMPTY'],
    ALWAYS,
  ],
  [['SSM_SCAN', 'SSM_CONV', 'RWKV_WKV6', 'RWKV_WKV7', 'OPT_STEP_ADAMW', 'OPT_STEP_SGD'], ALWAYS],
  [['CONV_TRANSPOSE_2D'], all(contiguous(0), contiguous(1), reads(0, ...HALF_OR_FULL), reads(1, 'f32'), yields('f32'))],
  [['COL2IM_1D'], all(reads(0, ...FLOATS), keepsType(0), contiguous(0), CONTIGUOUS_RESULT)],
  [['CONV_3D'], all(contiguous(0), contiguous(1), reads(0, ...HALF_OR_FULL), reads(1, 'f32'))],
  [['SUM', 'ROLL'], contiguous(0)],
  [['TRI', 'SUM_ROWS', 'CUMSUM', 'MEAN', 'SOFT_MAX', 'GROUP_NORM', 'L2_NORM', 'NORM', 'RMS_NORM'], contiguousRows(0)],
  [['COUNT_EQUAL'], all(reads(0, 'i32'), reads(1, 'i32'), yields('i64'))],
  [['IM2COL'], all(contiguous(1), reads(1, 'f32'), yields(...HALF_OR_FULL))],
  [['CONV_2D'], all(contiguous(0), reads(0, ...HALF_OR_FULL), reads(1, 'f32'), yields('f32'))],
  [['CONV_2D_DW'], all(reads(0, ...HALF_OR_FULL), reads(1, 'f32'), yields('f32'))],
  [['UPSCALE', 'POOL_2D', 'PAD_REFLECT_1D', 'TIMESTEP_EMBEDDING'], reads(0, 'f32')],
  [['POOL_1D'], all(contiguous(0), reads(0, 'f32'))],
  [['PAD'], PADS_ENDS],
  [['LEAKY_RELU'], reads(0, ...HALF_OR_FULL)],
  [['FLASH_ATTN_EXT'], ATTENDS],
  [['LIGHTNING_INDEXER'], INDEXES],
  [['DSV4_HC_COMB'], denseRows(0, 1, 2)],
  [['DSV4_HC_PRE'], all(hasFourLanes, denseRows(0, 1))],
  [['DSV4_HC_POST'], all(hasFourLanes, denseRows(0, 1, 2, 3))],
  [['GATED_DELTA_NET'], multipleOf(2, 0, 32)],
  [['SOLVE_TRI', 'MUL_MAT', 'MUL_MAT_ID', 'GET_ROWS'], (node) => operand(node, 0).type.name !== 'nvfp4'],
  [['SET', 'CPY', 'DUP', 'CONT'], COPIES],
  [['SET_ROWS'], SETS_ROWS],
]);
