/** What each violation says, word by word: kind, tensors, steps and bytes, of plans, replays and placements. */
import { describe, expect, it } from 'vitest';
import { Context } from '../../src/dialects/ggml/context.js';
import { Graph } from '../../src/graph/graph.js';
import { graphToJson } from '../../src/json/write.js';
import { graphFromJson } from '../../src/json/read.js';
import { planGraph } from '../../src/plan/plan.js';
import { createProblem } from '../../src/problem/problem.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import { verifyPlacement, type PlacementLike, type PlacementLimits } from '../../src/verify/placement.js';
import { replayPlan } from '../../src/verify/replay.js';
import { verifyPlan } from '../../src/verify/verify-plan.js';
import type { PlanEntry, PlanLike } from '../../src/verify/plan-like.js';
import { expectError } from '../support/expect-error.js';

const ctx = Context.deferred();

/** x (0) → a (1) = relu, b (2) = neg, y (3) = a · b, kept; every tensor has 32 bytes. */
const x = ctx.setInput(ctx.newTensor('f32', [8], 'x'));
const a = ctx.setName(ctx.relu(x), 'a');
const b = ctx.setName(ctx.neg(x), 'b');
const y = ctx.setOutput(ctx.setName(ctx.mul(a, b), 'y'));
const graph = Graph.forward(y);

function plan(offsets: readonly number[], changes: Partial<PlanLike> = {}): PlanLike {
  const tensors = offsets.map((offset, id) => ({ id, chunk: 0, offset }));
  return { alignment: 32, bufferSize: 128, chunks: [128], tensors, ...changes };
}

const RIGHT = [0, 32, 64, 96];
const withEntry = (id: number, entry: Partial<PlanEntry>): PlanLike => {
  const { tensors, ...rest } = plan(RIGHT);
  return { ...rest, tensors: tensors.map((each) => (each.id === id ? { ...each, ...entry } : each)) };
};

