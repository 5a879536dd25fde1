/**
 * What the compiler would have refused, handed in all the same: every way in says what it wants.
 */
import { describe, expect, it } from 'vitest';
import {
  ALLOCATORS,
  Context,
  createProblem,
  findHazards,
  Graph,
  graphFromJson,
  graphToJson,
  measureGraph,
  parseProblemCsv,
  planGraph,
  PlannerError,
  replayPlan,
  solve,
  verifyPlacement,
  verifyPlan,
  type GraphJson,
  type TensorJson,
} from '../src/index.js';
import { memoryMapOf, renderMap } from '../src/map/index.js';
import { fitContext, gridSize, measureModel, measureWeights, sweepModel } from '../src/models/index.js';
import { readGguf, type GgufSource } from '../src/gguf/index.js';
import { renderMapHtml } from '../src/viewer/index.js';
import { readFileSync } from 'node:fs';
import { expectError } from './support/expect-error.js';
import { projectPath } from './support/shared-data.js';

/** Whatever a caller without a compiler may pass. */
const bad = (value: unknown): never => value as never;

function smallGraph(): Graph {
  const ctx = Context.deferred();
  const x = ctx.setInput(ctx.newTensor('f32', [8], 'x'));
  return Graph.forward(ctx.setOutput(ctx.sqr(x)));
}

const graph = smallGraph();
const plan = planGraph(graph);
const bytes = readFileSync(projectPath('examples/phi-3-mini-4k.gguf'));
const gguf = await readGguf(bytes);

describe('graphs and plans', () => {
  for (const value of [null, 5, {}, 'x', Object.create(null) as object]) {
    it(`are not ${typeof value} ${JSON.stringify(value)}`, () => {
      expectError('BAD_ARGUMENT', 'graph', () => measureGraph(bad(value)));
      expectError('BAD_ARGUMENT', 'graph', () => planGraph(bad(value)));
      expectError('BAD_ARGUMENT', 'graph', () => findHazards(bad(value)));
      expectError('BAD_ARGUMENT', 'graph', () => graphToJson(bad(value)));
      expectError('BAD_ARGUMENT', 'graph', () => verifyPlan(bad(value), bad(value)));
      expectError('BAD_ARGUMENT', 'plan', () => verifyPlan(graph, bad(value)));
      expectError('BAD_ARGUMENT', 'plan', () => replayPlan(graph, bad(value)));
      expectError('BAD_ARGUMENT', 'problem', () => solve(bad(value)));
      expectError('BAD_ARGUMENT', 'source', () => renderMap(bad(value)));
      expectError('BAD_ARGUMENT', 'source', () => renderMapHtml(bad(value)));
      expectError('BAD_ARGUMENT', 'gguf', () => measureModel(bad(value)));
      expectError('BAD_ARGUMENT', 'gguf', () => measureWeights(bad(value)));
      expectError('BAD_ARGUMENT', 'gguf', () => fitContext(bad(value), 1));
      expectError('BAD_ARGUMENT', 'tensor', () => Graph.forward(bad(value)));
    });
  }

  it('are asked for by the maps of placements', () => {
    const problem = createProblem([{ size: 4, start: 0, end: 1 }]);
    expectError('BAD_ARGUMENT', 'schedule', () => memoryMapOf(plan, bad(plan)));
    for (const value of [null, 5, {}]) {
      expectError('BAD_ARGUMENT', 'problem', () => memoryMapOf(bad(value), bad(value)));
      expectError('BAD_ARGUMENT', 'placement', () => memoryMapOf(problem, bad(value)));
    }
    expectError('BAD_ARGUMENT', 'placement', () => memoryMapOf(problem, bad(plan)));
    for (const value of [null, 5, {}]) expectError('BAD_ARGUMENT', 'plan', () => memoryMapOf(bad(value)));
  });

  it('say that a promise was not awaited', () => {
    const error = expectError('BAD_ARGUMENT', 'gguf', () => measureModel(bad(Promise.resolve(gguf))));
    expect(error.remedy).toBe('Await the promise first.');
  });
});

