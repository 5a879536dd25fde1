/**
 * One example per operation, with the result worked out by hand from ggml's rules, and what the table says as a whole.
 */
import { describe, expect, it } from 'vitest';
import { Context } from '../../../src/dialects/ggml/context.js';
import { Operands } from '../../../src/dialects/ggml/operands.js';
import { findOperation, OPERATIONS } from '../../../src/dialects/ggml/operations.js';
import type { ElementTypeName } from '../../../src/tensor/element-type.js';
import type { Tensor } from '../../../src/tensor/tensor.js';

const ctx = Context.deferred();
const f32 = (...ne: number[]): Tensor => ctx.newTensor('f32', ne, 'x');
const i32 = (...ne: number[]): Tensor => ctx.newTensor('i32', ne, 'ids');
const typed = (type: ElementTypeName, ...ne: number[]): Tensor => ctx.newTensor(type, ne, 'x');

/** `f32 4x2`: type and shape without the ones at the end. */
function shown({ type, ne }: Tensor): string {
  const last = ne.findLastIndex((n) => n !== 1);
  return `${type.name} ${ne.slice(0, Math.max(last, 0) + 1).join('x')}`;
}

const moment = Context.virtual().newTensor('f32', [8, 4]);

/** Operation, how to apply it, and the result. */
const EXAMPLES: readonly (readonly [string, () => Tensor, string])[] = [
  ['RESHAPE', () => ctx.reshape(f32(8, 4), [16, 2]), 'f32 16x2'],
  ['VIEW', () => ctx.view(f32(8, 4), [4, 4], [32]), 'f32 4x4'],
  ['PERMUTE', () => ctx.permute(f32(8, 4, 2), [1, 2, 0, 3]), 'f32 2x8x4'],
  ['TRANSPOSE', () => ctx.transpose(f32(8, 4)), 'f32 4x8'],
  ['DEPENDENCY', () => ctx.dependency(f32(8, 4), f32(2)), 'f32 8x4'],
  ['EMPTY', () => ctx.empty('f16', [8, 4]), 'f16 8x4'],

  ['DUP', () => ctx.dup(typed('f16', 8, 4)), 'f16 8x4'],
  ['CPY', () => ctx.cpy(f32(8, 4), typed('f16', 32)), 'f16 32'],
  ['CPY', () => ctx.cast(f32(64, 4), 'q8_0'), 'q8_0 64x4'],
  ['CONT', () => ctx.cont(ctx.transpose(f32(8, 4))), 'f32 4x8'],
  ['CONT', () => ctx.cont(ctx.transpose(f32(8, 4)), [32]), 'f32 32'],
  ['GET_ROWS', () => ctx.getRows(typed('q4_0', 64, 10, 3, 2), i32(5, 3, 2)), 'f32 64x5x3x2'],
  ['GET_ROWS', () => ctx.getRows(i32(6, 10), i32(5)), 'i32 6x5'],
  ['SET_ROWS', () => ctx.setRows(typed('q8_0', 64, 10), f32(64, 3), typed('i64', 3)), 'q8_0 64x10'],
  ['SET', () => ctx.set(f32(8, 4), f32(2, 2), [32, 128, 128], 8), 'f32 8x4'],
  ['ACC', () => ctx.acc(f32(8, 4), f32(2, 2), [32, 128, 128], 8), 'f32 8x4'],
  ['CONCAT', () => ctx.concat(f32(8, 4), f32(8, 3), 1), 'f32 8x7'],
  ['REPEAT', () => ctx.repeat(f32(8, 1), [16, 3]), 'f32 16x3'],
  ['REPEAT_BACK', () => ctx.repeatBack(f32(16, 3), [8]), 'f32 8'],

  ['ADD', () => ctx.add(typed('f16', 8, 4), f32(8)), 'f16 8x4'],
  ['ADD', () => ctx.addCast(typed('q4_0', 32, 4), f32(32), 'f32'), 'f32 32x4'],
  ['SUB', () => ctx.sub(f32(8, 4), f32(1)), 'f32 8x4'],
  ['MUL', () => ctx.mul(f32(8, 4), f32(4, 2)), 'f32 8x4'],
  ['DIV', () => ctx.div(f32(8, 4), f32(8, 4)), 'f32 8x4'],
  ['ADD_ID', () => ctx.addId(f32(8, 2, 5), f32(8, 16), i32(2, 5)), 'f32 8x2x5'],
  ['ADD1', () => ctx.add1(f32(8, 4), f32(1)), 'f32 8x4'],
  ['SCALE', () => ctx.scale(f32(8, 4), 0.5), 'f32 8x4'],
  ['CLAMP', () => ctx.clamp(f32(8, 4), 0, Infinity), 'f32 8x4'],
  ['FILL', () => ctx.fill(typed('f16', 8), 1), 'f16 8'],
  ['SQR', () => ctx.sqr(f32(8)), 'f32 8'],
  ['SQRT', () => ctx.sqrt(f32(8)), 'f32 8'],
  ['LOG', () => ctx.log(f32(8)), 'f32 8'],
  ['SIN', () => ctx.sin(f32(8)), 'f32 8'],
  ['COS', () => ctx.cos(f32(8)), 'f32 8'],

  ['ABS', () => ctx.abs(f32(8)), 'f32 8'],
  ['SGN', () => ctx.sgn(f32(8)), 'f32 8'],
  ['NEG', () => ctx.neg(f32(8)), 'f32 8'],
  ['STEP', () => ctx.step(f32(8)), 'f32 8'],
  ['TANH', () => ctx.tanh(f32(8)), 'f32 8'],
  ['ELU', () => ctx.elu(f32(8)), 'f32 8'],
  ['RELU', () => ctx.relu(f32(8)), 'f32 8'],
  ['LEAKY_RELU', () => ctx.leakyRelu(f32(8), 0.1), 'f32 8'],
  ['SIGMOID', () => ctx.sigmoid(f32(8)), 'f32 8'],
  ['GELU', () => ctx.gelu(f32(8)), 'f32 8'],
  ['GELU_QUICK', () => ctx.geluQuick(f32(8)), 'f32 8'],
  ['GELU_ERF', () => ctx.geluErf(f32(8)), 'f32 8'],
  ['SILU', () => ctx.silu(f32(8)), 'f32 8'],
  ['HARDSWISH', () => ctx.hardswish(f32(8)), 'f32 8'],
  ['HARDSIGMOID', () => ctx.hardsigmoid(f32(8)), 'f32 8'],
  ['EXP', () => ctx.exp(f32(8)), 'f32 8'],
  ['EXPM1', () => ctx.expm1(f32(8)), 'f32 8'],
  ['SOFTPLUS', () => ctx.softplus(f32(8)), 'f32 8'],
  ['FLOOR', () => ctx.floor(f32(8)), 'f32 8'],
  ['CEIL', () => ctx.ceil(f32(8)), 'f32 8'],
  ['ROUND', () => ctx.round(f32(8)), 'f32 8'],
  ['TRUNC', () => ctx.trunc(f32(8)), 'f32 8'],
  ['XIELU', () => ctx.xielu(f32(8), 1, 1, 1, 1e-6), 'f32 8'],

  ['REGLU', () => ctx.reglu(f32(8, 4)), 'f32 4x4'],
  ['GEGLU', () => ctx.geglu(f32(8, 4), f32(8, 4)), 'f32 8x4'],
  ['SWIGLU', () => ctx.swiglu(typed('f16', 8, 4), null, { swapped: true }), 'f16 4x4'],
  ['GEGLU_ERF', () => ctx.gegluErf(f32(8, 4), f32(8, 4)), 'f32 8x4'],
  ['GEGLU_QUICK', () => ctx.gegluQuick(f32(8, 4)), 'f32 4x4'],
  ['SWIGLU_OAI', () => ctx.swigluOai(f32(8, 4), f32(8, 4), 1.702, 7), 'f32 8x4'],

  ['NORM', () => ctx.norm(f32(8, 4), 1e-5), 'f32 8x4'],
  ['RMS_NORM', () => ctx.rmsNorm(f32(8, 4), 1e-5), 'f32 8x4'],
  ['L2_NORM', () => ctx.l2Norm(f32(8, 4), 1e-5), 'f32 8x4'],
  ['GROUP_NORM', () => ctx.groupNorm(f32(8, 4, 32), 16, 1e-5), 'f32 8x4x32'],

  ['MUL_MAT', () => ctx.mulMat(typed('q4_0', 64, 10, 2), f32(64, 5, 4, 3)), 'f32 10x5x4x3'],
  ['MUL_MAT_ID', () => ctx.mulMatId(typed('q4_0', 64, 10, 16), f32(64, 1, 7), i32(2, 7)), 'f32 10x2x7'],
  ['OUT_PROD', () => ctx.outProd(f32(10, 64), f32(5, 64, 3)), 'f32 10x5x3'],
  ['DIAG', () => ctx.diag(f32(8, 1, 3)), 'f32 8x8x3'],
  ['DIAG_MASK_INF', () => ctx.diagMaskInf(f32(8, 4), 3), 'f32 8x4'],
  ['DIAG_MASK_ZERO', () => ctx.diagMaskZero(f32(8, 4), 3), 'f32 8x4'],
  ['TRI', () => ctx.tri(f32(8, 8), 'lower'), 'f32 8x8'],
  ['SOLVE_TRI', () => ctx.solveTri(f32(8, 8, 2), f32(3, 8, 2)), 'f32 3x8x2'],

  ['ROPE', () => ctx.rope(f32(64, 8, 5), i32(5), 64, { mode: 'neox' }), 'f32 64x8x5'],
  ['ROPE', () => ctx.rope(f32(64, 8, 5), i32(20), 64, { mode: 'mrope', sections: [8, 12, 12, 0] }), 'f32 64x8x5'],
  ['ROPE_BACK', () => ctx.ropeBack(f32(64, 8, 5), i32(5), 32, { freqFactors: f32(16) }), 'f32 64x8x5'],
  ['SOFT_MAX', () => ctx.softMax(f32(8, 4, 6), { mask: typed('f16', 8, 32, 3), sinks: f32(6) }), 'f32 8x4x6'],
  [
    'FLASH_ATTN_EXT',
    () => ctx.flashAttn(f32(64, 5, 8, 2), typed('f16', 64, 256, 2, 2), typed('f16', 96, 256, 2, 2)),
    'f32 96x8x5x2',
  ],

  ['SUM', () => ctx.sum(f32(8, 4)), 'f32 1'],
  ['SUM_ROWS', () => ctx.sumRows(typed('f16', 8, 4)), 'f16 1x4'],
  ['CUMSUM', () => ctx.cumsum(f32(8, 4)), 'f32 8x4'],
  ['MEAN', () => ctx.mean(typed('f16', 8, 4)), 'f32 1x4'],
  ['ARGMAX', () => ctx.argmax(f32(8, 4)), 'i32 4'],
  ['COUNT_EQUAL', () => ctx.countEqual(i32(8, 4), i32(8, 4)), 'i64 1'],
  ['ARGSORT', () => ctx.argsort(f32(8, 4)), 'i32 8x4'],
  ['TOP_K', () => ctx.topK(f32(8, 4), 3), 'i32 3x4'],

  ['SSM_CONV', () => ctx.ssmConv(f32(8, 16, 2), f32(4, 16)), 'f32 16x5x2'],
  [
    'SSM_SCAN',
    () =>
      ctx.ssmScan(
        f32(16, 1, 32, 9),
        f32(1, 32, 5, 2),
        f32(32, 5, 2),
        f32(16, 32),
        f32(16, 1, 5, 2),
        f32(16, 1, 5, 2),
        i32(2),
      ),
    'f32 1344', // 1×32×5×2 outputs, 16×1×32 states of 2 sequences
  ],
  [
    'RWKV_WKV6',
    () => ctx.rwkvWkv6(f32(4, 2, 5), f32(4, 2, 5), f32(4, 2, 5), f32(4, 2), f32(4, 2, 5), f32(32, 3)),
    'f32 8x17', // 5 outputs, 4 rows of state of 3 sequences
  ],
  [
    'RWKV_WKV7',
    () => {
      const x = f32(4, 2, 5);
      return ctx.rwkvWkv7(x, x, x, x, x, x, f32(32, 3));
    },
    'f32 8x17',
  ],
  [
    'GATED_LINEAR_ATTN',
    () => ctx.gatedLinearAttn(f32(4, 2, 5), f32(4, 2, 5), f32(4, 2, 5), f32(4, 2, 5), f32(32, 3), 0.5),
    'f32 8x17',
  ],
  [
    'GATED_DELTA_NET',
    () => {
      const x = f32(4, 2, 5, 3);
      return ctx.gatedDeltaNet(x, x, x, f32(1, 2, 5, 3), f32(1, 2, 5, 3), f32(4, 4, 2, 3), { snapshots: 2 });
    },
    'f32 8x39', // 15 outputs, 2 × 4 rows of state of 3 sequences
  ],
  [
    'LIGHTNING_INDEXER',
    () => ctx.lightningIndexer(f32(8, 4, 3, 2), typed('f16', 8, 1, 5, 2), f32(4, 3, 1, 2), typed('f16', 5, 3)),
    'f32 5x3x1x2',
  ],
  ['DSV4_HC_COMB', () => ctx.dsv4HcComb(f32(24, 5), f32(3), f32(24), 1e-6, 20), 'f32 4x4x5'],
  ['DSV4_HC_PRE', () => ctx.dsv4HcPre(f32(8, 3, 5), f32(3, 5)), 'f32 8x5'],
  ['DSV4_HC_POST', () => ctx.dsv4HcPost(f32(8, 5), f32(8, 3, 5), f32(3, 5), f32(3, 3, 5)), 'f32 8x3x5'],

  ['IM2COL', () => ctx.im2col(typed('f16', 3, 3, 4, 6), f32(10, 8, 4, 2), 2, 'f16', { padding: 1 }), 'f16 36x10x8x2'],
  ['IM2COL', () => ctx.im2col(typed('f16', 3, 4, 6), f32(10, 4, 2), 1, 'f32', { stride: 2 }), 'f32 12x4x2'],
  ['IM2COL_3D', () => ctx.im2col3d(f32(3, 3, 3, 8), f32(6, 6, 6, 4), 4, 'f16', { padding: 1 }), 'f16 108x6x6x6'],
  ['IM2COL_BACK', () => ctx.im2colBack(f32(3, 3, 4, 6), f32(36, 10, 8, 2), [10, 8, 4, 2], 2), 'f32 10x8x4x2'],
  ['CONV_2D', () => ctx.conv2dDirect(f32(3, 3, 4, 6), f32(10, 8, 4, 2), { dilation: 2 }), 'f32 6x4x6x2'],
  ['CONV_2D_DW', () => ctx.conv2dDepthwiseDirect(f32(3, 3, 1, 4), f32(10, 8, 4, 2)), 'f32 8x6x4x2'],
  ['CONV_3D', () => ctx.conv3dDirect(f32(3, 3, 3, 8), f32(6, 6, 6, 4), 4), 'f32 4x4x4x2'],
  ['CONV_TRANSPOSE_1D', () => ctx.convTranspose1d(f32(4, 6, 3), f32(10, 3), 2), 'f32 22x6'],
  ['CONV_TRANSPOSE_2D', () => ctx.convTranspose2d(f32(2, 2, 6, 3), f32(10, 8, 3, 5), 2), 'f32 20x16x6x5'],
  ['COL2IM_1D', () => ctx.col2im1d(f32(12, 10), 2, 3, 1), 'f32 20x3'],

  ['POOL_1D', () => ctx.pool1d(f32(9, 3), 'max', 2), 'f32 4x3'],
  ['POOL_2D', () => ctx.pool2d(f32(10, 8, 3), 'avg', [3, 2], { stride: [2, 1], padding: [1, 0] }), 'f32 5x7x3'],
  ['POOL_2D_BACK', () => ctx.pool2dBack(f32(5, 4, 3), f32(10, 8, 3), 'max', 2), 'f32 10x8x3'],
  ['UPSCALE', () => ctx.upscale(f32(10, 8, 3), 2), 'f32 20x16x3'],
  ['UPSCALE', () => ctx.interpolate(f32(10, 8), [5, 5], { mode: 'bilinear', antialias: true }), 'f32 5x5'],
  ['PAD', () => ctx.pad(f32(10, 8), [1, 2], { before: [3] }), 'f32 14x10'],
  ['PAD_REFLECT_1D', () => ctx.padReflect1d(f32(10, 8), 2, 3), 'f32 15x8'],
  ['ROLL', () => ctx.roll(f32(10, 8), [-9, 7]), 'f32 10x8'],

  ['ARANGE', () => ctx.arange(0, 1, 0.3), 'f32 4'],
  ['TIMESTEP_EMBEDDING', () => ctx.timestepEmbedding(f32(3), 320), 'f32 320x3'],
  ['WIN_PART', () => ctx.winPart(f32(6, 10, 8), 4), 'f32 6x4x4x6'],
  ['WIN_UNPART', () => ctx.winUnpart(f32(6, 4, 4, 6), 10, 8, 4), 'f32 6x10x8'],
  ['GET_REL_POS', () => ctx.getRelPos(f32(6, 9), 5), 'f16 6x5x5'],
  ['ADD_REL_POS', () => ctx.addRelPos(f32(9, 10, 2), f32(3, 2, 5, 2), f32(3, 2, 5, 2)), 'f32 9x10x2'],

  ['CROSS_ENTROPY_LOSS', () => ctx.crossEntropyLoss(f32(8, 4), f32(8, 4)), 'f32 1'],
  ['CROSS_ENTROPY_LOSS_BACK', () => ctx.crossEntropyLossBack(f32(1), f32(8, 4), f32(8, 4)), 'f32 8x4'],
  ['SILU_BACK', () => ctx.siluBack(f32(8, 4), f32(8, 4)), 'f32 8x4'],
  ['RMS_NORM_BACK', () => ctx.rmsNormBack(f32(8, 4), f32(8, 4), 1e-5), 'f32 8x4'],
  ['SOFT_MAX_BACK', () => ctx.softMaxBack(f32(8, 4), f32(8, 4)), 'f32 8x4'],
  ['GET_ROWS_BACK', () => ctx.getRowsBack(f32(8, 4), i32(4), 100), 'f32 8x100'],
  ['OPT_STEP_ADAMW', () => ctx.optStepAdamw(f32(8, 4), f32(8, 4), moment, moment, f32(7)), 'f32 8x4'],
  ['OPT_STEP_SGD', () => ctx.optStepSgd(f32(8, 4), f32(8, 4), f32(2)), 'f32 8x4'],
  ['CUSTOM', () => ctx.custom([f32(8, 4)], { type: 'f16', ne: [3, 2] }), 'f16 3x2'],
];