describe('verifyPlan says', () => {
  it('nothing of a right plan', () => {
    expect(verifyPlan(graph, plan(RIGHT))).toEqual([]);
  });

  it.each([
    ['two tensors share bytes', plan([0, 32, 32, 96]), {
      kind: 'overlap', ids: [1, 2], steps: [1, 3], bytes: [32, 64],
      message: 'overlap: a (1) and b (2) share bytes [32, 64) of chunk 0 in steps [1, 3)',
    }],
    ['two leafs share bytes', plan([0, 0, 64, 96]), {
      kind: 'overlap', ids: [0, 1], steps: [0, 2], bytes: [0, 32],
      message: 'overlap: x (0) and a (1) share bytes [0, 32) of chunk 0 in steps [0, 2)',
    }],
    ['a tensor has no place', plan([0, 32, 64]), {
      kind: 'missing', ids: [3], steps: [2, 3], bytes: null,
      message: 'missing: y (3), needed in steps [2, 3), has no place in the plan',
    }],
    ['an offset is no multiple', plan([0, 32, 64, 128], { alignment: 64, bufferSize: 160, chunks: [160] }), {
      kind: 'misaligned', ids: [1], steps: [0, 3], bytes: [32, 64],
      message: 'misaligned: a (1), needed in steps [0, 3), is in bytes [32, 64) of chunk 0, which does not start at a multiple of 64',
    }],
    ['an offset is too high', plan([0, 32, 64, 128]), {
      kind: 'out-of-arena', ids: [3], steps: [2, 3], bytes: [128, 160],
      message: 'out-of-arena: y (3), needed in steps [2, 3), is in bytes [128, 160) of chunk 0, outside of it',
    }],
    ['a chunk does not exist', withEntry(3, { chunk: 1 }), {
      kind: 'out-of-arena', ids: [3], steps: [2, 3], bytes: [96, 128],
      message: 'out-of-arena: y (3), needed in steps [2, 3), is in bytes [96, 128) of chunk 1, outside of it',
    }],
    ['a name is another', withEntry(2, { name: 'c' }), {
      kind: 'wrong-entry', ids: [2], steps: [1, 3], bytes: [64, 96],
      message: 'wrong-entry: b (2), needed in steps [1, 3), is called c in the plan',
    }],
    ['a size is too small', withEntry(2, { size: 31 }), {
      kind: 'wrong-entry', ids: [2], steps: [1, 3], bytes: [64, 96],
      message: 'wrong-entry: b (2), needed in steps [1, 3), has 31 bytes in the plan, but needs 32',
    }],
    ['a live range is too short', withEntry(2, { start: 1, end: 2 }), {
      kind: 'wrong-entry', ids: [2], steps: [1, 3], bytes: [64, 96],
      message: 'wrong-entry: b (2), needed in steps [1, 3), lives only in steps [1, 2) of the plan',
    }],
    ['a tensor is not there', plan(RIGHT, { tensors: [...plan(RIGHT).tensors, { id: 9, chunk: 0, offset: 0 }] }), {
      kind: 'unknown-tensor', ids: [9], steps: null, bytes: null,
      message: 'unknown-tensor: tensor 9 is not in the graph, but planned from byte 0 on of chunk 0',
    }],
    ['a tensor with all that is said of it is not there', plan(RIGHT, {
      tensors: [...plan(RIGHT).tensors, { id: 9, chunk: 1, offset: 8, size: 4, start: 0, end: 2 }] }), {
      kind: 'unknown-tensor', ids: [9], steps: [0, 2], bytes: [8, 12],
      message: 'unknown-tensor: tensor 9 is not in the graph, but planned in bytes [8, 12) of chunk 1',
    }],
    ['a tensor is there twice', plan(RIGHT, { tensors: [...plan(RIGHT).tensors, { id: 0, chunk: 0, offset: 0 }] }), {
      kind: 'duplicate', ids: [0], steps: [0, 2], bytes: [0, 32],
      message: 'duplicate: x (0) is planned twice, again in bytes [0, 32) of chunk 0',
    }],
    ['sizes do not add up', plan(RIGHT, { bufferSize: 120 }), {
      kind: 'bad-size', ids: [], steps: null, bytes: null,
      message: 'bad-size: bufferSize is 120, but the chunks add up to 128',
    }],
    ['the bound is too high', plan(RIGHT, { lowerBound: 129 }), {
      kind: 'bad-size', ids: [], steps: null, bytes: null,
      message: 'bad-size: lowerBound is 129, above the bufferSize of 128',
    }],
    ['it is not optimal', plan(RIGHT, { lowerBound: 96, isOptimal: true }), {
      kind: 'bad-size', ids: [], steps: null, bytes: null,
      message: 'bad-size: isOptimal is true, but bufferSize is 128 and lowerBound 96',
    }],
    ['it is not optimal, by the name of a file', plan(RIGHT, { lowerBound: 96, optimal: true }), {
      kind: 'bad-size', ids: [], steps: null, bytes: null,
      message: 'bad-size: optimal is true, but bufferSize is 128 and lowerBound 96',
    }],
  ] as const)('that %s', (_, wrong, violation) => {
    expect(verifyPlan(graph, wrong)).toEqual([violation]);
  }); // prettier-ignore

  it('that a chunk is above its limit, and by whom; and refuses limits that are none', () => {
    const limit = (maxChunkSize: number, changes: Partial<PlanLike> = {}): object[] =>
      verifyPlan(graph, plan(RIGHT, changes), { maxChunkSize });
    expect(limit(128)).toEqual([]);
    expect(limit(127)).toEqual([
      {
        kind: 'chunk-limit', ids: [3], steps: [2, 3], bytes: [127, 128],
        message: 'chunk-limit: chunk 0 has 128 bytes, more than 127, for y (3)',
      },
    ]); // prettier-ignore
    expect(limit(64)).toEqual([
      {
        kind: 'chunk-limit', ids: [2, 3], steps: [1, 3], bytes: [64, 128],
        message: 'chunk-limit: chunk 0 has 128 bytes, more than 64, for b (2) and 1 more',
      },
    ]); // prettier-ignore
    expect(limit(128, { chunks: [128, 160], bufferSize: 288 })).toEqual([
      {
        kind: 'chunk-limit', ids: [], steps: null, bytes: [128, 160],
        message: 'chunk-limit: chunk 1 has 160 bytes, more than 128',
      },
    ]); // prettier-ignore
  });

  it('that an offset is no multiple of what the caller needs, whatever the plan says of itself', () => {
    const careless = plan([0, 32, 72, 104], { alignment: 1, bufferSize: 136, chunks: [136] });
    expect(verifyPlan(graph, careless)).toEqual([]);
    expect(verifyPlan(graph, careless, { alignment: 8 })).toEqual([]);
    expect(verifyPlan(graph, careless, { alignment: 16 }).map(({ message }) => message)).toEqual([
      'misaligned: b (2), needed in steps [1, 3), is in bytes [72, 104) of chunk 0, which does not start at a multiple of 16',
      'misaligned: y (3), needed in steps [2, 3), is in bytes [104, 136) of chunk 0, which does not start at a multiple of 16',
    ]);
    expect(
      verifyPlan(graph, plan([0, 32, 64, 104], { bufferSize: 136, chunks: [136] }), { alignment: 8 }),
    ).toMatchObject([{ kind: 'misaligned', ids: [3] }]);
    expectError('BAD_ALIGNMENT', 'alignment', () => verifyPlan(graph, careless, { alignment: 3 }));
  });

  it('that limits are none, and an order neither', () => {
    const empty = createProblem([]);
    const nothing = { offsets: [], chunkOf: [], chunks: [] };
    expectError('BAD_ARGUMENT', 'limits', () => verifyPlan(graph, plan(RIGHT), 7 as never));
    expectError('BAD_ARGUMENT', 'limits', () => verifyPlacement(empty, nothing, null as never));
    expectError('BAD_ARGUMENT', 'maxChunkSize', () => verifyPlacement(empty, nothing, { maxChunkSize: NaN }));
    for (const maxChunkSize of [NaN, 0, -1, 1.5, '128', null, 2 ** 53] as number[]) {
      const error = expectError('BAD_ARGUMENT', 'maxChunkSize', () => verifyPlan(graph, plan(RIGHT), { maxChunkSize }));
      expect(error.message).toContain('an integer from 1 to 2^53 - 1. Leave it out');
    }
    expectError('BAD_ARGUMENT', 'allowOversize', () => verifyPlan(graph, plan(RIGHT), { allowOversize: 1 as never }));
    expectError('BAD_ARGUMENT', 'order', () => replayPlan(graph, plan(RIGHT), { order: 'stted' as never }));
  });

  it('nothing of a chunk without bytes, and takes a limit of one byte', () => {
    expect(verifyPlan(graph, plan(RIGHT, { chunks: [128, 0] }))).toEqual([]);
    expect(verifyPlan(graph, plan(RIGHT), { maxChunkSize: 1 })).toMatchObject([
      { kind: 'chunk-limit', bytes: [1, 128] },
    ]);
  });

  it('nothing of a chunk that is as large as the largest tensor in it, padded, if that is allowed', () => {
    const limits = { maxChunkSize: 31, allowOversize: true };
    const tensors = RIGHT.map((_, id) => ({ id, chunk: id, offset: 0 }));
    const apart = { alignment: 32, bufferSize: 128, chunks: [32, 32, 32, 32], tensors };
    expect(verifyPlan(graph, apart, limits)).toEqual([]);
    expect(verifyPlan(graph, apart, { maxChunkSize: 31 })).toHaveLength(4);
    const wide = { ...apart, alignment: 64, bufferSize: 64 * 4, chunks: [64, 64, 64, 64] };
    expect(verifyPlan(graph, wide, limits)).toEqual([]);
    expect(verifyPlan(graph, plan(RIGHT), limits)).toMatchObject([
      { kind: 'chunk-limit', ids: [1, 2, 3], steps: [0, 3], bytes: [32, 128] },
    ]);
  });

  it.each([-32, 32.5, NaN, 2 ** 53])('that a chunk has no size: %s', (size) => {
    const messages = verifyPlan(graph, plan(RIGHT, { chunks: [128, size], bufferSize: 128 + size }));
    expect(messages[0]).toEqual({
      kind: 'bad-size', ids: [], steps: null, bytes: null, message: `bad-size: chunk 1 has ${size} bytes`,
    }); // prettier-ignore
  });

  it('that a field is no number, whatever it looks like', () => {
    const text = '0' as never;
    const saidOf = (wrong: PlanLike): string[] => verifyPlan(graph, wrong).map(({ message }) => message);
    const ofA = 'wrong-entry: a (1), needed in steps [0, 3), has the text';
    expect(saidOf(withEntry(1, { offset: text }))).toEqual([`${ofA} "0" as its offset, not a number`]);
    expect(saidOf(withEntry(1, { chunk: text }))).toEqual([`${ofA} "0" as its chunk, not a number`]);
    expect(saidOf(withEntry(1, { size: '32' as never, start: text }))).toEqual([
      `${ofA} "32" as its size, has the text "0" as its start, not a number`,
    ]);
    expect(saidOf(withEntry(1, { offset: null as never }))[0]).toContain('has null as its offset, not a number');
    expect(saidOf(withEntry(3, { id: '3' as never }))).toEqual([
      'unknown-tensor: tensor "3" is not in the graph, but planned from byte 96 on of chunk 0',
      'missing: y (3), needed in steps [2, 3), has no place in the plan',
    ]);
    for (const [change, said] of [
      [{ alignment: '32' }, 'alignment is the text "32"'],
      [{ bufferSize: '128' }, 'bufferSize is the text "128"'],
      [{ chunks: ['128'] }, 'chunk 0 is the text "128"'],
      [{ lowerBound: true }, 'lowerBound is true'],
    ] as const) {
      expect(saidOf(plan(RIGHT, change as never))).toContain(`bad-size: ${said}, not a number`);
    }
  });

  it('which view is read after its bytes are lost', () => {
    const p = ctx.setName(ctx.sqr(x), 'p');
    const half = ctx.setName(ctx.view(p, [4], [], 16), 'half');
    const q = ctx.setName(ctx.neg(x), 'q');
    const seen = Graph.forward([
      p,
      half,
      q,
      ctx.setOutput(ctx.setName(ctx.custom([half, q], { type: 'f32', ne: [4] }), 'sum')),
    ]);
    const id = (name: string): number => seen.tensors.findIndex((tensor) => tensor.name === name);
    const places = { x: 0, p: 32, q: 40, sum: 96 };
    const tensors = Object.entries(places).map(([name, offset]) => ({ id: id(name), chunk: 0, offset }));
    const message = `half (${id('half')}), a view of p (${id('p')}), and q (${id('q')}) share bytes [48, 64) of chunk 0`;
    expect(verifyPlan(seen, { alignment: 8, bufferSize: 112, chunks: [112], tensors })).toEqual([
      {
        kind: 'stale-view', ids: [id('half'), id('q')], steps: [2, 4], bytes: [48, 64],
        message: `stale-view: ${message} in steps [2, 4)`,
      },
    ]); // prettier-ignore
  });

  it('that two leafs share bytes, also if both are read but once', () => {
    const [p, q, r] = ['p', 'q', 'r'].map((name) => ctx.setInput(ctx.newTensor('f32', [8], name)));
    const sums = Graph.forward(ctx.setOutput(ctx.custom([p, q, r], { type: 'f32', ne: [8] })));
    const tensors = [16, 0, 16, 64].map((offset, id) => ({ id, chunk: 0, offset }));
    const found = verifyPlan(sums, { alignment: 16, bufferSize: 128, chunks: [128], tensors });
    expect(found.map(({ message }) => message)).toEqual([
      'overlap: p (0) and q (1) share bytes [16, 32) of chunk 0 in steps [0, 1)',
      'overlap: p (0) and r (2) share bytes [16, 48) of chunk 0 in steps [0, 1)',
      'overlap: q (1) and r (2) share bytes [16, 32) of chunk 0 in steps [0, 1)',
    ]);
    const split = [0, 0, 0, 64].map((offset, id) => ({ id, chunk: id === 1 ? 1 : 0, offset }));
    split.push({ id: 9, chunk: 1, offset: 0 });
    expect(
      verifyPlan(sums, { alignment: 16, bufferSize: 256, chunks: [128, 128], tensors: split }).map(({ ids }) => ids),
    ).toEqual([[9], [0, 2]]);
  });

  it('nothing of what a plan leaves out', () => {
    expect(verifyPlan(graph, plan(RIGHT, { isOptimal: true }))).toEqual([]);
    expect(verifyPlan(graph, plan(RIGHT, { lowerBound: 96 }))).toEqual([]);
    expect(verifyPlan(graph, plan(RIGHT, { lowerBound: 128, isOptimal: true }))).toEqual([]);
    expect(verifyPlan(graph, plan(RIGHT, { lowerBound: 96, isOptimal: false }))).toEqual([]);
  });

  it('which output, and which operand, is overwritten', () => {
    const z = ctx.setName(ctx.mulMat(ctx.reshape(y, [4, 2]), ctx.reshape(y, [4, 2])), 'z');
    const longer = Graph.forward(z);
    const right = planGraph(longer, { reuse: 'off' }).toJSON();
    const [ofY, ofZ] = ['y', 'z'].map((name) => right.tensors.find((each) => each.name === name)!);
    const over = right.tensors.map(({ id, chunk, offset }) => ({
      id,
      chunk,
      offset: id === ofZ.id ? ofY.offset : offset,
    }));
    const steps = `[${ofZ.start}, ${ofZ.start + 1})`;
    const bytes = `[${ofY.offset}, ${ofY.offset + 16})`;
    expect(verifyPlan(longer, { ...right, tensors: over }).map(({ message }) => message)).toEqual([
      `output-overwritten: y (${ofY.id}) and z (${ofZ.id}) share bytes ${bytes} of chunk 0 in steps ${steps}`,
    ]);
    const json = graphToJson(longer);
    for (const row of json.tensors) if (row.name === 'y') delete row.output;
    expect(verifyPlan(graphFromJson(json), { ...right, tensors: over }).map(({ message }) => message)).toEqual([
      `in-place-not-allowed: y (${ofY.id}) and z (${ofZ.id}) share bytes ${bytes} of chunk 0 in steps ${steps}`,
    ]);
  });

  it('what comes first in time, chunk by chunk', () => {
    const one = plan([0, 0, 0, 0]);
    expect(verifyPlan(graph, one).map((violation) => violation.ids)).toEqual([
      [0, 1],
      [1, 2],
    ]);
    const wide = ctx.setInput(ctx.newTensor('f32', [64], 'wide'));
    const many = Graph.forward([0, 1, 2, 3, 4].map((i) => ctx.relu(ctx.view(wide, [4], [], 16 * i))));
    const results = many.nodes.filter((node) => !node.isView);
    const chunkOf = many.tensors.map((tensor) => results.indexOf(tensor) % 2);
    const places = many.tensors.flatMap((tensor, id) =>
      tensor.isView ? [] : [{ id, chunk: Math.max(0, chunkOf[id]), offset: 0 }],
    );
    const found = verifyPlan(many, { alignment: 1, bufferSize: 512, chunks: [256, 256], tensors: places });
    const later = found.map((violation) => violation.steps![0]);
    expect(later).toEqual([...later].sort((p, q) => p - q));
    expect(new Set(found.map(({ message }) => /of chunk (\d)/.exec(message)![1])).size).toBe(2);
  });
});