describe('a thing that is nearly the right one', () => {
  const csv = parseProblemCsv('id,lower,upper,size\na,0,2,4\n');
  const placement = solve(csv.problem);

  it.each<readonly [found: string, call: () => unknown, remedy: RegExp]>([
    ['all that was read of a problem', () => solve(bad(csv)), /^Give its field `problem`/],
    ['the same, to an allocator', () => ALLOCATORS.auto.place(bad(csv)), /^Give its field `problem`/],
    ['the same, to a check', () => verifyPlacement(bad(csv), placement), /^Give its field `problem`/],
    [
      'a graph for a model',
      () => [...sweepModel(bad(graph), { ctxSize: [512] })],
      /^A graph has one size, .* measureGraph/,
    ],
    ['a graph for a model', () => measureModel(bad(graph)), /^A graph has one size/],
    ['a document for a graph', () => measureGraph(bad(graphToJson(graph))), /^Read it with graphFromJson first/],
    ['text for a document', () => graphFromJson('{"format":"tensor-graph"}'), /JSON\.parse/],
    ['bytes for a document', () => graphFromJson(new Uint8Array(9)), /JSON\.parse/],
  ])('is met with what to do: %s', (found, call, remedy) => {
    expect(expectError(found.endsWith('a document') ? 'BAD_DOCUMENT' : 'BAD_ARGUMENT', /./, call).remedy).toMatch(
      remedy,
    );
  });
});

describe('options', () => {
  it('are an object or left out, everywhere', () => {
    for (const value of [null, 'ggml', 3]) {
      expectError('BAD_ARGUMENT', 'options', () => measureGraph(graph, bad(value)));
      expectError('BAD_ARGUMENT', 'options', () => planGraph(graph, bad(value)));
      expectError('BAD_ARGUMENT', 'limits', () => verifyPlan(graph, plan, bad(value)));
      expectError('BAD_ARGUMENT', 'options', () => replayPlan(graph, plan, bad(value)));
      expectError('BAD_ARGUMENT', 'options', () => renderMap(plan, bad(value)));
      expectError('BAD_ARGUMENT', 'options', () => measureModel(gguf, bad(value)));
      expectError('BAD_ARGUMENT', 'options', () => measureModel(gguf, {}, bad(value)));
      expectError('BAD_ARGUMENT', 'options', () => fitContext(gguf, 1, bad(value)));
      expectError('BAD_ARGUMENT', 'grid', () => gridSize(bad(value)));
      expectError('BAD_ARGUMENT', 'grid', () => [...sweepModel(gguf, bad(value))]);
      expectError('BAD_ARGUMENT', 'memory', () => plan.allocate(bad(value)));
      expectError('BAD_ARGUMENT', 'memory range', () => Context.immediate(bad(value)));
    }
    expectError('BAD_ARGUMENT', 'budgetBytes', () => fitContext(gguf, bad('x')));
    expectError('BAD_ARGUMENT', 'grid.ctxSize', () => gridSize({ ctxSize: bad(4096) }));
  });
});

describe('pictures', () => {
  it.each<readonly [culprit: string, options: object]>([
    ...[NaN, Infinity, 1e9, '400', null].flatMap((pixels) => [
      ['width', { width: pixels }] as const,
      ['height', { height: pixels }] as const,
    ]),
    ['colors', { colors: 'kind' }],
    ['theme', { theme: null }],
    ['title', { title: 5 }],
    ['window', { window: null }],
    ['window.steps', { window: { steps: null } }],
    ['window.steps', { window: { steps: { from: 2, to: 2 }, bytes: { from: 0, to: 8 } } }],
    ['window.bytes', { window: { steps: { from: 0, to: 2 }, bytes: { from: NaN, to: 8 } } }],
  ])('have no %s as in %j', (culprit, options) => {
    expectError('BAD_ARGUMENT', culprit, () => renderMap(plan, bad(options)));
  });

  it('have a title that is text, in pages too', () => {
    expectError('BAD_ARGUMENT', 'title', () => renderMapHtml(plan, { title: bad(5) }));
  });
});