describe('operations', () => {
  it.each(EXAMPLES)('%s', (op, build, expected) => {
    const tensor = build();
    expect(tensor.op).toBe(op);
    expect(shown(tensor)).toBe(expected);
  });

  it('have an example each', () => {
    const seen = new Set(EXAMPLES.map(([op]) => op));
    expect(OPERATIONS.map(({ name }) => name).filter((name) => !seen.has(name))).toEqual([]);
  });

  it('have names of their own, by which they are found', () => {
    expect(new Set(OPERATIONS.map(({ name }) => name)).size).toBe(OPERATIONS.length);
    for (const operation of OPERATIONS) expect(findOperation(operation.name)).toBe(operation);
    expect(findOperation('NONE')).toBeUndefined();
  });

  it('run in place by ggml’s rules exactly where ggml lets them', () => {
    const rows = [
      'ADD',
      'ADD_ID',
      'ADD1',
      'SUB',
      'MUL',
      'DIV',
      'SQR',
      'SQRT',
      'LOG',
      'SCALE',
      'FILL',
      'ROPE',
      'ROPE_BACK',
    ];
    rows.push('DIAG_MASK_ZERO', 'DIAG_MASK_INF', 'RMS_NORM', 'RMS_NORM_BACK', 'SOFT_MAX', 'SOFT_MAX_BACK', 'SILU_BACK');
    rows.push('ABS', 'SGN', 'NEG', 'STEP', 'TANH', 'ELU', 'RELU', 'SIGMOID', 'GELU', 'GELU_QUICK', 'GELU_ERF', 'SILU');
    rows.push('HARDSWISH', 'HARDSIGMOID', 'EXP', 'EXPM1', 'SOFTPLUS', 'XIELU', 'FLOOR', 'CEIL', 'ROUND', 'TRUNC');
    const found = OPERATIONS.filter(({ reusesAny }) => reusesAny).map(({ name }) => name);
    expect(found.sort()).toEqual(rows.sort());
  });

  it('may overwrite an operand wherever ggml may: the first one', () => {
    const cautious = OPERATIONS.filter(({ reusesAny, overwrites }) => reusesAny && !overwrites.includes(0));
    expect(cautious).toEqual([]);
  });

  it('never overwrite what they read after writing', () => {
    const careful = [
      'MUL_MAT',
      'MUL_MAT_ID',
      'OUT_PROD',
      'GET_ROWS',
      'CONCAT',
      'FLASH_ATTN_EXT',
      'IM2COL',
      'IM2COL_3D',
    ];
    careful.push('CONV_2D', 'CONV_2D_DW', 'CONV_3D', 'CONV_TRANSPOSE_1D', 'CONV_TRANSPOSE_2D', 'COL2IM_1D', 'ROLL');
    careful.push('POOL_1D', 'POOL_2D', 'UPSCALE', 'PAD', 'PAD_REFLECT_1D', 'SSM_SCAN', 'SSM_CONV', 'SOLVE_TRI');
    careful.push('ARGSORT', 'TOP_K', 'DIAG', 'WIN_PART', 'WIN_UNPART', 'CUSTOM', 'REPEAT_BACK', 'GATED_DELTA_NET');
    careful.push('LIGHTNING_INDEXER', 'DSV4_HC_COMB', 'DSV4_HC_PRE', 'DSV4_HC_POST');
    for (const name of careful) expect([name, findOperation(name)?.overwrites]).toEqual([name, []]);
  });
});