describe('replayPlan says', () => {
  it('that a source runs later', () => {
    const { leafs, nodes, tensors } = graph;
    const reordered = new Graph({ leafs, nodes: [nodes[2], nodes[0], nodes[1]], tensors });
    expect(replayPlan(reordered, plan(RIGHT))[0]).toEqual({
      kind: 'not-computed', ids: [1, 3], step: 0, bytes: null, message: 'not-computed: y (3) needs a (1), which runs later',
    }); // prettier-ignore
  });

  it.each([
    { offset: -32 },
    { offset: 97 },
    { offset: NaN },
    { offset: 64.5 },
    { offset: '96' as never },
    { chunk: 1 },
    { chunk: 0.5 },
    { chunk: -1 },
  ])('that a tensor has no place: %j', (entry) => {
    expect(replayPlan(graph, withEntry(3, entry))).toEqual([
      { kind: 'missing', ids: [3], step: 0, bytes: null, message: 'missing: y (3) has no place in the arena' },
    ]);
  });

  it('whose bytes are read, when and where', () => {
    expect(replayPlan(graph, plan([0, 32, 48, 96], { alignment: 16 }))).toEqual([
      {
        kind: 'stale-read', ids: [2, 1], step: 2, bytes: [48, 64],
        message: 'stale-read: bytes [48, 64) of chunk 0, part of a (1), are b (2) when y (3) reads them at step 2',
      },
    ]); // prettier-ignore
    const kept = ctx.setOutput(ctx.setName(ctx.sqr(x), 'kept'));
    const both = Graph.forward([kept, y]);
    const ids = new Map(both.tensors.map((tensor, id) => [tensor.name, id]));
    const offsets = { x: 0, kept: 32, a: 64, b: 96, y: 48 };
    const tensors = Object.entries(offsets).map(([name, offset]) => ({ id: ids.get(name)!, chunk: 0, offset }));
    expect(
      replayPlan(both, { alignment: 16, bufferSize: 128, chunks: [128], tensors }).map(({ message }) => message),
    ).toEqual([
      `overwritten-operand: y (${ids.get('y')}) overwrites a (${ids.get('a')}) while it reads it, at step 3`,
      `lost-result: bytes [48, 64) of chunk 0, part of kept (${ids.get('kept')}), are y (${ids.get('y')}) after the last step`,
    ]);
  });

  it('which operand is overwritten', () => {
    expect(replayPlan(graph, plan([0, 16, 64, 96], { alignment: 16 }))[0]).toEqual({
      kind: 'overwritten-operand', ids: [1, 0], step: 0, bytes: [16, 32],
      message: 'overwritten-operand: a (1) overwrites x (0) while it reads it, at step 0',
    }); // prettier-ignore
  });

  it('what only the order of the program orders', () => {
    const cache = Context.immediate().newTensor('f32', [16], 'cache');
    const write = ctx.setName(ctx.cpy(x, ctx.view(cache, [8], [], 32)), 'write');
    const read = ctx.setName(ctx.relu(ctx.setName(ctx.view(cache, [8], [], 16), 'seen')), 'read');
    const unordered = Graph.forward([write, read]);
    const id = (name: string): number => unordered.tensors.findIndex((tensor) => tensor.name === name);
    const [violation] = replayPlan(unordered, planGraph(unordered), { order: 'stated' });
    expect(violation).toEqual({
      kind: 'unordered', ids: [id('write'), id('read')], step: unordered.nodes.indexOf(read), bytes: [32, 48],
      message:
        `unordered: nothing but the program's order puts write (${id('write')}) before read (${id('read')}): ` +
        `both touch seen (${id('seen')})`,
    }); // prettier-ignore
  });
});