describe('memory', () => {
  it('is a buffer, not a view or a WebAssembly.Memory', () => {
    for (const buffer of [null, 5, new Uint8Array(4096), new WebAssembly.Memory({ initial: 1 })]) {
      expectError('BAD_ARGUMENT', 'buffer', () => plan.allocate({ buffer: bad(buffer) }));
      expectError('BAD_ARGUMENT', 'buffer', () => Context.immediate({ buffer: bad(buffer) }));
    }
  });

  it('of an arena that is too small is no matter of immediate contexts', () => {
    const error = expectError('OUT_OF_MEMORY', 'bytes of the arena', () =>
      plan.allocate({ buffer: new ArrayBuffer(8) }),
    );
    expect(error.remedy).not.toContain('immediate');
  });

  it('takes bigints where elements are bigints, and numbers where they are numbers', () => {
    const ctx = Context.immediate();
    const ids = ctx.newTensor('i64', [2], 'ids');
    const x = ctx.newTensor('f32', [2], 'x');
    expectError('BAD_ARGUMENT', 'values for ids', () => ctx.write(ids, [1, 2]));
    expectError('BAD_ARGUMENT', 'values for x', () => ctx.write(x, [1n, 2n]));
    expectError('BAD_ARGUMENT', 'values for x', () => ctx.write(x, bad(null)));
    expect([...ctx.data(ctx.write(ids, [1n, 2n]), 'i64')]).toEqual([1n, 2n]);
  });
});

describe('operands', () => {
  const ctx = Context.deferred();
  const x = ctx.newTensor('f32', [8], 'x');
  it('are tensors', () => {
    for (const value of [{}, 5, 'x']) {
      expectError('BAD_OPERAND', 'SQR: a', () => ctx.sqr(bad(value)));
      expectError('BAD_OPERAND', 'RELU: a', () => ctx.relu(bad(value)));
      expectError('BAD_OPERAND', 'ADD: b', () => ctx.add(x, bad(value)));
      expectError('BAD_OPERAND', 'setOutput: tensor', () => ctx.setOutput(bad(value)));
      expectError('BAD_OPERAND', 'setOutput: tensor', () => ctx.setOutput(ctx.sqr(x), bad(value)));
    }
    expectError('BAD_OPERAND', 'setInput: tensor', () => ctx.setInput(bad(null)));
    expectError('BAD_SHAPE', 'tensor', () => ctx.newTensor('f32', bad(null)));
  });

  it('are there, unless the operation can do without', () => {
    expectError('BAD_OPERAND', 'MUL_MAT: b', () => ctx.mulMat(x, bad(undefined)));
    expectError('BAD_OPERAND', 'SSM_CONV: kernel', () => ctx.ssmConv(x, bad(null)));
    expectError('BAD_OPERAND', 'FLASH_ATTN_EXT: mask', () => ctx.flashAttn(x, x, x, { mask: bad(5) }));
    expect(() => ctx.softMax(x, { mask: null })).not.toThrow();
    expect(() => ctx.custom([x, bad(null)], { type: 'f32', ne: [8] })).toThrow(
      'CUSTOM: operand 1, counted from 0, is missing.',
    );
  });

  it('that are no lists of numbers', () => {
    expectError('BAD_ARGUMENT', 'RESHAPE: ne', () => ctx.reshape(x, bad(null)));
    expectError('BAD_ARGUMENT', 'VIEW: nb', () => ctx.view(x, [4], bad(8)));
    expectError('BAD_ARGUMENT', 'PERMUTE: axes', () => ctx.permute(x, bad({})));
    expectError('BAD_ARGUMENT', 'CUSTOM: ne', () => ctx.custom([x], { type: 'f32', ne: bad(null) }));
  });
});

