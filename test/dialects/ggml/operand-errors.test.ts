/**
 * One failing example per rule: the error names the operation and the culprit, and has the right code.
 */
import { describe, expect, it } from 'vitest';
import { PlannerError, type ErrorCode } from '../../../src/errors.js';
import { Context } from '../../../src/dialects/ggml/context.js';
import type { Tensor } from '../../../src/tensor/tensor.js';

const ctx = Context.deferred();
const f32 = (...ne: number[]): Tensor => ctx.newTensor('f32', ne, 'x');
const f16 = (...ne: number[]): Tensor => ctx.newTensor('f16', ne, 'x');
const i32 = (...ne: number[]): Tensor => ctx.newTensor('i32', ne, 'ids');
/** A transposed tensor of shape `[ne0, ne1]`: its rows are not dense. */
const turned = (ne0: number, ne1: number, ...outer: number[]): Tensor => ctx.transpose(f32(ne1, ne0, ...outer));
const moment = Context.virtual().newTensor('f32', [8]);

type Case = readonly [culprit: string, call: () => unknown];

const OPERAND_ERRORS: readonly Case[] = [
  ['CPY: b', () => ctx.cpy(f32(4), f32(5))],
  ['CONT: shape', () => ctx.cont(f32(4), [5])],
  ['GET_ROWS: ids', () => ctx.getRows(f32(4, 4, 2), i32(3))],
  ['GET_ROWS: ids', () => ctx.getRows(f32(4, 4, 1, 2), i32(3))],
  ['GET_ROWS: ids', () => ctx.getRows(f32(4, 4), f32(3))],
  ['SET_ROWS: rows', () => ctx.setRows(f32(4, 9), f32(5, 2), i32(2))],
  ['SET_ROWS: rows', () => ctx.setRows(f32(4, 9, 2), f32(4, 2, 3), i32(2))],
  ['SET_ROWS: rows', () => ctx.setRows(i32(4, 9), i32(4, 2), i32(2))],
  ['SET_ROWS: rows', () => ctx.setRows(f32(4, 9), turned(4, 2), i32(2))],
  ['SET_ROWS: a', () => ctx.setRows(turned(4, 9), f32(4, 2), i32(2))],
  ['SET_ROWS: ids', () => ctx.setRows(f32(4, 9), f32(4, 2), i32(3))],
  ['SET_ROWS: ids', () => ctx.setRows(f32(4, 9), f32(4, 2), f32(2))],
  ['SET_ROWS: ids', () => ctx.setRows(f32(4, 9, 3), f32(4, 2, 3), i32(2, 2))],
  ['SET_ROWS: ids', () => ctx.setRows(f32(4, 9, 1, 3), f32(4, 2, 1, 3), i32(2, 1, 2))],
  ['SET: b', () => ctx.set(f32(4), f32(5), [16, 16, 16])],
  ['ACC: b', () => ctx.acc(f32(4), f32(5), [16, 16, 16])],
  ['ACC: b', () => ctx.acc(f32(4), f16(2), [16, 16, 16])],
  ['ACC: a', () => ctx.acc(f16(4), f32(2), [16, 16, 16])],
  ['ACC: a', () => ctx.acc(turned(4, 2), f32(2), [16, 16, 16])],
  ['CONCAT: b', () => ctx.concat(f32(4, 2), f16(4, 2), 1)],
  ['CONCAT: b', () => ctx.concat(f32(4, 2), f32(5, 2), 1)],
  ['REPEAT: a', () => ctx.repeat(f32(4), [6])],
  ['REPEAT_BACK: shape', () => ctx.repeatBack(f32(6), [4])],

  ['ADD: b', () => ctx.add(f32(4), f32(3))],
  ['ADD: b', () => ctx.add(f32(4), f32(8))],
  ['ADD: a', () => ctx.addCast(f32(4), f32(4), 'f16')],
  ['ADD: b', () => ctx.addCast(f16(4), f32(2), 'f32')],
  ['SUB: b', () => ctx.sub(f32(4), f32(3))],
  ['MUL: b', () => ctx.mul(f32(4), f32(3))],
  ['DIV: b', () => ctx.div(f32(4), f32(3))],
  ['ADD_ID: b', () => ctx.addId(f32(4, 2, 5), f32(3, 9), i32(2, 5))],
  ['ADD_ID: ids', () => ctx.addId(f32(4, 2, 5), f32(4, 9), i32(3, 5))],
  ['ADD_ID: ids', () => ctx.addId(f32(4, 2, 5), f32(4, 9), f32(2, 5))],
  ['ADD1: b', () => ctx.add1(f32(4), f32(2))],
  ['ADD1: a', () => ctx.add1(turned(4, 2), f32(1))],
  ['SCALE: a', () => ctx.scale(turned(4, 2), 2)],
  ['FILL: a', () => ctx.fill(i32(4), 2)],
  ['FILL: a', () => ctx.fill(turned(4, 2), 2)],
  ['SILU: a', () => ctx.silu(turned(4, 2))],

  ['SWIGLU: a', () => ctx.swiglu(turned(4, 2))],
  ['SWIGLU: a', () => ctx.swiglu(f32(5, 2))],
  ['SWIGLU: b', () => ctx.swiglu(f32(4, 2), f32(4, 1))],
  ['SWIGLU: b', () => ctx.swiglu(f32(4, 2), f16(4, 2))],
  ['SWIGLU: b', () => ctx.swiglu(f32(4, 2), turned(4, 2))],

  ['MUL_MAT: b', () => ctx.mulMat(f32(4, 2), f32(5, 2))],
  ['MUL_MAT: a', () => ctx.mulMat(f32(4, 2, 2), f32(4, 2, 3))],
  ['MUL_MAT: a', () => ctx.mulMat(f32(4, 2, 1, 2), f32(4, 2, 1, 3))],
  ['MUL_MAT: a', () => ctx.mulMat(turned(4, 2), f32(4, 2))],
  ['MUL_MAT_ID: experts', () => ctx.mulMatId(turned(4, 2), f32(4, 1, 7), i32(2, 7))],
  ['MUL_MAT_ID: experts', () => ctx.mulMatId(f32(4, 2, 8, 2), f32(4, 1, 7), i32(2, 7))],
  ['MUL_MAT_ID: b', () => ctx.mulMatId(f32(4, 2, 8), f32(5, 1, 7), i32(2, 7))],
  ['MUL_MAT_ID: b', () => ctx.mulMatId(f32(4, 2, 8), f32(4, 1, 7, 2), i32(2, 7))],
  ['MUL_MAT_ID: b', () => ctx.mulMatId(f32(4, 2, 8), f32(4, 3, 7), i32(2, 7))],
  ['MUL_MAT_ID: ids', () => ctx.mulMatId(f32(4, 2, 8), f32(4, 1, 7), i32(2, 6))],
  ['MUL_MAT_ID: ids', () => ctx.mulMatId(f32(4, 2, 8), f32(4, 1, 7), f32(2, 7))],
  ['OUT_PROD: b', () => ctx.outProd(f32(4, 2), f32(4, 3))],
  ['OUT_PROD: a', () => ctx.outProd(f32(4, 2, 2), f32(4, 2, 3))],
  ['OUT_PROD: a', () => ctx.outProd(f32(4, 2, 1, 2), f32(4, 2, 1, 3))],
  ['OUT_PROD: a', () => ctx.outProd(turned(4, 2), f32(4, 2))],
  ['DIAG: a', () => ctx.diag(f32(4, 2))],
  ['TRI: a', () => ctx.tri(f16(4, 4), 'upper')],
  ['TRI: a', () => ctx.tri(f32(4, 3), 'upper')],
  ['TRI: a', () => ctx.tri(turned(4, 4), 'upper')],
  ['SOLVE_TRI: a', () => ctx.solveTri(f16(4, 4), f32(2, 4))],
  ['SOLVE_TRI: a', () => ctx.solveTri(f32(4, 3), f32(2, 3))],
  ['SOLVE_TRI: a', () => ctx.solveTri(turned(4, 4), f32(2, 4))],
  ['SOLVE_TRI: b', () => ctx.solveTri(f32(4, 4), f16(2, 4))],
  ['SOLVE_TRI: b', () => ctx.solveTri(f32(4, 4), f32(2, 3))],
  ['SOLVE_TRI: b', () => ctx.solveTri(f32(4, 4), turned(2, 4))],

  ['ROPE: positions', () => ctx.rope(f32(8, 2, 5), i32(4), 8)],
  ['ROPE: positions', () => ctx.rope(f32(8, 2, 5), i32(5), 8, { mode: 'mrope' })],
  ['ROPE: positions', () => ctx.rope(f32(8, 2, 5), f32(5), 8)],
  ['ROPE: freqFactors', () => ctx.rope(f32(8, 2, 5), i32(5), 8, { freqFactors: f32(3) })],
  ['ROPE: freqFactors', () => ctx.rope(f32(8, 2, 5), i32(5), 8, { freqFactors: f16(4) })],
  ['SOFT_MAX: a', () => ctx.softMax(turned(4, 2))],
  ['SOFT_MAX: mask', () => ctx.softMax(f32(4, 2), { mask: i32(4, 2) })],
  ['SOFT_MAX: mask', () => ctx.softMax(f32(4, 2), { mask: turned(4, 2) })],
  ['SOFT_MAX: mask', () => ctx.softMax(f32(4, 2), { mask: f32(5, 2) })],
  ['SOFT_MAX: mask', () => ctx.softMax(f32(4, 2), { mask: f32(4, 1) })],
  ['SOFT_MAX: mask', () => ctx.softMax(f32(4, 2, 3), { mask: f32(4, 2, 2) })],
  ['SOFT_MAX: mask', () => ctx.softMax(f32(4, 2, 1, 3), { mask: f32(4, 2, 1, 2) })],
  ['SOFT_MAX: sinks', () => ctx.softMax(f32(4, 2, 3), { sinks: f32(2) })],
  ['SOFT_MAX: sinks', () => ctx.softMax(f32(4, 2, 3), { sinks: f16(3) })],
  ['FLASH_ATTN_EXT: k', () => ctx.flashAttn(f32(8, 5, 4), f16(9, 6, 2), f16(8, 6, 2))],
  ['FLASH_ATTN_EXT: k', () => ctx.flashAttn(f32(8, 5, 4), f16(8, 6, 3), f16(8, 6, 3))],
  ['FLASH_ATTN_EXT: k', () => ctx.flashAttn(f32(8, 5, 4, 2), f16(8, 6, 2), f16(8, 6, 2, 2))],
  ['FLASH_ATTN_EXT: v', () => ctx.flashAttn(f32(8, 5, 4, 2), f16(8, 6, 2, 2), f16(8, 6, 2))],
  ['FLASH_ATTN_EXT: mask', () => ctx.flashAttn(f32(8, 5, 4), f16(8, 6, 2), f16(8, 6, 2), { mask: f32(6, 5) })],
  [
    'FLASH_ATTN_EXT: mask',
    () => ctx.flashAttn(f32(8, 5, 4), f16(8, 6, 2), f16(8, 6, 2), { mask: ctx.transpose(f16(5, 6)) }),
  ],
  ['FLASH_ATTN_EXT: mask', () => ctx.flashAttn(f32(8, 5, 4), f16(8, 6, 2), f16(8, 6, 2), { mask: f16(6, 5, 3) })],
  [
    'FLASH_ATTN_EXT: mask',
    () => ctx.flashAttn(f32(8, 5, 4, 3), f16(8, 6, 2, 3), f16(8, 6, 2, 3), { mask: f16(6, 5, 1, 2) }),
  ],
  ['FLASH_ATTN_EXT: sinks', () => ctx.flashAttn(f32(8, 5, 4), f16(8, 6, 2), f16(8, 6, 2), { sinks: f32(5) })],

  ['CUMSUM: a', () => ctx.cumsum(f16(4))],
  ['ARGMAX: a', () => ctx.argmax(f32(4, 2, 2))],
  ['COUNT_EQUAL: b', () => ctx.countEqual(f32(4), f32(5))],

  ['SSM_CONV: kernel', () => ctx.ssmConv(f32(8, 16), f32(4, 16, 2))],
  ['SSM_CONV: x', () => ctx.ssmConv(f32(8, 15), f32(4, 16))],
  ['SSM_CONV: x', () => ctx.ssmConv(f32(8, 16, 1, 2), f32(4, 16))],
  ['SSM_CONV: x', () => ctx.ssmConv(f32(2, 16), f32(4, 16))],
  ['RWKV_WKV6: v', () => ctx.rwkvWkv6(f32(4, 2), f32(4, 3), f32(4, 2), f32(4, 2), f32(4, 2), f32(32))],
  ['RWKV_WKV6: state', () => ctx.rwkvWkv6(f32(4, 2), f32(4, 2), f32(4, 2), f32(4, 2), f32(4, 2), f32(31))],
  ['RWKV_WKV6: tf', () => ctx.rwkvWkv6(f32(4, 2), f32(4, 2), f32(4, 2), turned(4, 2), f32(4, 2), f32(32))],
  ['GATED_LINEAR_ATTN: g', () => ctx.gatedLinearAttn(f32(4, 2), f32(4, 2), f32(4, 2), f32(4, 3), f32(32), 1)],

  ['IM2COL: x', () => ctx.im2col(f32(3, 3, 4), f32(9, 9, 5), 2, 'f16')],
  ['IM2COL: x', () => ctx.im2col(f32(3, 3, 4), f32(1, 9, 4), 2, 'f16', { stride: 1 })],
  ['IM2COL: x', () => ctx.im2col(f32(3, 3, 4), f32(9, 1, 4), 2, 'f16', { stride: 1 })],
  ['IM2COL: x', () => ctx.im2col(f32(3, 4), f32(9, 5), 1, 'f16')],
  ['IM2COL: x', () => ctx.im2col(f32(3, 4), f32(9, 4, 1, 2), 1, 'f16')],
  ['IM2COL_3D: kernel', () => ctx.im2col3d(f32(3, 3, 3, 5), f32(9, 9, 9, 4), 4, 'f16')],
  ['IM2COL_3D: x', () => ctx.im2col3d(f32(3, 3, 3, 4), f32(9, 9, 9, 5), 4, 'f16')],
  ['IM2COL_3D: x', () => ctx.im2col3d(f32(3, 3, 3, 4), f32(9, 9, 1, 4), 4, 'f16')],
  ['CONV_2D: x', () => ctx.conv2dDirect(f32(3, 3, 4, 6), f32(9, 9, 5))],
  ['CONV_2D_DW: kernel', () => ctx.conv2dDepthwiseDirect(f32(3, 3, 2, 4), f32(9, 9, 4))],
  ['CONV_2D_DW: kernel', () => ctx.conv2dDepthwiseDirect(f32(3, 3, 1, 5), f32(9, 9, 4))],
  ['CONV_TRANSPOSE_1D: x', () => ctx.convTranspose1d(f32(4, 6, 3), f32(10, 4), 2)],
  ['CONV_TRANSPOSE_1D: x', () => ctx.convTranspose1d(f32(4, 6, 3), f32(10, 3, 2), 2)],
  ['CONV_TRANSPOSE_1D: kernel', () => ctx.convTranspose1d(f32(4, 6, 3, 2), f32(10, 3), 2)],
  ['CONV_TRANSPOSE_2D: x', () => ctx.convTranspose2d(f32(2, 2, 6, 3), f32(10, 8, 4), 2)],
  ['COL2IM_1D: columns', () => ctx.col2im1d(f32(12, 10, 2), 2, 3)],
  ['COL2IM_1D: columns', () => ctx.col2im1d(turned(12, 10), 2, 3)],
  ['COL2IM_1D: columns', () => ctx.col2im1d(i32(12, 10), 2, 3)],
  ['COL2IM_1D: columns', () => ctx.col2im1d(f32(12, 10), 2, 5)],
  ['COL2IM_1D: columns', () => ctx.col2im1d(f32(12, 10), 2, 3, 11)],

  ['POOL_1D: a', () => ctx.pool1d(f32(2), 'max', 3, { stride: 1 })],
  ['POOL_2D: a', () => ctx.pool2d(f32(9, 2), 'max', 3, { stride: 1 })],
  ['UPSCALE: a', () => ctx.upscale(f16(4), 2)],
  ['PAD_REFLECT_1D: a', () => ctx.padReflect1d(f16(4), 1, 1)],
  ['PAD_REFLECT_1D: a', () => ctx.padReflect1d(turned(4, 2), 1, 1)],
  ['ROLL: a', () => ctx.roll(turned(4, 2), [1])],
  ['WIN_PART: a', () => ctx.winPart(f32(4, 4, 4, 2), 2)],
  ['WIN_PART: a', () => ctx.winPart(f16(4, 4, 4), 2)],
  ['WIN_UNPART: a', () => ctx.winUnpart(f16(4, 2, 2, 4), 4, 4, 2)],
  ['GET_REL_POS: a', () => ctx.getRelPos(f32(6, 8), 5)],
  ['ADD_REL_POS: height', () => ctx.addRelPos(f32(9, 10), f32(3, 2, 5), f32(3, 5, 2))],
  ['ADD_REL_POS: a', () => ctx.addRelPos(f32(9, 11), f32(3, 2, 5), f32(3, 2, 5))],
  ['ADD_REL_POS: a', () => ctx.addRelPos(turned(9, 10), f32(3, 2, 5), f32(3, 2, 5))],
  ['ADD_REL_POS: width', () => ctx.addRelPos(f32(9, 10), turned(3, 2, 5), f32(3, 2, 5))],
  ['ADD_REL_POS: width', () => ctx.addRelPos(f32(9, 10), f16(3, 2, 5), f32(3, 2, 5))],
  ['ADD_REL_POS: height', () => ctx.addRelPos(f32(9, 10), f32(3, 2, 5), f16(3, 2, 5))],

  ['CROSS_ENTROPY_LOSS: labels', () => ctx.crossEntropyLoss(f32(4), f32(5))],
  ['CROSS_ENTROPY_LOSS_BACK: gradient', () => ctx.crossEntropyLossBack(f32(2), f32(4), f32(4))],
  ['CROSS_ENTROPY_LOSS_BACK: labels', () => ctx.crossEntropyLossBack(f32(1), f32(4), f32(5))],
  ['SILU_BACK: a', () => ctx.siluBack(f32(4), f32(5))],
  ['RMS_NORM_BACK: a', () => ctx.rmsNormBack(f32(4), f32(5), 1e-5)],
  ['SOFT_MAX_BACK: result', () => ctx.softMaxBack(f32(4), f32(5))],
  ['GET_ROWS_BACK: gradient', () => ctx.getRowsBack(f32(4, 2, 2), i32(2), 9)],
  ['GET_ROWS_BACK: ids', () => ctx.getRowsBack(f32(4, 2), i32(2, 2), 9)],
  ['GET_ROWS_BACK: ids', () => ctx.getRowsBack(f32(4, 2), f32(2), 9)],
  ['OPT_STEP_ADAMW: gradient', () => ctx.optStepAdamw(f32(8), f32(7), moment, moment, f32(7))],
  ['OPT_STEP_ADAMW: firstMoment', () => ctx.optStepAdamw(f32(8), f32(8), f32(8), moment, f32(7))],
  ['OPT_STEP_ADAMW: secondMoment', () => ctx.optStepAdamw(f32(7), f32(7), ctx.view(moment, [7]), moment, f32(7))],
  ['OPT_STEP_ADAMW: settings', () => ctx.optStepAdamw(f32(8), f32(8), moment, moment, f32(6))],
  ['OPT_STEP_SGD: gradient', () => ctx.optStepSgd(f32(8), f32(7), f32(2))],
  ['OPT_STEP_SGD: settings', () => ctx.optStepSgd(f32(8), f32(8), f16(2))],
];

