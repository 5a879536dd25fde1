/** Operations of the caller's own, and the names of all others. */
import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  Context,
  Graph,
  graphFromJson,
  graphToJson,
  planGraph,
  verifyPlan,
  replayPlan,
  type Tensor,
} from '../../../src/index.js';
import { isOperationName, type OperationName } from '../../../src/dialects/ggml/index.js';
import { OPERATIONS } from '../../../src/dialects/ggml/operations.js';
import { expectError } from '../../support/expect-error.js';

const ctx = Context.deferred();
const input = (): Tensor => ctx.setInput(ctx.newTensor('f32', [8], 'x'));

/** Every name of the type, which the compiler checks. */
const NAMES: Readonly<Record<OperationName, true>> = {
  RESHAPE: true,
  VIEW: true,
  PERMUTE: true,
  TRANSPOSE: true,
  DEPENDENCY: true,
  EMPTY: true,
  DUP: true,
  CPY: true,
  CONT: true,
  GET_ROWS: true,
  SET_ROWS: true,
  SET: true,
  ACC: true,
  CONCAT: true,
  REPEAT: true,
  REPEAT_BACK: true,
  ADD: true,
  SUB: true,
  MUL: true,
  DIV: true,
  ADD_ID: true,
  ADD1: true,
  SCALE: true,
  CLAMP: true,
  FILL: true,
  SQR: true,
  SQRT: true,
  LOG: true,
  SIN: true,
  COS: true,
  ABS: true,
  SGN: true,
  NEG: true,
  STEP: true,
  TANH: true,
  ELU: true,
  RELU: true,
  SIGMOID: true,
  GELU: true,
  GELU_QUICK: true,
  GELU_ERF: true,
  SILU: true,
  HARDSWISH: true,
  HARDSIGMOID: true,
  EXP: true,
  EXPM1: true,
  SOFTPLUS: true,
  FLOOR: true,
  CEIL: true,
  ROUND: true,
  TRUNC: true,
  XIELU: true,
  LEAKY_RELU: true,
  REGLU: true,
  GEGLU: true,
  SWIGLU: true,
  GEGLU_ERF: true,
  GEGLU_QUICK: true,
  SWIGLU_OAI: true,
  NORM: true,
  RMS_NORM: true,
  L2_NORM: true,
  GROUP_NORM: true,
  MUL_MAT: true,
  MUL_MAT_ID: true,
  OUT_PROD: true,
  DIAG: true,
  DIAG_MASK_INF: true,
  DIAG_MASK_ZERO: true,
  TRI: true,
  SOLVE_TRI: true,
  ROPE: true,
  ROPE_BACK: true,
  SOFT_MAX: true,
  FLASH_ATTN_EXT: true,
  LIGHTNING_INDEXER: true,
  SUM: true,
  SUM_ROWS: true,
  CUMSUM: true,
  MEAN: true,
  ARGMAX: true,
  COUNT_EQUAL: true,
  ARGSORT: true,
  TOP_K: true,
  SSM_CONV: true,
  SSM_SCAN: true,
  RWKV_WKV6: true,
  RWKV_WKV7: true,
  GATED_LINEAR_ATTN: true,
  GATED_DELTA_NET: true,
  DSV4_HC_COMB: true,
  DSV4_HC_PRE: true,
  DSV4_HC_POST: true,
  IM2COL: true,
  IM2COL_3D: true,
  IM2COL_BACK: true,
  CONV_2D: true,
  CONV_2D_DW: true,
  CONV_3D: true,
  CONV_TRANSPOSE_1D: true,
  CONV_TRANSPOSE_2D: true,
  COL2IM_1D: true,
  POOL_1D: true,
  POOL_2D: true,
  POOL_2D_BACK: true,
  UPSCALE: true,
  PAD: true,
  PAD_REFLECT_1D: true,
  ROLL: true,
  ARANGE: true,
  TIMESTEP_EMBEDDING: true,
  WIN_PART: true,
  WIN_UNPART: true,
  GET_REL_POS: true,
  ADD_REL_POS: true,
  CROSS_ENTROPY_LOSS: true,
  CROSS_ENTROPY_LOSS_BACK: true,
  SILU_BACK: true,
  RMS_NORM_BACK: true,
  SOFT_MAX_BACK: true,
  GET_ROWS_BACK: true,
  OPT_STEP_ADAMW: true,
  OPT_STEP_SGD: true,
  CUSTOM: true,
};

