/** Graph documents: what is accepted, and which error names which field for everything else. */
import { describe, expect, it } from 'vitest';
import { graphFromJson } from '../../src/json/read.js';
import { graphToJson, type GraphJson, type TensorJson } from '../../src/json/write.js';
import { findOperation } from '../../src/dialects/ggml/operations.js';
import { Context } from '../../src/dialects/ggml/context.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import { Graph } from '../../src/graph/graph.js';
import { measureGraph } from '../../src/plan/measure.js';
import { planGraph } from '../../src/plan/plan.js';
import { verifyPlan } from '../../src/verify/verify-plan.js';
import { expectError } from '../support/expect-error.js';

type Row = Omit<Partial<TensorJson>, never> & Record<string, unknown>;

/** Eight floats. */
function row(fields: Row = {}): Row {
  return {
    name: 'x',
    op: 'NONE',
    type: 'f32',
    shape: [8, 1, 1, 1],
    strides: [4, 32, 32, 32],
    byteLength: 32,
    ...fields,
  };
}

function documentOf(tensors: unknown, leafs: unknown, nodes: unknown): Record<string, unknown> {
  return { format: 'tensor-graph', version: 2, dialect: 'ggml', tensors, leafs, nodes };
}

/** x, y = relu(x), z = y + y; `changes` go into the rows by index. */
function chain(changes: Record<number, Row> = {}): Record<string, unknown> {
  const rows = [
    row(),
    row({ name: 'y', op: 'RELU', src: [0], inplace: true }),
    row({ name: 'z', op: 'ADD', src: [1, 1], inplace: true }),
  ];
  return documentOf(
    rows.map((each, id) => ({ ...each, ...changes[id] })),
    [0],
    [1, 2],
  );
}

describe('graphFromJson', () => {
  it('reads leafs, nodes, sources and marks', () => {
    const graph = graphFromJson(chain({ 0: { input: true }, 2: { output: true } }));
    expect(graph.nodes.map(({ name }) => name)).toEqual(['y', 'z']);
    expect(graph.nodes[1].sources).toEqual([graph.nodes[0], graph.nodes[0]]);
    expect([[...graph.inputs], [...graph.outputs]]).toEqual([[graph.leafs[0]], [graph.nodes[1]]]);
  });

  it('reads tensors in any order of rows', () => {
    const rows = [row({ name: 'z', op: 'ADD', src: [2, 2] }), row(), row({ name: 'y', op: 'RELU', src: [1] })];
    const graph = graphFromJson(documentOf(rows, [1], [2, 0]));
    expect(graph.tensors.map(({ name }) => name)).toEqual(['z', 'x', 'y']);
    expect(graphToJson(graph)).toEqual(documentOf(rows, [1], [2, 0]));
  });

  it('keeps names that are used twice, and fields that the operation table does not know', () => {
    const document = chain({
      1: { name: 'x', op: 'SOME_OP', params: { scale: 2, list: [1, [2]] } },
      2: { overwrites: [1] },
    });
    expect(graphToJson(graphFromJson(document))).toEqual(document);
  });

  it('gives tensors their operations: rows, one for each unknown name, and none where nothing computes', () => {
    const named = { op: 'SOME_OP', params: {}, inplace: true };
    const graph = graphFromJson(chain({ 1: named, 2: { ...named, src: [1] } }));
    const [x, y, z] = graph.tensors;
    expect([x.operation, x.op]).toEqual([null, 'NONE']);
    expect(y.operation).toBe(z.operation);
    expect(y.operation).toMatchObject({ name: 'SOME_OP', family: 'other', isPure: false, overwrites: [] });
    expect([y.op, y.overwritableSlots, y.reuseRule]).toEqual(['SOME_OP', [], { reusesAny: true, operands: [] }]);
    expect(graphFromJson(chain()).tensors[1].operation).toBe(findOperation('RELU'));
  });

  it('keeps a result that is written straight into another storage', () => {
    const cache = row({
      name: 'cache',
      shape: [16, 1, 1, 1],
      strides: [4, 64, 64, 64],
      byteLength: 64,
      external: true,
    });
    const place = { view: 0, viewOffset: 32 };
    const slot = row({ name: 'slot', op: 'VIEW', src: [0], ...place });
    const result = row({ name: 'y', op: 'RELU', src: [3], inplace: true, ...place, destination: 1 });
    const document = documentOf([cache, slot, result, row()], [0, 3], [1, 2]);
    const graph = graphFromJson(document);
    expect(graph.nodes[1].destination).toBe(graph.nodes[0]);
    expect(graphToJson(graph)).toEqual(document);
  });

  it('shares nothing with the document', () => {
    const document = chain({ 1: { params: { k: 1 } } });
    const graph = graphFromJson(document);
    const before = JSON.stringify(graphToJson(graph));
    const [first, second] = document.tensors as {
      shape: number[];
      strides: number[];
      src: number[];
      params: { k: number };
    }[];
    first.shape[0] = 99;
    first.strides[0] = 99;
    second.src[0] = 99;
    second.params.k = 99;
    graphToJson(graph).tensors[1].shape[0] = 99;
    expect(JSON.stringify(graphToJson(graph))).toBe(before);
  });
});