describe('BAD_OPERAND', () => {
  it.each(OPERAND_ERRORS)('%s', (culprit, call) => expectError('BAD_OPERAND', culprit, call));
});

/** Operands of a scan that fits, one of which a test replaces. */
function scan(
  replaced: Partial<Record<'state' | 'x' | 'dt' | 'a' | 'b' | 'c' | 'ids', Tensor>>,
  snapshots = 1,
): Tensor {
  const fitting = { state: f32(16, 4, 8, 9), x: f32(4, 8, 5, 2), dt: f32(8, 5, 2), a: f32(16, 8) };
  const groups = { b: f32(16, 2, 5, 2), c: f32(16, 2, 5, 2), ids: i32(2) };
  const { state, x, dt, a, b, c, ids } = { ...fitting, ...groups, ...replaced };
  return ctx.ssmScan(state, x, dt, a, b, c, ids, { snapshots });
}

describe('BAD_OPERAND of the selective scan', () => {
  it.each<Case>([
    ['SSM_SCAN: state', () => scan({ state: f32(16, 3, 8, 9) })],
    ['SSM_SCAN: state', () => scan({ state: ctx.transpose(f32(4, 16, 8, 9)) })],
    ['SSM_SCAN: x', () => scan({ x: ctx.transpose(f32(8, 4, 5, 2)) })],
    ['SSM_SCAN: dt', () => scan({ dt: f32(8, 5, 3) })],
    ['SSM_SCAN: a', () => scan({ a: f32(2, 8) })],
    ['SSM_SCAN: a', () => scan({}, 2)],
    ['SSM_SCAN: b', () => scan({ b: f32(15, 2, 5, 2), c: f32(15, 2, 5, 2) })],
    ['SSM_SCAN: c', () => scan({ c: f32(16, 1, 5, 2) })],
    ['SSM_SCAN: ids', () => scan({ ids: i32(3) })],
    ['SSM_SCAN: ids', () => scan({ ids: f32(2) })],
  ])('%s', (culprit, call) => expectError('BAD_OPERAND', culprit, call));

  it('leaves operands that fit alone', () => {
    expect(scan({ a: f32(1, 8) }, 2).ne[0]).toBe(4 * 8 * 5 * 2 + 2 * (16 * 4 * 8) * 2);
  });
});