describe('names of operations', () => {
  it('are a type with every row of the table, and nothing else', () => {
    const names = Object.keys(NAMES);
    expect(OPERATIONS.map(({ name }) => name).sort()).toEqual(names.sort());
    expectTypeOf<'MUL_MAT'>().toExtend<OperationName>();
    expectTypeOf<'NONE'>().not.toExtend<OperationName>();
    expectTypeOf<'MUL_MATT'>().not.toExtend<OperationName>();
    for (const name of names) expect(isOperationName(name)).toBe(true);
    for (const name of ['NONE', 'none', 'add', '', '__proto__', 'MINE']) expect(isOperationName(name)).toBe(false);
  });

  it('let the compiler know which ones are left', () => {
    const isMatrixProduct = (op: string): boolean => {
      if (!isOperationName(op)) return false;
      expectTypeOf(op).toEqualTypeOf<OperationName>();
      return op === 'MUL_MAT' || op === 'OUT_PROD';
    };
    expect([isMatrixProduct('MUL_MAT'), isMatrixProduct('MINE')]).toEqual([true, false]);
  });
});

describe('a custom operation', () => {
  const x = input();

  it('has a name and settings of the caller’s own, and keeps them in a file', () => {
    const params = { seed: 7, mode: 'fast', sizes: [1, [2, 3]], flag: true, none: null };
    const y = ctx.setOutput(ctx.custom([x], { op: 'HASH', type: 'i32', ne: [4], params, name: 'y' }));
    expect([y.op, y.params]).toEqual(['HASH', params]);
    const graph = Graph.forward(y);
    const read = graphFromJson(JSON.parse(JSON.stringify(graphToJson(graph))));
    expect([read.nodes[0].op, read.nodes[0].params]).toEqual(['HASH', params]);
    expect(planGraph(read).toJSON()).toEqual(planGraph(graph).toJSON());
    params.sizes[0] = 9;
    expect(y.params.sizes).toEqual([1, [2, 3]]);
  });

  it('overwrites what it declares under any name, also when it comes from a file', () => {
    for (const overwrites of [undefined, [0]]) {
      const y = ctx.setOutput(ctx.custom([ctx.sqr(x)], { op: 'MINE', type: 'f32', ne: [8], overwrites }));
      const graph = Graph.forward(y);
      const read = graphFromJson(graphToJson(graph));
      for (const each of [graph, read]) {
        const plan = planGraph(each);
        const isOver = plan.shares.some(({ id, why }) => each.tensors[id].op === 'MINE' && why === 'reuse');
        expect(isOver).toBe(overwrites !== undefined);
        expect([...verifyPlan(each, plan), ...replayPlan(each, plan)]).toEqual([]);
      }
    }
  });

  it.each(['', 'NONE', 'ADD', 'VIEW', 7, null])('is not called %j', (op) => {
    expectError('BAD_ARGUMENT', 'CUSTOM: op', () => ctx.custom([x], { op: op as never, type: 'f32', ne: [8] }));
  });

  it('says what to do instead', () => {
    const x = input();
    const message = (call: () => unknown): string => expectError('BAD_ARGUMENT', /./, call).message;
    const own = { op: 'MINE', type: 'f32', ne: [8] } as const;
    expect(message(() => ctx.custom([x], { ...own, op: 'ADD' }))).toMatch(/for one of the library, call its method/);
    expect(message(() => ctx.custom(Array<Tensor>(10).fill(x), own))).toMatch(
      /at most 9\. Join some of them with concat/,
    );
    expect(message(() => ctx.custom([x, x], { ...own, overwrites: [2] }))).toMatch(
      /a position in the sources, 0 to 1\./,
    );
    expect(message(() => ctx.custom([], { ...own, overwrites: [0] }))).toMatch(/left out where there are no sources\./);
  });

  it.each([[() => 1], [[undefined]], [NaN], [{ deep: 1 }], [10n], [[Symbol('s')]]])('has no setting %#', (value) => {
    const params = { k: value as never };
    expectError('BAD_ARGUMENT', 'CUSTOM: params.k', () => ctx.custom([x], { type: 'f32', ne: [8], params }));
  });
});