describe('versions and dialects', () => {
  /** The document as version 1 had it. */
  function asVersion1({ tensors, ...rest }: Record<string, unknown>): Record<string, unknown> {
    const rows = (tensors as TensorJson[]).map(({ shape: ne, strides: nb, byteLength: nbytes, ...row }) => {
      return { ...row, ne, nb, nbytes };
    });
    const document: Record<string, unknown> = { ...rest, version: 1, tensors: rows };
    delete document['dialect'];
    return document;
  }

  it('version 1 says the same in other words', () => {
    const document = chain({ 0: { input: true }, 2: { output: true } });
    expect(graphToJson(graphFromJson(asVersion1(document)))).toEqual(document);
    expectError('BAD_SHAPE', 'tensors[1] (y).ne', () => graphFromJson(asVersion1(chain({ 1: { shape: [8] } }))));
    expectError('WRONG_NBYTES', 'tensors[1] (y).nbytes', () =>
      graphFromJson(asVersion1(chain({ 1: { byteLength: 4 } }))),
    );
  });

  it('fields of one version are none of the other', () => {
    expectError('BAD_DOCUMENT', 'ne of tensors[0] (x)', () =>
      graphFromJson({ ...asVersion1(chain()), version: 2, dialect: 'ggml' }),
    );
    expectError('BAD_DOCUMENT', 'shape of tensors[0] (x)', () => graphFromJson({ ...chain(), version: 1 }));
  });

  it('an unknown dialect has tensors of any rank, and operations of which the file says what they may overwrite', () => {
    const layout = { shape: [2, 3, 1, 2, 2], strides: [4, 8, 24, 24, 48], byteLength: 96 };
    const rows = [
      row({ ...layout, input: true }),
      row({ ...layout, name: 'y', op: 'Erf', src: [0], overwrites: [0] }),
      row({ name: 'z', op: 'ReduceSum', src: [1], shape: [], strides: [], byteLength: 4, output: true }),
    ];
    const document = { ...documentOf(rows, [0], [1, 2]), dialect: 'stablehlo' };
    const graph = graphFromJson(document);
    expect(graphToJson(graph)).toEqual(document);
    expect(measureGraph(graph, { alignment: 4 }).bufferSize).toBe(100);
    expect(verifyPlan(graph, planGraph(graph, { alignment: 4 }))).toEqual([]);
    // ADD of ggml has another rule; what is called so elsewhere is not known.
    const added = graphFromJson({ ...chain(), dialect: 'other' });
    expect(added.nodes[1].operation).toMatchObject({ name: 'ADD', isKnown: false });
  });

  it('a graph of two dialects is refused', () => {
    const foreign = graphFromJson({ ...chain(), dialect: 'onnx' }).nodes[1];
    const both = Graph.forward(Context.deferred().relu(foreign));
    expectError('BAD_ARGUMENT', 'dialects of the graph', () => graphToJson(both));
  });
});