/** Operands of a delta rule that fits, one of which a test replaces. */
function delta(replaced: Partial<Record<'q' | 'v' | 'gate' | 'beta' | 'state', Tensor>>): Tensor {
  const x = f32(4, 2, 5, 3);
  const fitting = { q: x, v: x, gate: f32(1, 2, 5, 3), beta: f32(1, 2, 5, 3), state: f32(4, 4, 2, 3) };
  const { q, v, gate, beta, state } = { ...fitting, ...replaced };
  return ctx.gatedDeltaNet(q, x, v, gate, beta, state);
}

describe('BAD_OPERAND of the gated delta rule', () => {
  it.each<Case>([
    ['GATED_DELTA_NET: q', () => delta({ q: f16(4, 2, 5, 3) })],
    ['GATED_DELTA_NET: v', () => delta({ v: ctx.transpose(f32(2, 4, 5, 3)) })],
    ['GATED_DELTA_NET: gate', () => delta({ gate: f32(2, 2, 5, 3) })],
    ['GATED_DELTA_NET: beta', () => delta({ beta: f32(4, 2, 5, 3) })],
    ['GATED_DELTA_NET: state', () => delta({ state: f32(4, 4, 2, 2) })],
    ['GATED_DELTA_NET: state', () => delta({ state: ctx.transpose(f32(4, 4, 2, 3)) })],
  ])('%s', (culprit, call) => expectError('BAD_OPERAND', culprit, call));
});