describe('verifyPlacement says', () => {
  const problem = createProblem([
    { size: 8, start: 0, end: 4, alignment: 8 },
    { size: 4, start: 2, end: 6, fixedOffset: 8 },
  ]);
  const messages = (placement: PlacementLike, limits?: PlacementLimits): string[] =>
    verifyPlacement(problem, placement, limits).map(({ message }) => message);

  it.each([
    [{ offsets: [0, 8], chunkOf: [0], chunks: [12] }, '2 offsets and 1 chunk indices for 2 buffers'],
    [{ offsets: [0], chunkOf: [0, 0], chunks: [12] }, '1 offsets and 2 chunk indices for 2 buffers'],
    [{ offsets: [-8, 8], chunkOf: [0, 0], chunks: [12] }, 'buffer 0 is at -8'],
    [{ offsets: [2 ** 53 - 8, 8], chunkOf: [0, 0], chunks: [2 ** 53] }, 'buffer 0 is at 9007199254740984'],
    [{ offsets: [0, 8], chunkOf: [1, 0], chunks: [12] }, 'buffer 0 is in chunk 1 of 1'],
    [{ offsets: [0, 8], chunkOf: [-1, 0], chunks: [12] }, 'buffer 0 is in chunk -1 of 1'],
    [{ offsets: [0, 8], chunkOf: [0.5, 0], chunks: [12] }, 'buffer 0 is in chunk 0.5 of 1'],
    [{ offsets: [12, 8], chunkOf: [0, 0], chunks: [20] }, 'buffer 0 is at 12, no multiple of 8'],
    [{ offsets: [0, 8], chunkOf: [0, 0], chunks: [11] }, 'buffer 1 ends at 12, but chunk 0 has 11 bytes'],
    [{ offsets: [0, 12], chunkOf: [0, 0], chunks: [16] }, 'buffer 1 is at 12 in chunk 0, but belongs at 8 in chunk 0'],
  ])('%j: %s', (placement, message) => {
    expect(messages(placement)).toEqual([message]);
  });

  it('all that is wrong', () => {
    expect(messages({ offsets: [4, 8], chunkOf: [0, 0], chunks: [11] }, { maxChunkSize: 10 })).toEqual([
      'buffer 0 is at 4, no multiple of 8',
      'buffer 0 ends at 12, but chunk 0 has 11 bytes',
      'buffer 1 ends at 12, but chunk 0 has 11 bytes',
      'chunk 0 has 11 bytes, above its limit of 10',
      'buffers 0 and 1 share bytes [8, 12) of chunk 0 at step 1',
    ]);
  });

  it('that a chunk is too large, also for a buffer that is, unless that is allowed', () => {
    const placement = { offsets: [0, 8], chunkOf: [0, 0], chunks: [12] };
    expect(messages(placement, { maxChunkSize: 12 })).toEqual([]);
    const alone = { offsets: [0, 8], chunkOf: [1, 0], chunks: [12, 8] };
    const limits = { maxChunkSize: 7 };
    expect(messages(alone, limits)).toEqual([
      'chunk 0 has 12 bytes, above its limit of 7',
      'chunk 1 has 8 bytes, above its limit of 7',
    ]);
    expect(messages(alone, { ...limits, allowOversize: true })).toEqual(['chunk 0 has 12 bytes, above its limit of 7']);
  });
});