describe('a malformed document', () => {
  it.each([
    [null, 'graph document'],
    [undefined, 'graph document'],
    ['{}', 'graph document'],
    [[], 'graph document'],
    [{}, 'format'],
    [{ ...chain(), format: 'gguf' }, 'format'],
    [{ ...chain(), version: 3 }, 'version'],
    [{ ...chain(), dialect: 7 }, 'dialect'],
    [{ ...chain(), dialect: undefined }, 'dialect'],
    [{ ...chain(), version: '2' }, 'version'],
    [{ ...chain(), tensors: {} }, 'tensors'],
    [{ ...chain(), tensors: undefined }, 'tensors'],
    [{ ...chain(), leafs: undefined }, 'leafs'],
    [{ ...chain(), nodes: null }, 'nodes'],
    [documentOf(new Array(2), [], []), 'tensors[0]'],
    [documentOf([[]], [0], []), 'tensors[0]'],
    [chain({ 1: { name: 7 as never } }), 'tensors[1].name'],
    [chain({ 1: { op: null as never } }), 'tensors[1] (y).op'],
    [chain({ 1: { type: 0 as never } }), 'tensors[1] (y).type'],
    [chain({ 1: { shape: '8' as never } }), 'tensors[1] (y).shape'],
    [chain({ 1: { strides: { 0: 4 } as never } }), 'tensors[1] (y).strides'],
    [chain({ 1: { src: 0 as never } }), 'tensors[1] (y).src'],
    [chain({ 1: { output: 1 as never } }), 'tensors[1] (y).output'],
    [chain({ 1: { inplace: 'yes' as never } }), 'tensors[1] (y).inplace'],
    [chain({ 1: { params: [] as never } }), 'tensors[1] (y).params'],
    [chain({ 1: { viewOffset: 4 } }), 'tensors[1] (y).viewOffset'],
    [chain({ 1: { allocSize: 31 } }), 'tensors[1] (y).allocSize'],
    [chain({ 1: { allocSize: 32.5 } }), 'tensors[1] (y).allocSize'],
    [chain({ 1: { allocSize: Infinity } }), 'tensors[1] (y).allocSize'],
    [chain({ 0: { src: [2] }, 2: { src: [1, 1] }, 1: { op: 'MINE', src: [] } }), 'tensors[0] (x).src'],
    [chain({ 1: { src: [] } }), 'tensors[1] (y).src[0]'],
    [chain({ 1: { src: [0, 0] } }), 'tensors[1] (y).src'],
    [chain({ 2: { src: [-1, 0] } }), 'tensors[2] (z).src[0]'],
    [chain({ 2: { op: 'MUL_MAT', src: [1] } }), 'tensors[2] (z).src[1]'],
    [chain({ 1: { op: 'VIEW' } }), 'tensors[1] (y).view'],
    [chain({ 1: { op: 'DEPENDENCY' } }), 'tensors[1] (y).view'],
    [documentOf([row(), row({ src: [0] })], [0, 1], []), 'tensors[1] (x).src'],
  ])('%# is refused, naming the field', (document, culprit) => {
    expectError('BAD_DOCUMENT', culprit, () => graphFromJson(document));
  });

  it.each([
    ['BAD_SHAPE', chain({ 1: { shape: [8, 1, 1, 1, 1] } }), 'tensors[1] (y).shape'],
    ['BAD_SHAPE', chain({ 1: { shape: [8, 1, 1] } }), 'tensors[1] (y).shape'],
    ['BAD_SHAPE', chain({ 1: { shape: [] } }), 'tensors[1] (y).shape'],
    ['BAD_SHAPE', chain({ 1: { shape: [-8, 1, 1, 1] } }), 'tensors[1] (y).shape'],
    ['BAD_SHAPE', chain({ 1: { shape: [1.5, 1, 1, 1] } }), 'tensors[1] (y).shape'],
    ['BAD_SHAPE', chain({ 1: { shape: [NaN, 1, 1, 1] } }), 'tensors[1] (y).shape'],
    ['BAD_SHAPE', chain({ 1: { shape: [[8], 1, 1, 1] as never } }), 'tensors[1] (y).shape'],
    ['BAD_SHAPE', chain({ 1: { shape: ['8', 1, 1, 1] as never } }), 'tensors[1] (y).shape'],
    ['BAD_SHAPE', chain({ 1: { shape: [null, 1, 1, 1] as never } }), 'tensors[1] (y).shape'],
    ['BAD_SHAPE', chain({ 1: { shape: [2 ** 53, 1, 1, 1] } }), 'tensors[1] (y).shape'],
    ['BAD_SHAPE', chain({ 1: { strides: [4, -32, 32, 32] } }), 'tensors[1] (y).strides'],
    ['BAD_SHAPE', chain({ 1: { strides: [4, Infinity, 32, 32] } }), 'tensors[1] (y).strides'],
    ['BAD_SHAPE', chain({ 1: { type: 'q4_0', strides: [18, 18, 18, 18], byteLength: 4 } }), 'tensors[1] (y).shape'],
    ['BYTES_TOO_LARGE', chain({ 1: { shape: [8, 2 ** 50, 2 ** 50, 1] } }), 'tensors[1] (y)'],
    ['BYTES_TOO_LARGE', chain({ 1: { shape: [8, 2, 1, 1], strides: [4, 2 ** 53 - 1, 1, 1] } }), 'tensors[1] (y)'],
    ['UNKNOWN_TYPE', chain({ 1: { type: 'f33' } }), 'tensors[1] (y).type'],
    ['UNKNOWN_TYPE', chain({ 1: { type: '__proto__' } }), 'tensors[1] (y).type'],
    ['UNKNOWN_TYPE', chain({ 1: { type: 'constructor' } }), 'tensors[1] (y).type'],
    ['WRONG_NBYTES', chain({ 1: { byteLength: 33 } }), 'tensors[1] (y).byteLength'],
    ['WRONG_NBYTES', chain({ 1: { byteLength: undefined } }), 'tensors[1] (y).byteLength'],
    ['WRONG_NBYTES', chain({ 1: { byteLength: '32' as never } }), 'tensors[1] (y).byteLength'],
    ['DANGLING_INDEX', chain({ 1: { src: [3] } }), 'tensors[1] (y).src[0]'],
    ['DANGLING_INDEX', chain({ 1: { src: [0, -2] } }), 'tensors[1] (y).src[1]'],
    ['DANGLING_INDEX', chain({ 1: { src: [0.5] } }), 'tensors[1] (y).src[0]'],
    ['DANGLING_INDEX', chain({ 1: { src: [NaN] } }), 'tensors[1] (y).src[0]'],
    ['DANGLING_INDEX', chain({ 1: { src: ['__proto__'] as never } }), 'tensors[1] (y).src[0]'],
    ['DANGLING_INDEX', chain({ 1: { src: [[0]] as never } }), 'tensors[1] (y).src[0]'],
    ['DANGLING_INDEX', chain({ 1: { view: -1 } }), 'tensors[1] (y).view'],
    ['DANGLING_INDEX', chain({ 1: { view: 3 } }), 'tensors[1] (y).view'],
    ['DANGLING_INDEX', chain({ 1: { destination: 3 } }), 'tensors[1] (y).destination'],
    ['DANGLING_INDEX', chain({ 1: { overwrites: [1] } }), 'tensors[1] (y).overwrites[0]'],
    ['DANGLING_INDEX', chain({ 0: { overwrites: [0] } }), 'tensors[0] (x).overwrites[0]'],
    ['DANGLING_INDEX', { ...chain(), leafs: [3] }, 'leafs[0]'],
    ['DANGLING_INDEX', { ...chain(), nodes: [1, '2'] }, 'nodes[1]'],
    ['DANGLING_INDEX', { ...chain(), leafs: new Array(1) }, 'leafs[0]'],
    ['DANGLING_INDEX', documentOf([], [0], []), 'leafs[0]'],
    ['LISTED_TWICE', { ...chain(), leafs: [0, 0] }, 'leafs[1]'],
    ['LISTED_TWICE', { ...chain(), nodes: [1, 2, 1] }, 'nodes[2]'],
    ['LISTED_TWICE', { ...chain(), nodes: [1, 2, 0] }, 'nodes[2]'],
    ['NOT_LISTED', { ...chain(), nodes: [1] }, 'tensors[2] (z)'],
    ['NOT_LISTED', { ...chain(), leafs: [] }, 'tensors[0] (x)'],
    ['BAD_ORDER', { ...chain(), nodes: [2, 1] }, 'tensors[2] (z).src'],
    [
      'BAD_ORDER',
      documentOf([row({ op: 'MINE', src: [] }), row({ view: 0, viewOffset: 0 })], [1], [0]),
      'tensors[1] (x).view',
    ],
    ['CYCLE', chain({ 1: { src: [2] } }), /CYCLE tensors\[[12]\] \([yz]\)/],
    ['CYCLE', chain({ 2: { src: [2, 1] } }), 'tensors[2] (z).src[0]'],
    ['CYCLE', chain({ 2: { src: [1, 2] } }), 'tensors[2] (z).src[1]'],
    ['CYCLE', chain({ 1: { op: 'SOME_OP', src: [1] } }), 'tensors[1] (y).src[0]'],
    ['CYCLE', chain({ 1: { op: 'NONE', src: [1] } }), 'tensors[1] (y).src[0]'],
    ['CYCLE', chain({ 1: { op: 'CPY', src: [1, 0] } }), 'tensors[1] (y).src[0]'],
    ['CYCLE', chain({ 1: { view: 1, viewOffset: 0 } }), 'tensors[1] (y)'],
    [
      'CYCLE',
      chain({ 1: { view: 2, viewOffset: 0 }, 2: { view: 1, viewOffset: 0 } }),
      /CYCLE tensors\[[12]\] \([yz]\)/,
    ],
    ['CYCLE', chain({ 1: { destination: 1, view: 0, viewOffset: 0 } }), 'tensors[1] (y)'],
    [
      'CYCLE',
      chain({ 1: { destination: 2, view: 0, viewOffset: 0 }, 2: { view: 0, viewOffset: 0 } }),
      /CYCLE tensors\[[12]\] \([yz]\)/,
    ],
    ['BAD_VIEW', chain({ 1: { view: 0, viewOffset: 4 } }), 'tensors[1] (y).viewOffset'],
    ['BAD_VIEW', chain({ 1: { view: 0, viewOffset: -4 } }), 'tensors[1] (y).viewOffset'],
    ['BAD_VIEW', chain({ 1: { view: 0, viewOffset: 0.5 } }), 'tensors[1] (y).viewOffset'],
    ['BAD_VIEW', chain({ 1: { view: 0, viewOffset: '0' as never } }), 'tensors[1] (y).viewOffset'],
    ['BAD_VIEW', chain({ 1: { view: 0, viewOffset: 0 }, 2: { view: 1, viewOffset: 0 } }), 'tensors[2] (z).view'],
    ['BAD_VIEW', chain({ 1: { destination: 0 } }), 'tensors[1] (y).destination'],
    ['BAD_VIEW', chain({ 1: { destination: 0, view: 0, viewOffset: 4 } }), 'tensors[1] (y).destination'],
    [
      'BAD_VIEW',
      chain({ 1: { destination: 0, view: 0, viewOffset: 0, strides: [4, 64, 64, 64] } }),
      'tensors[1] (y).destination',
    ],
  ] as const)('%s: %#', (code, document, culprit) => {
    expectError(code, culprit, () => graphFromJson(document));
  });

  describe('holds results against the rules of their operations:', () => {
    const ctx = Context.deferred();
    const [x, w] = [ctx.newTensor('f32', [4, 2], 'x'), ctx.newTensor('f32', [4, 3], 'w')];
    const f32 = (...shape: number[]): Row => {
      const strides = [4, 4 * shape[0], 4 * shape[0] * shape[1], 4 * shape[0] * shape[1]];
      return { type: 'f32', shape: [...shape, 1, 1], strides, byteLength: 4 * shape[0] * shape[1] };
    };
    /** The document of one node, with other fields in the row of the node. */
    const damaged = (node: Tensor, fields: Row): GraphJson => {
      const document = graphToJson(Graph.forward(node));
      return { ...document, tensors: document.tensors.with(-1, { ...document.tensors.at(-1)!, ...fields }) };
    };

    it.each<readonly [node: Tensor, fields: Row, message: RegExp]>([
      [ctx.mulMat(w, x), f32(2, 3), /shape is \[2, 3, 1, 1\], but MUL_MAT makes \[3, 2, 1, 1\] of these operands/],
      [ctx.cont(x), f32(4, 3), /shape is \[4, 3, 1, 1\], but CONT makes \[4, 2, 1, 1\]/],
      [ctx.relu(x), { type: 'i32' }, /type is i32, but .* makes f32 of these operands/],
      [ctx.add(x, x), { type: 'i32' }, /type is i32, but ADD makes f32/],
      [ctx.concat(x, x, 1), f32(8, 2), /shape is \[8, 2, 1, 1\], but CONCAT makes \[4, 4, 1, 1\]/],
      [ctx.sumRows(x), f32(2, 1), /SUM_ROWS makes \[1, 2, 1, 1\]/],
      [ctx.rmsNorm(x, 1e-5), f32(2, 4), /RMS_NORM makes \[4, 2, 1, 1\]/],
      [ctx.mul(x, x), { src: [0, 0], ...f32(8, 1) }, /MUL makes \[4, 2, 1, 1\]/],
    ])('%#', (node, fields, message) => {
      const { op } = node;
      expect(expectError('BAD_DOCUMENT', /tensors/, () => graphFromJson(damaged(node, fields))).message).toMatch(
        message,
      );
      expect(graphFromJson(damaged(node, {})).nodes.at(-1)!.op).toBe(op);
    });

    it('operands that the operation does not take', () => {
      const document = graphToJson(Graph.forward(ctx.mulMat(w, x)));
      const tensors = document.tensors.map((each) => (each.name === 'w' ? { ...each, ...f32(5, 3) } : each));
      const error = expectError('BAD_DOCUMENT', /tensors/, () => graphFromJson({ ...document, tensors }));
      expect(error.message).toContain('cannot be computed. MUL_MAT: b is x (f32 [4, 2]), but must be');
    });

    it('only where the settings that decide are in the file', () => {
      const joined = ctx.concat(x, x, 1);
      expect(graphFromJson(damaged(joined, { ...f32(8, 2), params: undefined })).nodes).toHaveLength(1);
      const cast = ctx.cast(x, 'f16');
      const { params, ...row } = graphToJson(Graph.forward(cast)).tensors.at(-1)!;
      expect(params).toEqual({ type: 'f16' });
      expect(graphFromJson(damaged(cast, { ...row, params: undefined })).nodes[0].type.name).toBe('f16');
    });
  });

  it('is no way to touch a prototype', () => {
    const polluted = '"__proto__":{"polluted":true}';
    const document = JSON.stringify(chain({ 1: { name: '__proto__', params: {} } }));
    const ofTensor: unknown = JSON.parse(document.replace('"params":{}', polluted));
    expectError('BAD_DOCUMENT', '__proto__ of tensors[1]', () => graphFromJson(ofTensor));
    const text = document.replace('"params":{}', `"params":{${polluted}}`).replace(/^\{/, `{${polluted},`);
    const graph = graphFromJson(JSON.parse(text));
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    expect((graph.nodes[0].params as { polluted?: boolean }).polluted).toBeUndefined();
    expect(graphToJson(graph).tensors[1].name).toBe('__proto__');
    expect(JSON.stringify(graphToJson(graph))).toContain('"params":{"__proto__":{"polluted":true}}');
    expect(measureGraph(graph).bufferSize).toBe(32);
  });
});

describe('a huge document', () => {
  const COUNT = 300_000;

  it('with a chain of 300,000 nodes, listed last to first, is read and planned in linear time', () => {
    const rows = Array.from({ length: COUNT }, (_, id) =>
      row(id === COUNT - 1 ? {} : { op: 'RELU', src: [id + 1], inplace: true }),
    );
    const nodes = Array.from({ length: COUNT - 1 }, (_, index) => COUNT - 2 - index);
    const graph = graphFromJson(documentOf(rows, [COUNT - 1], nodes));
    expect(graph.nodes).toHaveLength(COUNT - 1);
    expect(measureGraph(graph, { allocator: 'ggml' })).toMatchObject({ bufferSize: 32, lowerBound: 32 });
  });

  it('with a cycle of 200,000 nodes is refused', () => {
    const count = 200_000;
    const rows = Array.from({ length: count }, (_, id) => row({ op: 'RELU', src: [(id + 1) % count] }));
    expectError('CYCLE', /tensors/, () => graphFromJson(documentOf(rows, [], [...rows.keys()])));
  });

  it('with 200,000 sources of one node is read', () => {
    const count = 200_000;
    const rows = Array.from({ length: count }, () => row());
    const reader = row({ op: 'MANY', src: [...rows.keys()].map((id) => id + 1) });
    const graph = graphFromJson(
      documentOf(
        [reader, ...rows],
        [...rows.keys()].map((id) => id + 1),
        [0],
      ),
    );
    expect(graph.nodes[0].sources).toHaveLength(count);
  });
});