describe('BAD_OPERAND of sparse attention and hyper-connections', () => {
  const [q, k, weights, mask] = [f32(8, 4, 3), f16(8, 1, 5), f32(4, 3), f16(5, 3)];
  const [x, residual, post, comb] = [f32(8, 5), f32(8, 4, 5), f32(4, 5), f32(4, 4, 5)];
  it.each<Case>([
    ['LIGHTNING_INDEXER: q', () => ctx.lightningIndexer(f16(8, 4, 3), k, weights, mask)],
    ['LIGHTNING_INDEXER: k', () => ctx.lightningIndexer(q, f16(8, 2, 5), weights, mask)],
    ['LIGHTNING_INDEXER: weights', () => ctx.lightningIndexer(q, k, f32(4, 2), mask)],
    ['LIGHTNING_INDEXER: mask', () => ctx.lightningIndexer(q, k, weights, f32(5, 3))],
    ['LIGHTNING_INDEXER: mask', () => ctx.lightningIndexer(q, k, weights, f16(5, 3, 1, 2))],
    ['DSV4_HC_COMB: mixes', () => ctx.dsv4HcComb(f32(15, 5), f32(3), f32(15), 0, 1)],
    ['DSV4_HC_COMB: scale', () => ctx.dsv4HcComb(f32(24, 5), f32(2), f32(24), 0, 1)],
    ['DSV4_HC_COMB: base', () => ctx.dsv4HcComb(f32(24, 5), f32(3), f32(16), 0, 1)],
    ['DSV4_HC_PRE: weights', () => ctx.dsv4HcPre(residual, f32(4, 4))],
    ['DSV4_HC_PRE: x', () => ctx.dsv4HcPre(f16(8, 4, 5), post)],
    ['DSV4_HC_POST: residual', () => ctx.dsv4HcPost(x, f32(7, 4, 5), post, comb)],
    ['DSV4_HC_POST: post', () => ctx.dsv4HcPost(x, residual, f32(3, 5), comb)],
    ['DSV4_HC_POST: comb', () => ctx.dsv4HcPost(x, residual, post, f32(4, 3, 5))],
  ])('%s', (culprit, call) => expectError('BAD_OPERAND', culprit, call));
});