/** Tensors that read nothing in some slot, and those that name themselves: neither is looked at. */
it('empty slots and a tensor that names itself are no readings', () => {
  const wide = ctx.newTensor('f32', [4, 2, 2], 'wide');
  const sinks = ctx.newTensor('f32', [2], 'sinks');
  const soft = ctx.softMax(wide, { sinks }); // no mask
  const half: Tensor = ctx.cast(soft, 'f16');
  const cache = Context.immediate().newTensor('f16', [4, 2, 2], 'cache');
  const stored = ctx.cpy(half, cache);
  const withSlots = Graph.forward([ctx.setOutput(stored), ctx.setOutput(ctx.relu(ctx.dependency(cache, stored)))]);
  for (const reuse of ['off', 'full'] as const) {
    const right = planGraph(withSlots, { reuse });
    expect(soft.sources).toContain(null);
    expect(half.sources).toContain(half);
    expect(verifyPlan(withSlots, right)).toEqual([]);
    expect(replayPlan(withSlots, right, { order: 'stated' })).toEqual([]);
  }
});

describe('of all that is wrong, so much is reported', () => {
  const many = 1500;
  const copies = Graph.forward(Array.from({ length: many }, () => ctx.relu(x)));
  const heap = {
    alignment: 32,
    bufferSize: 32,
    chunks: [32],
    tensors: copies.tensors.map((_, id) => ({ id, chunk: 0, offset: 0 })),
  };
  const problem = createProblem(Array.from({ length: many }, () => ({ size: 8, start: 0, end: 1 })));
  const placement = { offsets: new Float64Array(many), chunkOf: new Int32Array(many), chunks: [8] };

  it.each([
    ['verifyPlan', (limits?: object) => verifyPlan(copies, heap, limits), 10_000],
    ['replayPlan', (limits?: object) => replayPlan(copies, heap, limits), 2 * many - 2],
    ['verifyPlacement', (limits?: object) => verifyPlacement(problem, placement, limits), 10_000],
  ])('%s', (_, check, countByDefault) => {
    expect(check()).toHaveLength(countByDefault);
    const some = check({ maxViolations: 7 });
    expect(some).toHaveLength(7);
    expect(check({ maxViolations: 8 }).slice(0, 7)).toEqual(some);
    if (countByDefault === 10_000) {
      expect(check({ maxViolations: Infinity }).length).toBeGreaterThanOrEqual((many * (many - 1)) / 2);
    }
    for (const maxViolations of [0, -1, 1.5, NaN, '7']) {
      expectError('BAD_ARGUMENT', 'maxViolations', () => check({ maxViolations }));
    }
  });

  it('also of what is wrong with single tensors', () => {
    expect(verifyPlan(copies, { ...heap, tensors: [] }, { maxViolations: 1 })).toHaveLength(1);
    expect(replayPlan(copies, { ...heap, tensors: [] }, { maxViolations: 1 })).toHaveLength(1);
    const outside = { ...placement, offsets: new Float64Array(many).fill(-8) };
    expect(verifyPlacement(problem, outside, { maxViolations: 1 })).toHaveLength(1);
  });

  it('by single tensors before pairs', () => {
    const misaligned = { ...heap, tensors: heap.tensors.map((entry) => ({ ...entry, offset: 4 })), bufferSize: 36 };
    const kinds = new Set(verifyPlan(copies, misaligned, { maxViolations: 1000 }).map(({ kind }) => kind));
    expect([...kinds]).toEqual(['bad-size', 'misaligned', 'out-of-arena']);
  });

  it('from one chunk after the other', () => {
    const tensors = heap.tensors.map(({ id }) => ({ id, chunk: id % 2, offset: 0 }));
    const both = { ...heap, bufferSize: 64, chunks: [32, 32], tensors };
    expect(verifyPlan(copies, both, { maxViolations: 5 })).toHaveLength(5);
    const chunkOf = Int32Array.from({ length: many }, (_, b) => b % 2);
    const halves = { ...placement, chunkOf, chunks: [8, 8] };
    expect(verifyPlacement(problem, halves, { maxViolations: 5 })).toHaveLength(5);
  });
});
