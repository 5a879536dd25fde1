/** Graphs of models that were made for the purpose: results, workspaces, bodies, functions, lists, declared operations. */
import { describe, expect, it } from 'vitest';
import { measureGraph, planGraph, PlannerError, verifyPlan, type Graph } from '../../src/index.js';
import { graphFromOnnx, readOnnx, type OnnxOptions } from '../../src/onnx/index.js';
import {
  FLOAT,
  graphOf,
  INT64,
  ints,
  nodesOf,
  valueOf,
  weight,
  writeOnnx,
  type ModelRow,
} from '../support/onnx-writer.js';

async function graphOfModel(row: ModelRow, options?: OnnxOptions): Promise<Graph> {
  return graphFromOnnx(await readOnnx(writeOnnx(row)), options);
}

async function errorOf(row: ModelRow, options?: OnnxOptions): Promise<PlannerError> {
  const model = await readOnnx(writeOnnx(row));
  try {
    graphFromOnnx(model, options);
  } catch (error) {
    if (error instanceof PlannerError) return error;
    throw error;
  }
  throw new Error('No error was thrown.');
}

/** `[name, op, shape as ONNX has it]` of each node. */
const rowsOf = (graph: Graph): unknown[] => graph.nodes.map(({ name, op, shape }) => [name, op, [...shape].reverse()]);

const x = valueOf('x', [2, 8]);

describe('results', () => {
  it('become one node each, and those that nobody reads a workspace', async () => {
    const graph = await graphOfModel({
      node: [
        ['Split', 'x', 'a unread b', { axis: 1, num_outputs: 3 }],
        ['Add', 'a a', 'c'],
        ['MatMul', 'b w', 'y'],
      ],
      input: [valueOf('x', [2, 9])],
      initializer: [weight('w', [3, 4])],
      outputs: 'c y',
    });
    expect(rowsOf(graph)).toEqual([
      ['Split workspace', 'Workspace', [64]],
      ['a', 'Split', [2, 3]],
      ['b', 'Split', [2, 3]],
      ['c', 'Add', [2, 3]],
      ['y', 'MatMul', [2, 4]],
    ]);
    expect(graph.nodes[2].params).toMatchObject({ result: 2 });
    const plan = planGraph(graph);
    expect(verifyPlan(graph, plan)).toEqual([]);
    const at = (name: string): { start: number; end: number } => plan.tensors.find((each) => each.name === name)!;
    // What is cut lives until its last part is there.
    expect(at('x').end).toBe(3);
    expect(at('Split workspace')).toMatchObject({ start: 0, end: 3 });
  });

  it('that no output needs are not computed, and inputs for these are left out', async () => {
    const graph = await graphOfModel({
      node: [
        ['Relu', 'x', 'y'],
        ['Exp', 'z', 'dead'],
      ],
      input: [x, valueOf('z', [4])],
      outputs: 'y',
    });
    expect(rowsOf(graph)).toEqual([['y', 'Relu', [2, 8]]]);
    expect([...graph.inputs].map(({ name }) => name)).toEqual(['x']);
  });

  it('that constants decide are weights', async () => {
    const graph = await graphOfModel({
      node: [
        ['Transpose', 'w', 't'],
        ['MatMul', 'x t', 'y'],
      ],
      input: [x],
      initializer: [weight('w', [4, 8])],
      outputs: 'y',
    });
    expect(rowsOf(graph)).toEqual([['y', 'MatMul', [2, 4]]]);
    expect(graph.leafs.find(({ name }) => name === 't')).toMatchObject({ memory: 'virtual', shape: [4, 8] });
  });

  it('of chains of shapes decide other shapes', async () => {
    const graph = await graphOfModel(
      {
        node: [
          ['Shape', 'x', 's'],
          ['Gather', 's zero', 'n'],
          ['Concat', 'n minus', 'wanted', { axis: 0 }],
          ['Reshape', 'x wanted', 'r'],
          ['Relu', 'r', 'y'],
        ],
        input: [valueOf('x', ['batch', 4, 6])],
        initializer: [ints('zero', [0]), ints('minus', [-1])],
        outputs: 'y',
      },
      { dims: { batch: 5 } },
    );
    expect(graph.nodes.at(-1)!.shape).toEqual([24, 5]);
    const view = graph.nodes.find(({ op }) => op === 'Reshape')!;
    expect(view.root.name).toBe('x');
  });

  it('overwrite operands only element by element', async () => {
    const graph = await graphOfModel({
      node: [
        ['Relu', 'x', 'a'],
        ['Softmax', 'a', 'b'],
        ['Sigmoid', 'b', 'y'],
      ],
      input: [x],
      outputs: 'y',
    });
    expect(measureGraph(graph, { alignment: 64 })).toMatchObject({ bufferCount: 2, bufferSize: 128 });
    expect(measureGraph(graph, { alignment: 64, reuse: 'off' }).bufferCount).toBe(4);
  });
});

