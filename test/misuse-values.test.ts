/** Single values where lists belong, lists where objects belong, numbers of the wrong kind: all are refused by name. */
import { describe, expect, it } from 'vitest';
import {
  Context,
  createProblem,
  formatPlacementCsv,
  Graph,
  graphFromJson,
  graphToJson,
  parseProblemCsv,
  planGraph,
  verifyPlacement,
  verifyPlan,
} from '../src/index.js';
import { arbitraryGraph, arbitraryProblem, assertPlanCorrect, compareExecutions } from '../src/testing/index.js';
import { expectError } from './support/expect-error.js';

/** Whatever a caller without a compiler may pass. */
const bad = (value: unknown): never => value as never;

const ctx = Context.deferred();
const x = ctx.setInput(ctx.newTensor('f32', [4, 3], 'x'));
const ids = ctx.setInput(ctx.newTensor('i64', [2], 'ids'));
const graph = Graph.forward([ctx.setOutput(ctx.cont(ctx.transpose(x))), ctx.setOutput(ctx.dup(ids))]);
const plan = planGraph(graph);

describe('operations of the caller’s own', () => {
  it('take a list of sources', () => {
    const error = expectError('BAD_ARGUMENT', 'CUSTOM: sources', () => ctx.custom(bad(x), { type: 'f32', ne: [4] }));
    expect(error.message).toContain('CUSTOM: sources is a Tensor, but must be a list of tensors.');
    const results = [{ type: 'f32', ne: [4] }] as const;
    expectError('BAD_ARGUMENT', 'TOP_TWO: sources', () => ctx.customResults(bad(x), { op: 'TOP_TWO', results }));
    expectError('BAD_ARGUMENT', 'CUSTOM: sources', () => ctx.customResults(bad(undefined), { results }));
  });

  it('are called by their own name', () => {
    expectError('BAD_ARGUMENT', 'TOP_TWO: ne', () => ctx.custom([x], { op: 'TOP_TWO', type: 'f32', ne: bad(4) }));
    expectError('BAD_ARGUMENT', 'TOP_TWO: results', () => ctx.customResults([x], { op: 'TOP_TWO', results: [] }));
    const params = { k: NaN };
    const options = { op: 'TOP_TWO', type: 'f32', ne: [4], params } as const;
    expectError('BAD_ARGUMENT', 'TOP_TWO: params.k', () => ctx.custom([x], options));
  });
});

describe('elements', () => {
  const elements = plan.allocate().elements(x, 'f32');

  it('are numbers, or bigints for i64', () => {
    for (const value of [5n, 'q', '5', null, undefined, true]) {
      expectError('BAD_ARGUMENT', 'value of an element', () => {
        elements.set(bad(value), 0, 0);
      });
    }
    const bigints = plan.allocate().elements(ids, 'i64');
    const error = expectError('BAD_ARGUMENT', 'value of an element', () => {
      bigints.set(bad(5), 0);
    });
    expect(error.message).toBe(
      'The value of an element is 5; it must be a bigint. Elements of i64 are bigints, such as 5n.',
    );
    bigints.set(5n, 0);
    expect(bigints.get(0)).toBe(5n);
  });

  it('are found by numbers', () => {
    const text = expectError('BAD_ARGUMENT', 'index of an element', () => elements.get(bad('1')));
    expect(text.message).toContain('The index of an element in dimension 0 is "1", but must be a number.');
    const none = expectError('BAD_ARGUMENT', 'index of an element', () => elements.get(bad(undefined)));
    expect(none.message).toContain('The index of an element in dimension 0 is missing, but must be a number.');
    expectError('BAD_ARGUMENT', 'values', () => {
      elements.setAll(bad(null));
    });
  });
});

describe('plans', () => {
  const json = plan.toJSON();

  it('are refused by the field that is wrong', () => {
    for (const [field, value] of [
      ['plan.tensors', {}],
      ['plan.tensors[0]', { ...json, tensors: [null] }],
      ['plan.tensors[1]', { ...json, tensors: [json.tensors[0], 7] }],
      ['plan.tensors[0].offset', { ...json, tensors: [{ id: 0, chunk: 0, offset: 5n }] }],
      ['plan.chunks', { ...json, chunks: 5 }],
      ['plan.chunks[0]', { ...json, chunks: [{}] }],
      ['plan.alignment', { ...json, alignment: [32] }],
    ] as const) {
      const error = expectError('BAD_ARGUMENT', field, () => verifyPlan(graph, bad(value)));
      expect(error.culprit).toBe(field);
    }
  });

  it('are told once that their alignment is none', () => {
    const messages = verifyPlan(graph, { ...json, alignment: 0 }).map(({ message }) => message);
    expect(messages).toEqual(['bad-size: alignment is 0, no power of two']);
  });

  it('are told once that an offset is no number', () => {
    const [first, ...others] = json.tensors;
    const messages = verifyPlan(graph, { ...json, tensors: [{ ...first, offset: NaN }, ...others] });
    expect(messages).toHaveLength(1);
    expect(messages[0].message).toMatch(/^wrong-entry: .*has NaN as its offset, which is no place$/);
  });
});

