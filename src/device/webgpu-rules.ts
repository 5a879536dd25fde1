/**
 * Which nodes ggml's WebGPU backend computes, by operation.
 *
 * Invariant: an operation without a row is not computed.
 */
import type { ElementTypeName } from '../tensor/element-type.js';
import {
  all,
  any,
  contiguous,
  contiguousRows,
  GATED,
  keepsType,
  operand,
  reads,
  rulesOf,
  UNARY,
  yields,
  type NodeRule,
  type NodeRules,
} from './node-rules.js';
import { computesAttention } from './webgpu-attention.js';
import type { WebGpuLimits } from './webgpu-limits.js';

const HALF_OR_FULL: readonly ElementTypeName[] = ['f32', 'f16'];

// prettier-ignore
const QUANTS: readonly ElementTypeName[] = [
  'q1_0', 'q4_0', 'q4_1', 'q5_0', 'q5_1', 'q8_0', 'q2_K', 'q3_K', 'q4_K', 'q5_K', 'q6_K', 'iq2_xxs', 'iq2_xs', 'iq2_s',
  'iq3_xxs', 'iq3_s', 'iq1_s', 'iq1_m', 'iq4_nl', 'iq4_xs', 'mxfp4', 'nvfp4',
];

const MULTIPLIES = any(
  all(reads(0, 'f16'), reads(1, 'f16')),
  all(reads(0, ...HALF_OR_FULL, ...QUANTS), reads(1, 'f32')),
);

const KEEPS_HALF_OR_FULL = all(yields(...HALF_OR_FULL), keepsType(0));
const ALL_F32 = all(yields('f32'), reads(0, 'f32'));

/** The channels lie next to each other, in front of rows and columns. */
const hasDenseChannels: NodeRule = (node) => {
  const { type, strides } = operand(node, 1);
  return strides[0] > strides[2] && strides[1] > strides[0] && strides[2] === type.blockBytes;
};

const CONVOLVES = all(yields(...HALF_OR_FULL), reads(0, ...HALF_OR_FULL), reads(1, ...HALF_OR_FULL));

/** Which nodes are computed on an adapter with these limits, by operation. */
export function webGpuRules(limits: WebGpuLimits): NodeRules {
  const threads = limits.maxComputeInvocationsPerWorkgroup;
  const hasFloats: NodeRule = ({ sources }) => sources.slice(0, 6).every((source) => source?.type.name === 'f32');
  return rulesOf([
    [['ADD', 'SUB', 'MUL', 'DIV'], all(KEEPS_HALF_OR_FULL, keepsType(1))],
    [['ADD_ID'], reads(0, 'f32')],
    [['CONCAT'], reads(0, 'f32', 'i32')],
    [['REPEAT'], reads(0, ...HALF_OR_FULL, 'i32', 'i16')],
    [['CPY', 'CONT'], all(yields(...HALF_OR_FULL, 'i32'), reads(0, ...HALF_OR_FULL, 'i32'))],
    [['SET'], all(keepsType(0), keepsType(1), yields('f32', 'i32'))],
    [['SET_ROWS'], all(yields(...HALF_OR_FULL, 'q8_0', 'q4_0'), reads(0, 'f32'), reads(1, 'i64', 'i32'))],
    [['GET_ROWS'], any(all(reads(0, ...HALF_OR_FULL, ...QUANTS), yields('f32')), all(reads(0, 'i32'), yields('i32')))],
    [['MUL_MAT', 'MUL_MAT_ID'], MULTIPLIES],
    [['FLASH_ATTN_EXT'], computesAttention(limits)],
    [['RMS_NORM', 'NORM', 'L2_NORM', 'SUM', 'SUM_ROWS'], all(ALL_F32, contiguousRows(0))],
    [['ROPE'], yields(...HALF_OR_FULL)],
    [GATED.filter((name) => name !== 'SWIGLU_OAI'), yields(...HALF_OR_FULL)],
    [['SWIGLU_OAI', 'SCALE', 'SOFT_MAX', 'SSM_CONV'], yields('f32')],
    [UNARY, KEEPS_HALF_OR_FULL],
    [['CLAMP', 'LOG', 'SQR', 'SQRT', 'SIN', 'COS'], KEEPS_HALF_OR_FULL],
    [['TRI', 'DIAG', 'PAD', 'CUMSUM'], ALL_F32],
    [['FILL'], yields('f32')],
    [['SOLVE_TRI'], all(ALL_F32, reads(1, 'f32'))],
    [['CONV_2D'], CONVOLVES],
    [['CONV_2D_DW'], all(CONVOLVES, any(contiguous(1), hasDenseChannels))],
    [['IM2COL', 'UPSCALE'], all(yields(...HALF_OR_FULL), reads(0, ...HALF_OR_FULL))],
    [['SSM_SCAN'], all(yields('f32'), (node) => operand(node, 0).shape[0] <= threads)],
    [['GATED_DELTA_NET'], all(yields('f32'), hasFloats, (node) => operand(node, 2).shape[0] <= threads)],
    [['ARGMAX'], all(yields('i32'), reads(0, 'f32'))],
    [['ARGSORT', 'TOP_K'], all(yields('i32'), reads(0, 'f32'), contiguousRows(0))],
  ]);
}