describe('bodies', () => {
  const branch = (op: string): ReturnType<typeof graphOf> =>
    graphOf({
      node: [
        [op, 'x', 'big', { perm: [1, 0] }],
        ['MatMul', 'big x', `out_${op}`],
      ],
      outputs: `out_${op}`,
    });

  it('of If: the larger arena is a workspace, what they read is an operand', async () => {
    const graph = await graphOfModel({
      node: [['If', 'c', 'y', { then_branch: branch('Transpose'), else_branch: branch('Transpose') }]],
      input: [valueOf('c', [], 9), x],
      outputs: 'y',
    });
    const [workspace, node] = graph.nodes;
    expect(rowsOf(graph).map((row) => (row as unknown[])[1])).toEqual(['Workspace', 'If']);
    // Turned input, and the result within the body: 64 + 256 bytes.
    expect(workspace.byteLength).toBe(320);
    expect(node.sources.map((source) => source?.name)).toEqual(['c', 'x', 'If workspace']);
    expect(node.shape).toEqual([8, 8]);
  });

  it('of If: a branch that cannot run for these shapes is left out', async () => {
    const wrong = graphOf({ node: [['MatMul', 'x x', 'out']], outputs: 'out' });
    const fine = graphOf({ node: [['Relu', 'x', 'out']], outputs: 'out' });
    const row = (first: typeof wrong, second: typeof wrong): ModelRow => ({
      node: [['If', 'c', 'y', { then_branch: first, else_branch: second }]],
      input: [valueOf('c', [], 9), x],
      outputs: 'y',
    });
    expect((await graphOfModel(row(wrong, fine))).nodes.at(-1)!.shape).toEqual([8, 2]);
    expect((await errorOf(row(wrong, wrong))).code).toBe('BAD_MODEL');
  });

  const body = graphOf({
    node: [
      ['Identity', 'cond', 'again'],
      ['Add', 'v x', 'next'],
      ['ReduceSum', 'next', 'seen', { keepdims: 0 }],
    ],
    input: [valueOf('i', [], INT64), valueOf('cond', [], 9), valueOf('v', [2, 8])],
    outputs: 'again next seen',
  });

  it('of Loop: each run adds one row to what is collected', async () => {
    const row = (trips: number[]): ModelRow => ({
      node: [['Loop', 'trips _ x', 'last all', { body }]],
      input: trips.length === 0 ? [x, valueOf('trips', [], INT64)] : [x],
      initializer: trips.length === 0 ? [] : [ints('trips', trips, [])],
      outputs: 'last all',
    });
    const graph = await graphOfModel(row([7]));
    expect(graph.nodes.map(({ name, shape }) => [name, shape])).toEqual([
      ['Loop workspace', [64 * 3]],
      ['last', [8, 2]],
      ['all', [7]],
    ]);
    const error = await errorOf(row([]));
    expect(error).toMatchObject({ code: 'UNKNOWN_SHAPE', culprit: 'all' });
    const bounded = await graphOfModel(row([]), { bounds: { all: [100] } });
    expect(bounded.nodes.at(-1)!.shape).toEqual([100]);
  });

  it('of Scan: slices along a dimension', async () => {
    const scanned = graphOf({
      node: [
        ['Add', 'state slice', 'after'],
        ['Relu', 'after', 'out'],
      ],
      input: [valueOf('state', [8]), valueOf('slice', [8])],
      outputs: 'after out',
    });
    const graph = await graphOfModel({
      node: [['Scan', 's x', 'final all', { body: scanned, num_scan_inputs: 1, scan_output_axes: [1] }]],
      input: [valueOf('s', [8]), x],
      outputs: 'final all',
    });
    expect(graph.nodes.slice(1).map(({ name, shape }) => [name, shape])).toEqual([
      ['final', [8]],
      ['all', [2, 8]],
    ]);
  });
});

