/** Graphs of small files: several results, subgraphs, views, variables, custom operations, and what is wrong with files. */
import { describe, expect, it } from 'vitest';
import { measureGraph, planGraph, verifyPlan, type Graph } from 'tensor-arena';
import { graphFromTflite, readTflite, TFLITE_CONVENTIONS, type TfliteGraphOptions } from 'tensor-arena/tflite';
import { expectRefusal } from '../support/expect-refusal.js';
import { tfliteFile, type OperatorText, type SubgraphText, type TensorText } from '../support/tflite-file.js';

const ALONE = { alignment: 1, reuse: 'off', runtime: 'none' } as const;

/** One subgraph whose tensors of the same shape are all that its operators name. */
const chain = (
  operators: readonly OperatorText[],
  outputs: readonly string[],
  more: readonly TensorText[] = [],
): SubgraphText => {
  const names = new Set(operators.flatMap(({ inputs, outputs: results }) => [...inputs, ...results]));
  const own = [...names].filter((name) => name !== null && !more.some((each) => each.name === name)) as string[];
  return { tensors: [...own.map((name) => ({ name, shape: [1, 100] })), ...more], inputs: ['x'], outputs, operators };
};

const graphOf = async (subgraphs: readonly SubgraphText[], options?: TfliteGraphOptions): Promise<Graph> => {
  const graph = graphFromTflite(await readTflite(tfliteFile(subgraphs)), options);
  expect(verifyPlan(graph, planGraph(graph, { runtime: 'none' }), { runtime: 'none' })).toEqual([]);
  return graph;
};
const bytesOf = (graph: Graph): number => measureGraph(graph, ALONE).bufferSize;
const op = (name: string, inputs: readonly (string | null)[], outputs: readonly string[]): OperatorText => ({
  op: name,
  inputs,
  outputs,
});

describe('lifetimes', () => {
  it('keep operand and result apart for one step', async () => {
    // x, a, b, c take turns: two at a time.
    const graph = await graphOf([
      chain([op('RELU', ['x'], ['a']), op('RELU', ['a'], ['b']), op('RELU', ['b'], ['c'])], ['c']),
    ]);
    expect(bytesOf(graph)).toBe(800);
  });

  it('let an element-wise result overwrite its operand', async () => {
    const graph = await graphOf([chain([op('RELU', ['x'], ['a']), op('ADD', ['a', 'a'], ['b'])], ['b'])]);
    expect(measureGraph(graph, { alignment: 1, runtime: 'none' }).bufferSize).toBe(400);
  });

  it('hold all results of an operator at once, and one that nobody reads no longer', async () => {
    // At TOP: x, a, b and c. At the second step a and d; b and c are dead.
    const graph = await graphOf([
      chain([op('TOP', ['x'], ['a', 'b', 'c']), op('WIDE', ['a'], ['d'])], ['d'], [{ name: 'd', shape: [1, 300] }]),
    ]);
    expect(bytesOf(graph)).toBe(1600);
    const wider = await graphOf([
      chain([op('TOP', ['x'], ['a', 'b', 'c']), op('WIDE', ['a'], ['d'])], ['d'], [{ name: 'd', shape: [1, 301] }]),
    ]);
    expect(bytesOf(wider)).toBe(1604);
  });

  it('end a result that nobody reads', async () => {
    const graph = await graphOf([
      chain([op('RELU', ['x'], ['dead']), op('WIDE', ['x'], ['y'])], ['y'], [{ name: 'y', shape: [1, 200] }]),
    ]);
    expect(bytesOf(graph)).toBe(1200);
  });

  it('keep inputs to the end where the runtime does', async () => {
    const file = [chain([op('RELU', ['x'], ['a']), op('RELU', ['a'], ['b']), op('RELU', ['b'], ['c'])], ['c'])];
    expect(bytesOf(await graphOf(file, { convention: 'tflite' }))).toBe(1200);
  });

  it('give an operator the memory that nothing else computes', async () => {
    const scratch: TensorText = { name: 'scratch', shape: [1, 500] };
    const graph = await graphOf([chain([op('NPU', ['x', 'scratch'], ['y'])], ['y'], [scratch])]);
    expect(bytesOf(graph)).toBe(400 + 2000 + 400);
  });

  it('leave variables and constants out', async () => {
    const more: TensorText[] = [
      { name: 'state', shape: [1, 1000], isVariable: true },
      { name: 'w', shape: [100, 100], values: [1, 2, 3] },
    ];
    const graph = await graphOf([
      chain([op('RELU', ['x'], ['a']), op('MINE', ['a', 'w', 'state'], ['y'])], ['y'], more),
    ]);
    expect(bytesOf(graph)).toBe(800);
    expect(graph.leafs.filter(({ memory }) => memory === 'virtual').map(({ name }) => name)).toEqual(['w', 'state']);
  });

  it('make what constants become once', async () => {
    const more: TensorText[] = [
      { name: 'half', type: 'f16', shape: [100, 100], values: [1] },
      { name: 'full', shape: [100, 100] },
    ];
    const file = [chain([op('DEQUANTIZE', ['half'], ['full']), op('MINE', ['x', 'full'], ['y'])], ['y'], more)];
    expect(bytesOf(await graphOf(file))).toBe(400 + 40_000 + 400);
    expect(bytesOf(await graphOf(file, { convention: 'tflite' }))).toBe(800);
  });
});