describe('memory', () => {
  it('is given by its name', () => {
    for (const memory of [new ArrayBuffer(9000), new SharedArrayBuffer(9000)]) {
      const error = expectError('BAD_ARGUMENT', 'memory', () => plan.allocate(bad(memory)));
      expect(error.remedy).toBe('Give the buffer as { buffer }.');
    }
    const both = { buffer: new ArrayBuffer(9), buffers: [] };
    const error = expectError('BAD_ARGUMENT', 'buffers', () => plan.allocate(both));
    expect(error.message).toContain('`buffers` is given beside `buffer`, but must be given without it.');
  });

  it('of strided tensors is read by indices', () => {
    const arena = plan.allocate();
    const strided = graph.tensors.find((tensor) => tensor.isView)!;
    const error = expectError('NOT_READABLE', strided.label, () => arena.data(strided));
    expect(error.remedy).toBe('Read it with elements(), or add a cont() node.');
    const own = Context.deferred();
    const columns = own.transpose(own.neg(own.setInput(own.newTensor('f32', [4, 3]))));
    const kept = planGraph(Graph.forward(own.setOutput(columns))).allocate();
    const after = expectError('NOT_READABLE', columns.label, () => kept.result(columns));
    expect(after.remedy).toBe('Read it with resultElements(), or add a cont() node.');
  });
});

describe('settings', () => {
  it('that keep divisors away from zero are numbers', () => {
    for (const eps of [NaN, -1, '1', undefined]) {
      expectError('BAD_ARGUMENT', 'RMS_NORM: eps', () => ctx.rmsNorm(x, bad(eps)));
      expectError('BAD_ARGUMENT', 'GROUP_NORM: eps', () => ctx.groupNorm(x, 1, bad(eps)));
    }
    expect(ctx.norm(x, 0).op).toBe('NORM');
  });

  it('of tests are refused by name', () => {
    expectError('BAD_ARGUMENT', 'seed', () => compareExecutions(graph, plan, bad({ seed: 1 })));
    expectError('BAD_ARGUMENT', 'seed', () => {
      assertPlanCorrect(graph, plan, { seed: bad('a') });
    });
    expectError('BAD_ARGUMENT', 'gaps', () => arbitraryProblem({ gaps: bad('no') }));
    expectError('BAD_ARGUMENT', 'fixedOffsets', () => arbitraryProblem({ fixedOffsets: bad(1) }));
    for (const maxMoves of [0, -3, 1.5, NaN]) {
      expectError('BAD_ARGUMENT', 'maxMoves', () => arbitraryGraph({ maxMoves }));
    }
    expectError('BAD_ARGUMENT', 'maxMoves', () => arbitraryProblem({ maxMoves: -1 }));
  });

  it('that are types in another case are put right', () => {
    const error = expectError('UNKNOWN_TYPE', 'tensor', () => ctx.newTensor(bad('F32'), [1]));
    expect(error.remedy).toBe('Write f32: case matters.');
  });
});

describe('tensors in graph JSON', () => {
  const changed = (change: object): unknown => {
    const json = graphToJson(graph);
    return { ...json, tensors: json.tensors.map((row, id) => (id === 0 ? { ...row, ...change } : row)) };
  };

  it('have fields that there are', () => {
    for (const [field, meant] of [
      ['ouput', 'output'],
      ['inptu', 'input'],
      ['in_place', 'inplace'],
    ]) {
      const error = expectError('BAD_DOCUMENT', `${field} of tensors[0]`, () =>
        graphFromJson(changed({ [field]: true })),
      );
      expect(error.message).toContain(`, but there is \`${meant}\`.`);
    }
  });

  it('have operations in the case that the library has, or names of their own', () => {
    const error = expectError('BAD_DOCUMENT', 'tensors[0] (x).op', () => graphFromJson(changed({ op: 'relu' })));
    expect(error.message).toContain('is "relu", but must be RELU, or a name of your own. Correct the field, or ');
    expect(() => graphFromJson(changed({ op: 'hashRows' }))).not.toThrow();
  });
});

describe('placements', () => {
  const csv = parseProblemCsv('id,lower,upper,size\na,0,2,8\n');
  const problem = createProblem([{ size: 4, start: 0, end: 1 }]);
  const placement = { offsets: [0], chunkOf: [0], chunks: [4] };

  it('have lists of numbers', () => {
    expectError('BAD_ARGUMENT', 'placement.offsets', () => verifyPlacement(problem, bad({})));
    expectError('BAD_ARGUMENT', 'placement.chunks', () => verifyPlacement(problem, bad({ ...placement, chunks: 4 })));
    expectError('BAD_ARGUMENT', 'placement', () => verifyPlacement(problem, bad(null)));
    expectError('BAD_ARGUMENT', 'problem', () => verifyPlacement(bad({}), placement));
    expect(verifyPlacement(problem, placement)).toEqual([]);
  });

  it('are written with what was read', () => {
    expectError('BAD_ARGUMENT', 'csv', () => formatPlacementCsv(bad(csv.problem), [0]));
    expectError('BAD_ARGUMENT', 'csv', () => formatPlacementCsv(bad(null), [0]));
    expectError('BAD_ARGUMENT', 'offsets', () => formatPlacementCsv(csv, bad(undefined)));
    expect(formatPlacementCsv(csv, [0])).toContain('a,0,2,8,0');
  });
});