describe('functions, lists and declared operations', () => {
  it('stand in the place of the nodes that call them', async () => {
    const functions = [
      {
        name: 'Twice',
        domain: 'own',
        input: ['a'],
        output: ['b'],
        attribute: ['alpha'],
        opsetImport: [{ domain: '', version: 18n }],
        node: nodesOf([
          ['LeakyRelu', 'a', 'm'],
          ['Transpose', 'm', 'b'],
        ]),
      },
    ];
    const graph = await graphOfModel({
      node: [
        ['Twice', 'x', 'y', {}, 'own'],
        ['Twice', 'y', 'z', {}, 'own'],
      ],
      input: [x],
      outputs: 'z',
      more: { functions },
    });
    expect(graph.nodes.map(({ op }) => op)).toEqual(['LeakyRelu', 'Transpose', 'LeakyRelu', 'Transpose']);
    expect(graph.nodes.at(-1)!.shape).toEqual([8, 2]);
  });

  it('do not call themselves without end', async () => {
    const functions = [
      {
        name: 'Again',
        domain: 'own',
        input: ['a'],
        output: ['b'],
        opsetImport: [{ domain: '', version: 18n }],
        node: nodesOf([
          ['Again', 'a', 'm', {}, 'own'],
          ['Again', 'm', 'b', {}, 'own'],
        ]),
      },
    ];
    const error = await errorOf({
      node: [['Again', 'x', 'y', {}, 'own']],
      input: [x],
      outputs: 'y',
      more: { functions },
    });
    expect(error.code).toBe('BAD_MODEL');
    expect(error.message).toContain('too deep');
  });

  it('resolve lists of tensors', async () => {
    const graph = await graphOfModel({
      node: [
        ['SequenceConstruct', 'x x', 'list'],
        ['Relu', 'x', 'r'],
        ['SequenceInsert', 'list r', 'longer'],
        ['SequenceErase', 'longer zero', 'shorter'],
        ['SequenceAt', 'shorter one', 'item'],
        ['ConcatFromSequence', 'shorter', 'joined', { axis: 0 }],
        ['ConcatFromSequence', 'shorter', 'stacked', { axis: 0, new_axis: 1 }],
        ['Optional', 'item', 'maybe'],
        ['OptionalGetElement', 'maybe', 'got'],
        ['Neg', 'got', 'y'],
      ],
      input: [x],
      initializer: [ints('zero', [0], []), ints('one', [1], [])],
      outputs: 'y joined stacked',
    });
    expect(rowsOf(graph)).toEqual([
      ['r', 'Relu', [2, 8]],
      ['joined', 'ConcatFromSequence', [4, 8]],
      ['stacked', 'ConcatFromSequence', [2, 2, 8]],
      ['y', 'Neg', [2, 8]],
    ]);
  });

  it('take the results that the caller declares', async () => {
    const row: ModelRow = { node: [['Stretch', 'x', 'y', { by: 3 }, 'com.acme']], input: [x], outputs: 'y' };
    const error = await errorOf(row);
    expect(error).toMatchObject({ code: 'UNKNOWN_OPERATION', value: 'com.acme.Stretch' });
    const graph = await graphOfModel(row, {
      operations: {
        'com.acme.Stretch': ({ inputs: [input], attributes }) => [
          { type: 'f16', shape: [input!.shape[0], input!.shape[1] * (attributes['by'] as number)] },
        ],
      },
    });
    expect(graph.nodes[0]).toMatchObject({ op: 'com.acme.Stretch', shape: [24, 2] });
    expect(graph.nodes[0].operation).toMatchObject({ isKnown: false, overwrites: [] });
  });
});

/** `[op, shapes of the inputs, attributes, shapes of the results]`, as ONNX Runtime's documentation has them. */
const CONTRIB: readonly (readonly [
  string,
  readonly (readonly number[] | null)[],
  Record<string, number | number[]>,
  readonly number[][],
])[] = [
  [
    'Attention',
    [[2, 7, 12], [12, 36], [36]],
    { num_heads: 4 },
    [
      [2, 7, 12],
      [2, 2, 4, 7, 3],
    ],
  ],
  [
    'MultiHeadAttention',
    [
      [2, 7, 12],
      [2, 9, 12],
      [2, 9, 20],
    ],
    { num_heads: 4 },
    [
      [2, 7, 20],
      [2, 4, 9, 3],
      [2, 4, 9, 5],
    ],
  ],
  [
    'GroupQueryAttention',
    [
      [2, 7, 12],
      [2, 7, 6],
      [2, 7, 6],
      [2, 2, 5, 3],
      [2, 2, 5, 3],
    ],
    { num_heads: 4, kv_num_heads: 2 },
    [
      [2, 7, 12],
      [2, 2, 12, 3],
    ],
  ],
  ['BiasGelu', [[2, 7, 12], [12]], {}, [[2, 7, 12]]],
  ['FastGelu', [[2, 7, 12], [12]], {}, [[2, 7, 12]]],
  ['SkipLayerNormalization', [[2, 7, 12], [2, 7, 12], [12], [12]], {}, [[2, 7, 12]]],
  [
    'FusedConv',
    [
      [1, 3, 8, 8],
      [6, 3, 3, 3],
    ],
    { pads: [1, 1, 1, 1], strides: [2, 2] },
    [[1, 6, 4, 4]],
  ],
  [
    'FusedMatMul',
    [
      [2, 5, 3],
      [2, 5, 4],
    ],
    { transA: 1 },
    [[2, 3, 4]],
  ],
  ['MatMulNBits', [[2, 7, 64], [12, 2, 16], [24]], { K: 64, N: 12, bits: 4, block_size: 32 }, [[2, 7, 12]]],
  ['QLinearConcat', [[], [], [2, 3], [], [], [2, 5], [], []], { axis: 1 }, [[2, 8]]],
  ['RotaryEmbedding', [[2, 7, 12], [1], [9, 3], [9, 3]], {}, [[2, 7, 12]]],
];