const MANY = 2 ** 31;

describe('BAD_ARGUMENT', () => {
  it.each<Case>([
    ['SET: nb', () => ctx.set(f32(4), f32(2), [16, 16] as unknown as [number, number, number])],
    ['SET: offset', () => ctx.set(f32(4), f32(2), [16, 16, 16], -4)],
    ['ACC: nb2', () => ctx.acc(f32(4), f32(2), [16, 0.5, 16])],
    ['CONCAT: dim', () => ctx.concat(f32(4), f32(4), 4)],
    ['DSV4_HC_COMB: iterations', () => ctx.dsv4HcComb(f32(24, 5), f32(3), f32(24), 0, 0)],
    ['GROUP_NORM: groups', () => ctx.groupNorm(f32(4, 4, 4), 0, 1e-5)],
    ['DIAG_MASK_INF: past', () => ctx.diagMaskInf(f32(4), -1)],
    ['DIAG_MASK_ZERO: past', () => ctx.diagMaskZero(f32(4), 0.5)],
    ['TRI: triangle', () => ctx.tri(f32(4, 4), 'left' as 'lower')],
    ['ROPE: mode', () => ctx.rope(f32(8, 2, 5), i32(5), 8, { mode: 'gptj' as 'neox' })],
    ['ROPE: dims', () => ctx.rope(f32(8, 2, 5), i32(5), -2)],
    ['ROPE: offset', () => ctx.rope(f32(8, 2, 5), i32(5), 6, { offset: 4 })],
    ['ROPE: offset', () => ctx.rope(f32(8, 2, 5), i32(5), 4, { offset: 1 })],
    ['ROPE: offset', () => ctx.rope(f32(8, 2, 5), i32(20), 8, { mode: 'vision', offset: 2 })],
    ['SOFT_MAX: maxBias', () => ctx.softMax(f32(4), { maxBias: 8 })],
    ['FLASH_ATTN_EXT: maxBias', () => ctx.flashAttn(f32(8, 5), f16(8, 6), f16(8, 6), { maxBias: 8 })],
    ['ARGMAX: length of rows', () => ctx.argmax(f32(MANY))],
    ['ARGSORT: length of rows', () => ctx.argsort(f32(MANY))],
    ['ARGSORT: order', () => ctx.argsort(f32(4), 'up' as 'asc')],
    ['ARGSORT: k', () => ctx.argsortTopK(f32(4), 5)],
    ['TOP_K: k', () => ctx.topK(f32(4), 5)],
    ['TOP_K: k', () => ctx.topK(f32(4), -1)],
    ['SSM_SCAN: snapshots', () => scan({}, 0)],
    ['IM2COL: rank', () => ctx.im2col(f32(3, 3, 4), f32(9, 9, 4), 3 as 2, 'f16')],
    ['IM2COL: stride[1]', () => ctx.im2col(f32(3, 3, 4), f32(9, 9, 4), 2, 'f16', { stride: [1, 0] })],
    ['IM2COL: padding', () => ctx.im2col(f32(3, 3, 4), f32(9, 9, 4), 2, 'f16', { padding: [1] })],
    ['IM2COL: dilation[0]', () => ctx.im2col(f32(3, 3, 4), f32(9, 9, 4), 2, 'f16', { dilation: 0 })],
    ['IM2COL_3D: channels', () => ctx.im2col3d(f32(3, 3, 3, 4), f32(9, 9, 9, 4), 0, 'f16')],
    ['CONV_3D: outputs', () => ctx.conv3dDirect(f32(3, 3, 3, 5), f32(9, 9, 9, 4), 4)],
    ['CONV_3D: videos', () => ctx.conv3dDirect(f32(3, 3, 3, 4), f32(9, 9, 9, 5), 4)],
    ['CONV_TRANSPOSE_1D: stride', () => ctx.convTranspose1d(f32(4, 6, 3), f32(10, 3), 0)],
    ['CONV_TRANSPOSE_2D: stride', () => ctx.convTranspose2d(f32(2, 2, 6, 3), f32(10, 8, 3), 0)],
    ['COL2IM_1D: stride', () => ctx.col2im1d(f32(12, 10), 0, 3)],
    ['COL2IM_1D: padding', () => ctx.col2im1d(f32(12, 10), 2, 3, -1)],
    ['POOL_1D: pooling', () => ctx.pool1d(f32(4), 'min' as 'max', 2)],
    ['POOL_1D: window[0]', () => ctx.pool1d(f32(4), 'max', 0, { stride: 1 })],
    ['POOL_2D: stride[1]', () => ctx.pool2d(f32(4, 4), 'max', 2, { stride: [1, 0] })],
    ['POOL_2D: padding', () => ctx.pool2d(f32(4, 4), 'max', 2, { padding: -1 })],
    ['POOL_2D_BACK: pooling', () => ctx.pool2dBack(f32(4, 4), f32(8, 8), 'min' as 'max', 2)],
    ['UPSCALE: factor', () => ctx.upscale(f32(4), 1)],
    ['UPSCALE: mode', () => ctx.upscale(f32(4), 2, { mode: 'linear' as 'nearest' })],
    ['UPSCALE: mode', () => ctx.upscale(f32(4), 2, { mode: 'bicubic', antialias: true })],
    ['PAD: after', () => ctx.pad(f32(4), [1, 1, 1, 1, 1])],
    ['PAD: before[0]', () => ctx.pad(f32(4), [1], { before: [-1] })],
    ['PAD_REFLECT_1D: padding', () => ctx.padReflect1d(f32(4), 1, 4)],
    ['PAD_REFLECT_1D: before', () => ctx.padReflect1d(f32(4), -1, 1)],
    ['ROLL: shifts', () => ctx.roll(f32(4), [4])],
    ['ROLL: shifts[0]', () => ctx.roll(f32(4), [0.5])],
    ['ARANGE: stop', () => ctx.arange(1, 1)],
    ['ARANGE: step', () => ctx.arange(0, 1, 0)],
    ['TIMESTEP_EMBEDDING: dim', () => ctx.timestepEmbedding(f32(3), 0)],
    ['WIN_PART: window', () => ctx.winPart(f32(4, 4, 4), 0)],
    ['WIN_UNPART: height', () => ctx.winUnpart(f32(4, 2, 2, 4), 4, 0, 2)],
    ['GET_REL_POS: size', () => ctx.getRelPos(f32(4, 4), 0)],
    ['GET_ROWS_BACK: rows', () => ctx.getRowsBack(f32(4, 2), i32(2), -1)],
    ['CUSTOM: number of sources', () => ctx.custom(new Array<Tensor>(10).fill(f32(4)), { type: 'f32', ne: [4] })],
    ['CUSTOM: overwrites', () => ctx.custom([f32(4)], { type: 'f32', ne: [4], overwrites: [1] })],
  ])('%s', (culprit, call) => expectError('BAD_ARGUMENT', culprit, call));
});