describe('the facts of an operation', () => {
  it('name the operand in every slot, and only those that may be missing are missing', () => {
    for (const [op, build] of EXAMPLES) {
      const { operation, sources } = build();
      const { operands, requiredCount } = operation!;
      expect(new Set(operands).size, op).toBe(operands.length);
      if (op === 'CUSTOM') expect(operands).toEqual([]);
      else expect(sources.length, op).toBeLessThanOrEqual(operands.length);
      for (let slot = 0; slot < requiredCount; slot++) expect(sources[slot], `${op}: ${operands[slot]}`).toBeDefined();
    }
  });

  it('name those that may be left out behind all others', () => {
    const optional = OPERATIONS.filter(({ operands, requiredCount }) => operands.length > requiredCount);
    expect(optional.map(({ name, operands, requiredCount }) => [name, ...operands.slice(requiredCount)])).toEqual(
      expect.arrayContaining([
        ['CPY', 'b'],
        ['ROPE', 'freqFactors'],
        ['SOFT_MAX', 'mask', 'sinks'],
        ['FLASH_ATTN_EXT', 'mask', 'sinks'],
      ]),
    );
    expect(OPERATIONS.every(({ operands, requiredCount }) => requiredCount <= operands.length)).toBe(true);
  });

  it('point at operands that there are', () => {
    for (const { name, operands, overwrites, updates, namesItself } of OPERATIONS) {
      for (const slot of [...overwrites, ...updates, ...namesItself]) expect(operands[slot], name).toBeDefined();
    }
  });

  it('call pure whatever writes its result alone and has rules that are known', () => {
    const impure = OPERATIONS.filter(({ isPure }) => !isPure);
    expect(impure.map(({ name }) => name)).toEqual(['OPT_STEP_ADAMW', 'CUSTOM']);
  });

  it('are those of the tensor, which leafs have none of', () => {
    const x = f32(4);
    expect([x.operation, x.op]).toEqual([null, 'NONE']);
    const y = ctx.sqr(x);
    expect(y.operation).toBe(findOperation('SQR'));
    expect([y.op, y.overwritableSlots, y.storageBytes]).toEqual(['SQR', [0], 16]);
    const own = ctx.custom([x], { op: 'MINE', type: 'f32', ne: [4], overwrites: [0] });
    expect([own.op, own.operation!.isPure, own.overwritableSlots]).toEqual(['MINE', false, [0]]);
  });
});