describe('operations of com.microsoft', () => {
  it.each(CONTRIB)('%s', async (op, shapes, attributes, results) => {
    const names = shapes.map((_, index) => `i${index}`);
    const outputs = results.map((_, index) => `o${index}`).join(' ');
    const graph = await graphOfModel({
      node: [[op, names.join(' '), outputs, attributes, 'com.microsoft']],
      input: shapes.map((shape, index) => valueOf(names[index], shape ?? [], FLOAT)),
      outputs,
    });
    expect(graph.nodes.map(({ shape }) => [...shape].reverse())).toEqual(results);
  });
});

describe('errors', () => {
  const relu: ModelRow = { node: [['Relu', 'x', 'y']], input: [valueOf('x', ['batch', 8])], outputs: 'y' };

  it.each<[string, ModelRow, OnnxOptions | undefined, string, RegExp]>([
    [
      'an open dimension',
      relu,
      undefined,
      'UNKNOWN_SHAPE',
      /`x` has the shape \[batch, 8\], and needs a length for batch/,
    ],
    ['an unknown dimension', relu, { dims: { bach: 1 } }, 'BAD_ARGUMENT', /no dimension bach, but batch/],
    ['an unknown input', relu, { inputs: { z: [1] } }, 'BAD_ARGUMENT', /no input z/],
    ['a shape that does not fit', relu, { inputs: { x: [2, 9] } }, 'BAD_ARGUMENT', /given the shape \[2, 9\]/],
    ['a negative length', relu, { dims: { batch: -1 } }, 'BAD_ARGUMENT', /`dims.batch` is -1/],
    ['an old version', { ...relu, opset: 6 }, { dims: { batch: 1 } }, 'BAD_MODEL', /version 6 .* version 7 to 24/],
    [
      'a later node',
      {
        ...relu,
        node: [
          ['Relu', 'z', 'y'],
          ['Relu', 'x', 'z'],
        ],
      },
      { dims: { batch: 1 } },
      'BAD_MODEL',
      /reads `z`, which nothing before it computes/,
    ],
    [
      'a value twice',
      {
        ...relu,
        node: [
          ['Relu', 'x', 'y'],
          ['Relu', 'x', 'y'],
        ],
      },
      { dims: { batch: 1 } },
      'BAD_MODEL',
      /`y` is computed twice/,
    ],
    [
      'shapes that differ',
      { ...relu, node: [['MatMul', 'x x', 'y']] },
      { dims: { batch: 3 } },
      'BAD_MODEL',
      /MatMul of y multiplies matrices that do not fit, of operands \[3, 8\], \[3, 8\]/,
    ],
    [
      'a shape of values',
      { ...relu, node: [['NonZero', 'x', 'y']] },
      { dims: { batch: 3 } },
      'UNKNOWN_SHAPE',
      /bounds: \{ "y": \[2, 24\] \}/,
    ],
    ['too many bytes', relu, { dims: { batch: 2 ** 52 } }, 'BYTES_TOO_LARGE', /./],
  ])('name %s', async (_, row, options, code, message) => {
    const error = await errorOf(row, options);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
  });
});

describe('windows', () => {
  const model = (op: string, width: number): ModelRow => ({
    node: [[op, op === 'Conv' ? 'x w' : 'x', 'y', { kernel_shape: [3] }]],
    input: [valueOf('x', [1, 2, width])],
    initializer: [weight('w', [2, 2, 3])],
    outputs: 'y',
  });

  it.each(['Conv', 'MaxPool'])('of %s do not reach beyond an image, but for one without elements', async (op) => {
    expect(rowsOf(await graphOfModel(model(op, 3)))).toEqual([['y', op, [1, 2, 1]]]);
    expect(rowsOf(await graphOfModel(model(op, 0)))).toEqual([['y', op, [1, 2, 0]]]);
    const { code, message } = await errorOf(model(op, 2));
    expect([code, message]).toEqual(['BAD_MODEL', expect.stringContaining('window of 3 elements over 2')]);
  });
});