describe('other errors', () => {
  it.each<readonly [ErrorCode, string, () => unknown]>([
    ['UNKNOWN_TYPE', 'CPY: type', () => ctx.cast(f32(4), 'f8' as 'f16')],
    ['UNKNOWN_TYPE', 'IM2COL: type', () => ctx.im2col(f32(3, 4), f32(9, 4), 1, 'half' as 'f16')],
    ['BAD_SHAPE', 'CPY', () => ctx.cast(f32(4), 'q4_0')],
    ['BAD_SHAPE', 'CONT', () => ctx.cont(f32(4), [2, 2, 1, 1, 1])],
    ['BAD_SHAPE', 'CONV_TRANSPOSE_1D', () => ctx.convTranspose1d(f32(1, 6, 3), f32(0, 3), 2)],
    ['BYTES_TOO_LARGE', 'MUL_MAT', () => ctx.mulMat(f32(1, 2 ** 27), f32(1, 2 ** 27))],
  ])('%s %s', (code, culprit, call) => {
    const error = caught(call);
    expect([error.code, error.culprit]).toEqual([code, expect.stringContaining(culprit)]);
  });
});

function expectError(code: ErrorCode, culprit: string, call: () => unknown): void {
  const error = caught(call);
  expect([error.code, error.culprit]).toEqual([code, culprit]);
  expect(error.limit).not.toBe('');
  expect(error.message).toContain(culprit);
}

function caught(call: () => unknown): PlannerError {
  try {
    call();
  } catch (error) {
    if (error instanceof PlannerError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