describe('element types', () => {
  const bytesOfInput = async (type: string, shape: readonly number[]): Promise<number> => {
    const file = [
      chain(
        [op('MINE', ['x'], ['y'])],
        ['y'],
        [
          { name: 'x', type, shape },
          { name: 'y', type: 'bool', shape: [1] },
        ],
      ),
    ];
    return bytesOf(await graphOf(file)) - 1;
  };

  it('of less than a byte are packed, whatever the dimensions', async () => {
    expect(await bytesOfInput('i4', [3, 3])).toBe(5);
    expect(await bytesOfInput('i2', [3, 3])).toBe(3);
  });

  it('that their runtime manages itself take nothing', async () => {
    expect(await bytesOfInput('string', [100])).toBe(0);
    expect(await bytesOfInput('resource', [])).toBe(4);
  });

  it('may have any number of dimensions', async () => {
    expect(await bytesOfInput('u8', [])).toBe(1);
    expect(await bytesOfInput('c64', [2, 2, 2, 2, 2, 2])).toBe(512);
    expect(await bytesOfInput('f32', [4, 0, 4])).toBe(0);
  });
});

describe('views', () => {
  const file = [
    chain(
      [op('RELU', ['x'], ['a']), op('RESHAPE', ['a', 'shape'], ['b']), op('WIDE', ['b'], ['y'])],
      ['y'],
      [
        { name: 'shape', type: 'i32', shape: [2], values: [100, 1] },
        { name: 'b', shape: [100, 1] },
      ],
    ),
  ];

  it('look into the operand where the runtime bears it', async () => {
    const graph = await graphOf(file);
    const [view] = graph.nodes.filter(({ isView }) => isView);
    expect([view.name, view.op, view.params.of, view.shape]).toEqual(['b', 'VIEW', 'RESHAPE', [1, 100]]);
    const apart = await graphOf(file, { convention: { ...TFLITE_CONVENTIONS['tflite-micro'], views: [] } });
    expect(apart.nodes.filter(({ isView }) => isView)).toEqual([]);
  });

  it('never look into a constant', async () => {
    const more: TensorText[] = [
      { name: 'w', shape: [1, 100], values: [1] },
      { name: 'shape', type: 'i32', shape: [1], values: [-1] },
      { name: 'b', shape: [100] },
    ];
    const graph = await graphOf([
      chain([op('RESHAPE', ['w', 'shape'], ['b']), op('MINE', ['x', 'b'], ['y'])], ['y'], more),
    ]);
    expect(graph.nodes.filter(({ isView }) => isView)).toEqual([]);
  });
});

describe('subgraphs', () => {
  const flag: TensorText = { name: 'c', type: 'bool', shape: [1] };
  const branch = (width: number): SubgraphText => ({
    tensors: [
      { name: 'i', shape: [1, 100] },
      { name: 'm', shape: [1, width] },
      { name: 'o', shape: [1, 100] },
    ],
    inputs: ['i'],
    outputs: ['o'],
    operators: [op('GROW', ['i'], ['m']), op('SHRINK', ['m'], ['o'])],
  });
  const main: SubgraphText = {
    tensors: [{ name: 'x', shape: [1, 100] }, flag, { name: 'y', shape: [1, 100] }],
    inputs: ['x', 'c'],
    outputs: ['y'],
    operators: [{ op: 'IF', inputs: ['c', 'x'], outputs: ['y'], options: { 0: 1, 1: 2 } }],
  };

  it('are planned on top of what is alive, each by itself', async () => {
    // x, y and the flag, and in a branch i and m, then m and o.
    const graph = await graphOf([main, branch(500), branch(700)]);
    expect(bytesOf(graph)).toBe(400 + 400 + 1 + 400 + 2800);
  });

  it('that run themselves are refused', async () => {
    const loop: SubgraphText = {
      ...main,
      operators: [{ op: 'IF', inputs: ['c', 'x'], outputs: ['y'], options: { 0: 1, 1: 1 } }],
    };
    await expectRefusal('BAD_TFLITE', () => readTflite(tfliteFile([main, loop, branch(1)])), /subgraph 1 runs itself/);
  });

  it('that would run without an end are refused', async () => {
    const twice = (next: number): SubgraphText => ({
      ...main,
      operators: Array.from({ length: 8 }, (_, index) => ({
        op: 'IF',
        inputs: ['c', 'x'],
        outputs: [`y${index}`],
        options: { 0: next, 1: next },
      })),
      outputs: [],
      tensors: [
        { name: 'x', shape: [1, 100] },
        flag,
        ...Array.from({ length: 8 }, (_, index) => ({ name: `y${index}`, shape: [1, 100] })),
      ],
    });
    const model = await readTflite(
      tfliteFile([...Array.from({ length: 12 }, (_, index) => twice(index + 1)), branch(1)]),
    );
    await expectRefusal('BAD_TFLITE', () => graphFromTflite(model), /runs more than 50000 operators/);
  });
});