describe('operands by name', () => {
  it('are found, and an unknown name is a fault of the rule', () => {
    const mask = f32(4);
    const operands = new Operands(findOperation('SOFT_MAX')!, [f32(4), mask]);
    expect(operands.optional('mask')).toBe(mask);
    expect(operands.optional('sinks')).toBeNull();
    expect(() => operands.optional('masks')).toThrow('SOFT_MAX has no operand masks.');
    expect(() => operands.tensor('sinks')).toThrow('SOFT_MAX: sinks is missing.');
  });
});

describe('names and storage', () => {
  it('copies take ggml’s names', () => {
    const a = ctx.newTensor('f32', [4], 'a');
    expect(ctx.cpy(a, ctx.newTensor('f32', [4], 'b')).name).toBe('b (copy of a)');
    expect(ctx.cpy(a, ctx.newTensor('f32', [4])).name).toBe('a (copy)');
    expect(ctx.cast(a, 'f16').name).toBe('a (copy)');
    expect(ctx.cont(a).name).toBe('a (cont)');
    expect(ctx.clamp(a, 0, 1).name).toBe('a (view)');
    expect(ctx.mul(a, a).name).toBe('');
  });

  it('a copy or rows written into a tensor are views of it', () => {
    const cache = ctx.newTensor('f16', [8, 10], 'cache');
    const written = ctx.setRows(cache, f32(8, 2), typed('i64', 2));
    expect([written.root, written.name, written.sources[2]]).toEqual([cache, 'cache (view)', cache]);
    const part = ctx.view(cache, [8, 2], [16], 32);
    const copy = ctx.cpy(f32(8, 2), part);
    expect([copy.root, copy.viewOffset, copy.nb]).toEqual([cache, 32, part.nb]);
  });

  it('a cast refers to itself', () => {
    const cast = ctx.cast(f32(4), 'f16');
    expect(cast.sources[1]).toBe(cast);
    expect(cast.isView).toBe(false);
  });

  it('an in-place result is a view of its first operand, with its strides', () => {
    const a = ctx.transpose(ctx.newTensor('f32', [8, 4], 'a'));
    const sum = ctx.add(a, ctx.newTensor('f32', [4, 8]), { inPlace: true });
    expect([sum.root, sum.nb, sum.name]).toEqual([a.root, a.nb, 'a (transposed) (view)']);
    expect(ctx.add(a, ctx.newTensor('f32', [4, 8])).nb).toEqual([4, 16, 128, 128]);
  });

  it('optional operands keep their slots', () => {
    const sinks = f32(6);
    expect(ctx.softMax(f32(8, 4, 6), { sinks }).sources.slice(1)).toEqual([null, sinks]);
    expect(ctx.softMax(f32(8, 4, 6)).sources).toHaveLength(1);
    expect(ctx.rope(f32(8, 4, 6), i32(6), 8).sources).toHaveLength(2);
  });

  it('settings are plain values', () => {
    expect(ctx.clamp(f32(4), -Infinity, 6).params).toEqual({ min: null, max: 6 });
    expect(ctx.scale(f32(4), 0.5).params).toEqual({ scale: 0.5, bias: 0 });
    expect(ctx.rmsNorm(f32(4), 1e-6).params).toEqual({ eps: 1e-6 });
  });

  it('channels that lie innermost stay there in a depthwise convolution', () => {
    const x = ctx.permute(f32(4, 10, 8, 2), [2, 0, 1, 3]);
    expect(x.ne).toEqual([10, 8, 4, 2]);
    const result = ctx.conv2dDepthwiseDirect(f32(3, 3, 1, 4), x);
    expect([result.ne, result.nb]).toEqual([
      [8, 6, 4, 2],
      [16, 128, 4, 768],
    ]);
  });

  it('a custom operation overwrites what it declares', () => {
    const [a, b] = [f32(8), f32(8)];
    const result = ctx.custom([a, b], { type: 'f32', ne: [8], overwrites: [1], name: 'mine' });
    expect([result.name, result.reuseRule]).toEqual(['mine', { reusesAny: false, operands: [1] }]);
  });
});