describe('problems', () => {
  it('are made of a list of buffers, or of text', () => {
    expectError('BAD_ARGUMENT', 'buffers', () => createProblem(bad(null)));
    expectError('BAD_ARGUMENT', 'buffer 0', () => createProblem([bad(null)]));
    expect(() => createProblem(new Array<never>(1))).toThrow(/^Buffer 0 is missing; it must be an object/);
    expectError('BAD_ARGUMENT', 'text', () => parseProblemCsv(bad(new Uint8Array(4))));
  });
});

describe('gaps', () => {
  it('are a list of objects', () => {
    for (const gaps of [null, 5, {}, 'ab', new Set()]) {
      expectError('BAD_BUFFER', 'gaps of buffer 0', () =>
        createProblem([{ size: 1, start: 0, end: 2, gaps: bad(gaps) }]),
      );
    }
    for (const gap of [null, 5]) {
      const gaps = [bad(gap)];
      expectError('BAD_BUFFER', 'gap of buffer 0', () => createProblem([{ size: 1, start: 0, end: 2, gaps }]));
    }
  });
});

describe('what solve may spend', () => {
  it('has the types that it should have', () => {
    const problem = createProblem([{ size: 9, start: 0, end: 1 }]);
    for (const options of [
      { timeLimitMs: '5' },
      { timeLimitMs: null },
      { maxChunkSize: '9' },
      { signal: 5 },
      { signal: {} },
      { onProgress: 5 },
    ]) {
      expectError('BAD_ARGUMENT', Object.keys(options)[0], () => solve(problem, bad(options)));
    }
  });
});

describe('GGUF sources', () => {
  for (const value of [null, undefined, 5, {}, true]) {
    it(`are not ${typeof value} ${JSON.stringify(value)}`, async () => {
      const error: unknown = await readGguf(bad(value)).catch((each: unknown) => each);
      expect(error).toBeInstanceOf(PlannerError);
      expect((error as PlannerError).code).toBe('BAD_ARGUMENT');
      expect((error as PlannerError).culprit).toBe('source');
    });
  }

  it('may be any view of bytes, and shared', async () => {
    const shared = new SharedArrayBuffer(bytes.length + 3);
    new Uint8Array(shared).set(bytes, 3);
    const whole = new SharedArrayBuffer(bytes.length);
    new Uint8Array(whole).set(bytes);
    const sources: GgufSource[] = [new DataView(shared, 3), new Uint8Array(shared, 3), whole];
    for (const source of sources) expect((await readGguf(source)).tensors).toEqual(gguf.tensors);
  });
});

describe('graph documents', () => {
  const ctx = Context.deferred();
  const w = Context.virtual().newTensor('f32', [8], 'w');
  const x = ctx.newTensor('f32', [8], 'x');
  const sum = ctx.add(ctx.view(x, [4]), ctx.view(w, [4]));
  const document = graphToJson(Graph.forward(sum));
  const withExternalView = (of: string): GraphJson => ({
    ...document,
    tensors: document.tensors.map((each): TensorJson =>
      each.name === `${of} (view)` ? { ...each, external: true } : each,
    ),
  });

  it('call a view external only if its storage is', () => {
    expectError('BAD_DOCUMENT', /external/, () => graphFromJson(withExternalView('x')));
    expect(graphToJson(graphFromJson(withExternalView('w')))).toEqual(document);
  });
});

it('a context made without saying where the bytes are, and outputs that are no list, are refused', () => {
  const make = Context as unknown as new (...args: unknown[]) => unknown;
  expectError('BAD_ARGUMENT', 'memory of a Context', () => new make());
  expectError('BAD_ARGUMENT', 'memory of a Context', () => new make('heap', null));
  const ctx = Context.deferred();
  const [y, z] = [1, 2].map((n) => ctx.relu(ctx.newTensor('f32', [n])));
  const graphs = Graph as unknown as { forward(...outputs: unknown[]): unknown };
  expectError('BAD_ARGUMENT', 'number of arguments', () => graphs.forward(y, z));
});