describe('a custom operation with several results', () => {
  const results = [
    { type: 'f32', ne: [3], name: 'values' },
    { type: 'i64', ne: [2, 2] },
    { type: 'q8_0', ne: [32] },
  ] as const;

  it('has them one after another in one storage', () => {
    const tensors = ctx.customResults([input()], { op: 'MINE', results, name: 'mine', params: { k: 1 } });
    expectTypeOf(tensors).toEqualTypeOf<[Tensor, Tensor, Tensor]>();
    expect(tensors.map(({ name, type, ne, viewOffset }) => [name, type.name, ne, viewOffset])).toEqual([
      ['values', 'f32', [3, 1, 1, 1], 0],
      ['mine [1]', 'i64', [2, 2, 1, 1], 32],
      ['mine [2]', 'q8_0', [32, 1, 1, 1], 64],
    ]);
    const [node] = tensors[0].sources;
    expect([node!.op, node!.params, node!.byteLength]).toEqual(['MINE', { k: 1 }, 128]);
    for (const tensor of tensors) expect([tensor.root, tensor.sources]).toEqual([node, [node]]);
  });

  it('plans, survives a file, and is read back', () => {
    const [values, ids] = ctx.customResults([input()], { results, alignment: 256 });
    const graph = Graph.forward([ctx.setOutput(ctx.relu(values)), ctx.setOutput(ids)]);
    const read = graphFromJson(JSON.parse(JSON.stringify(graphToJson(graph))));
    for (const each of [graph, read]) {
      const plan = planGraph(each);
      expect([...verifyPlan(each, plan), ...replayPlan(each, plan, { order: 'stated' })]).toEqual([]);
    }
    const arena = planGraph(graph).allocate();
    arena.data(ids, 'i64')[3] = 5n;
    expect([...arena.result(ids, 'i64')]).toEqual([0n, 0n, 0n, 5n]);
    expect(ids.viewOffset).toBe(256);
  });

  it('has real bytes in an immediate context', () => {
    const immediate = Context.immediate();
    const [values] = immediate.customResults([], { results });
    expect(immediate.data(values, 'f32')).toHaveLength(3);
  });

  it('says what is wrong with them', () => {
    const make = (options: object) => () => ctx.customResults([], options as never);
    expectError('BAD_ARGUMENT', 'CUSTOM: results', make({ results: [] }));
    expectError('BAD_ARGUMENT', 'CUSTOM: results', make({}));
    expectError('BAD_ARGUMENT', 'CUSTOM: results[0]', make({ results: [null] }));
    expectError('BAD_ARGUMENT', 'typ of CUSTOM: results[0]', make({ results: [{ typ: 'f32', ne: [1] }] }));
    expectError('UNKNOWN_TYPE', 'CUSTOM: type of results[1]', make({ results: [results[0], { type: 'f', ne: [1] }] }));
    expectError('BAD_SHAPE', 'CUSTOM: results[0]', make({ results: [{ type: 'f32', ne: [-1] }] }));
    expectError('BAD_ALIGNMENT', 'CUSTOM: alignment', make({ results, alignment: 3 }));
  });
});