describe('composed operations', () => {
  const ops = (tensor: Tensor): string[] =>
    tensor.op === 'NONE' ? [] : [...tensor.sources.flatMap((source) => ops(source!)), tensor.op];

  it('topK by sorting is a view of the sort', () => {
    const top = ctx.argsortTopK(f32(8, 4), 3);
    expect([top.op, shown(top), top.nb, top.sources[0]!.op]).toEqual(['VIEW', 'i32 3x4', [4, 32, 128, 128], 'ARGSORT']);
    expect(top.sources[0]!.params).toEqual({ order: 'desc' });
  });

  it('convolutions consist of patches and a product', () => {
    const one = ctx.conv1d(typed('f16', 3, 4, 6), f32(10, 4, 2), { padding: 1 });
    expect(shown(one)).toBe('f32 10x6x2');
    expect(ops(one)).toEqual(['IM2COL', 'RESHAPE', 'RESHAPE', 'MUL_MAT', 'RESHAPE']);
    const two = ctx.conv2d(typed('f16', 3, 3, 4, 6), f32(10, 8, 4, 2), { stride: 2, padding: 1 });
    expect(shown(two)).toBe('f32 5x4x6x2');
    expect(ops(two)).toEqual(['IM2COL', 'RESHAPE', 'RESHAPE', 'MUL_MAT', 'RESHAPE', 'PERMUTE', 'CONT']);
    expect(shown(ctx.conv3d(typed('f16', 3, 3, 3, 8), f32(6, 6, 6, 8), 4, { padding: 1 }))).toBe('f32 6x6x6x4');
  });

  it('a kernel that sticks out by less than its stride still takes one position, as in ggml', () => {
    expect(ctx.im2col(f32(4, 2), f32(3, 2), 1, 'f16', { stride: 2 }).ne).toEqual([8, 1, 1, 1]);
    expect(() => ctx.im2col(f32(4, 2), f32(2, 2), 1, 'f16', { stride: 2 })).toThrow('IM2COL: x');
  });

  it('depthwise convolutions keep channels apart', () => {
    expect(shown(ctx.conv1dDepthwise(typed('f16', 3, 1, 4), f32(10, 4)))).toBe('f32 8x4');
    expect(shown(ctx.conv2dDepthwise(typed('f16', 3, 3, 1, 4), f32(10, 8, 4, 2)))).toBe('f32 8x6x4x2');
  });

  it('patches are f16, but f32 for a bf16 kernel', () => {
    const patchesOf = (conv: Tensor): Tensor => conv.sources[0]!.sources[0]!.sources[0]!;
    expect(patchesOf(ctx.conv1d(typed('f16', 3, 4, 6), f32(10, 4))).type.name).toBe('f16');
    expect(patchesOf(ctx.conv1d(typed('bf16', 3, 4, 6), f32(10, 4))).type.name).toBe('f32');
  });
});