describe('shapes', () => {
  const weights: TensorText = { name: 'w', shape: [10, 100], values: [1] };
  const dense = (stated: readonly number[]): SubgraphText[] => [
    chain([op('FULLY_CONNECTED', ['x', 'w', null], ['y'])], ['y'], [weights, { name: 'y', shape: stated }]),
  ];

  it('follow the shape of an input', async () => {
    const ways: readonly TfliteGraphOptions[] = [
      { inputs: { x: [7, 100] } },
      { dims: { 'x.0': 7 } },
      { dims: { '0': 7 } },
    ];
    for (const options of ways) {
      const graph = await graphOf(dense([1, 10]), options);
      expect(graph.nodes[0].shape).toEqual([10, 7]);
    }
  });

  it('of a file at odds with itself are refused', async () => {
    const model = await readTflite(tfliteFile(dense([1, 11])));
    await expectRefusal(
      'BAD_TFLITE',
      () => graphFromTflite(model),
      /states the shape \[1, 11\].*FULLY_CONNECTED y.*\[1, 10\]/,
    );
  });

  it('that an operation cannot take are refused', async () => {
    const model = await readTflite(tfliteFile(dense([1, 10])));
    const work = (): unknown => graphFromTflite(model, { inputs: { x: [7, 99] } });
    await expectRefusal('BAD_OPERAND', work, /input of FULLY_CONNECTED y is \[7, 99\].*multiple of 100 elements/);
  });

  it('of custom operations are asked for where an input has another shape', async () => {
    const file = [chain([op('MINE', ['x'], ['a']), op('RELU', ['a'], ['y'])], ['y'])];
    const model = await readTflite(tfliteFile(file));
    await expectRefusal('UNKNOWN_SHAPE', () => graphFromTflite(model, { dims: { '0': 2 } }), /shape of `a`.*MINE a/);
    const graph = await graphOf(file, { dims: { '0': 2 }, bounds: { a: [2, 50] } });
    expect(graph.nodes.map(({ shape }) => shape)).toEqual([
      [50, 2],
      [50, 2],
    ]);
  });

  it('are computed where the file computes them', async () => {
    const int = (name: string, values: readonly number[]): TensorText => ({
      name,
      type: 'i32',
      shape: [values.length],
      values,
    });
    const more: TensorText[] = [
      { name: 'x', shape: [1, 4, 25], signature: [-1, 4, 25] },
      { name: 's', type: 'i32', shape: [3] },
      { name: 'batch', type: 'i32', shape: [] },
      int('zero', [0]),
      int('one', [1]),
      { name: 'rest', type: 'i32', shape: [], values: [-1] },
      { name: 'to', type: 'i32', shape: [2] },
      { name: 'y', shape: [1, 100] },
    ];
    const operators: OperatorText[] = [
      op('SHAPE', ['x'], ['s']),
      { ...op('STRIDED_SLICE', ['s', 'zero', 'one', 'one'], ['batch']), options: { 4: 1 } },
      { ...op('PACK', ['batch', 'rest'], ['to']), options: { 0: 2 } },
      op('RESHAPE', ['x', 'to'], ['y']),
    ];
    const graph = await graphOf([chain(operators, ['y'], more)], { dims: { '0': 6 } });
    expect(graph.nodes.at(-1)!.shape).toEqual([100, 6]);
  });

  it('let custom operations overwrite what the caller declares', async () => {
    const file = [chain([op('RELU', ['x'], ['a']), op('MINE', ['a'], ['y'])], ['y'])];
    const options = { alignment: 1, runtime: 'none' } as const;
    expect(measureGraph(await graphOf(file), options).bufferSize).toBe(800);
    expect(measureGraph(await graphOf(file, { overwrites: { MINE: [0] } }), options).bufferSize).toBe(400);
  });
});

describe('files at odds with themselves', () => {
  it('are refused for a tensor that nothing computes', async () => {
    const model = await readTflite(
      tfliteFile([chain([op('ADD', ['x', 'late'], ['y']), op('RELU', ['y'], ['late'])], ['late'])]),
    );
    await expectRefusal(
      'BAD_TFLITE',
      () => graphFromTflite(model),
      /ADD y reads `late`, which nothing has computed by then/,
    );
  });

  it('are refused for a tensor that is computed twice', async () => {
    const model = await readTflite(tfliteFile([chain([op('RELU', ['x'], ['y']), op('RELU', ['x'], ['y'])], ['y'])]));
    await expectRefusal('BAD_TFLITE', () => graphFromTflite(model), /computes `y`, which has a value before/);
  });

  it('are refused for more bytes than can be counted', async () => {
    const long = [2 ** 30, 2 ** 30];
    const file: SubgraphText = { tensors: [{ name: 'x', shape: long }], inputs: ['x'], outputs: ['x'], operators: [] };
    const model = await readTflite(tfliteFile([file]));
    await expectRefusal('BYTES_TOO_LARGE', () => graphFromTflite(model), /./);
  });
});
