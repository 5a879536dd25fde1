/** Live ranges and hand-overs, on graphs small enough to draw. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Context } from '../../src/graph/context.js';
import { Graph } from '../../src/graph/graph.js';
import { graphFromJson } from '../../src/graph/json-reader.js';
import { graphToJson } from '../../src/graph/json.js';
import { analyzeLiveness, NO_BUFFER, type ReuseMode } from '../../src/liveness/liveness.js';
import { planGraph, type Plan } from '../../src/plan/plan.js';
import { liveBytesPerStep } from '../../src/problem/lower-bound.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import { verifyPlan } from '../../src/verify/verify-plan.js';
import { arbitraryGraphs, graphOf } from '../support/arbitrary-graph.js';
import { expectError } from '../support/expect-error.js';

const ctx = Context.deferred();
const named = (tensor: Tensor, name: string): Tensor => ctx.setName(tensor, name);
const leaf = (name: string, ne: readonly number[] = [8]): Tensor => ctx.newTensor('f32', ne, name);

/** `name: [start, end)` of every planned tensor. */
function rangesOf(plan: Plan): Record<string, [number, number]> {
  return Object.fromEntries(plan.tensors.map(({ name, start, end }) => [name, [start, end]]));
}

/** `reuser<reused` of every hand-over. */
function handOvers(outputs: Tensor | Tensor[], reuse: ReuseMode): string[] {
  const graph = Graph.forward(outputs);
  const plan = planGraph(graph, { reuse });
  expect(verifyPlan(graph, plan)).toEqual([]);
  const taken = plan.shares.filter(({ why }) => why === 'reuse');
  return taken.map((share) => `${share.name}<${graph.tensors[share.owner].name}`);
}

describe('live ranges', () => {
  it('run from the step that computes a tensor to the step after its last reader, through views', () => {
    const x = leaf('x');
    const y = named(ctx.sqr(x), 'y');
    const seen = ctx.reshape(y, [4, 2]);
    const z = named(ctx.exp(x), 'z');
    const out = named(ctx.mul(ctx.reshape(z, [4, 2]), seen), 'out');
    expect(rangesOf(planGraph(Graph.forward([y, seen, z, out]), { reuse: 'off' }))).toEqual({
      x: [0, 3],
      y: [0, 5],
      z: [2, 5],
      out: [4, 5],
    });
  });

  it('of outputs, of what nobody reads, and of storages that hold such a thing last to the end', () => {
    const x = leaf('x');
    const marked = named(ctx.sqr(x), 'marked');
    const viewed = named(ctx.exp(x), 'viewed');
    const outputs = [ctx.setOutput(marked), ctx.mulMat(marked, marked), ctx.reshape(viewed, [4, 2]), leaf('unread')];
    const ranges = rangesOf(planGraph(Graph.forward([...outputs, named(ctx.relu(x), 'last')]), { reuse: 'off' }));
    expect(ranges).toMatchObject({ marked: [0, 5], viewed: [2, 5], unread: [0, 5], last: [4, 5] });
  });

  it('of inputs start at step 0, even of those that a node computes', () => {
    const early = named(ctx.sqr(leaf('x')), 'early');
    const input = ctx.setInput(named(ctx.exp(early), 'input'));
    expect(rangesOf(planGraph(Graph.forward(ctx.add(input, early))))).toMatchObject({ input: [0, 3] });
  });

  it('need no bytes for views, immediate and virtual tensors, or a result written elsewhere', () => {
    const weight = Context.virtual().newTensor('f32', [8], 'weight');
    const cache = Context.immediate().newTensor('f32', [8], 'cache');
    const y = ctx.setOutput(named(ctx.add(weight, cache), 'y'), ctx.view(cache, [8]));
    const plan = planGraph(Graph.forward(ctx.setOutput(y)));
    expect([plan.bufferSize, plan.tensors]).toEqual([0, []]);
  });

  it('are extended by a dependency', () => {
    const y = named(ctx.sqr(leaf('x')), 'y');
    const z = named(ctx.mulMat(y, y), 'z');
    const out = ctx.mulMat(ctx.dependency(y, z), leaf('w'));
    const plan = planGraph(Graph.forward(out), { reuse: 'off' });
    expect(rangesOf(plan).y).toEqual([0, 4]);
    expect(plan.shares.map(({ why }) => why)).toEqual(['dependency']);
  });
});

describe('hand-overs', () => {
  it('are taken by the last reader of equal layout, first operand first', () => {
    const [a, b] = [named(ctx.sqr(leaf('x')), 'a'), named(ctx.exp(leaf('y')), 'b')];
    expect(handOvers(named(ctx.add(a, b), 'sum'), 'ggml')).toContain('sum<a');
    expect(handOvers([named(ctx.add(a, b), 'sum'), ctx.relu(a)], 'ggml')).toContain('sum<b');
    expect(handOvers(named(ctx.add(a, b), 'sum'), 'off')).toEqual([]);
  });

  it('are never taken from outputs, results, or memory outside the plan', () => {
    const y = ctx.setOutput(named(ctx.sqr(leaf('x')), 'y'));
    expect(handOvers(named(ctx.relu(y), 'z'), 'full')).not.toContain('z<y');
    const weight = Context.virtual().newTensor('f32', [8], 'w');
    expect(handOvers(named(ctx.relu(weight), 'z'), 'full')).toEqual([]);
  });

  it('go through a view that covers the storage, and to an operand used twice, only in mode full', () => {
    const y = named(ctx.mulMat(leaf('a', [8, 4]), leaf('b', [8, 4])), 'y');
    const through = named(ctx.relu(ctx.reshape(y, [16])), 'through');
    expect([handOvers(through, 'full'), handOvers(through, 'ggml')]).toEqual([['through<y'], []]);
    const twice = named(ctx.mul(y, y), 'twice');
    expect([handOvers(twice, 'full'), handOvers(twice, 'ggml')]).toEqual([['twice<y'], []]);
  });

  it('in mode full go to a view of the first part, of which the rest is given back', () => {
    const y = named(ctx.mulMat(leaf('a', [8, 8]), leaf('b', [8, 8])), 'y');
    const part = named(ctx.relu(ctx.view(y, [32])), 'part');
    expect(handOvers(part, 'full')).toEqual(['part<y']);
    expect(handOvers(named(ctx.relu(ctx.view(y, [32], [], 128)), 'upper'), 'full')).toEqual([]);
    expect(handOvers(named(ctx.add(ctx.view(y, [32]), ctx.view(y, [32], [], 128)), 'both'), 'full')).toEqual([]);
  });

  it('in mode full take the larger of two storages, which needs fewer bytes', () => {
    const small = named(ctx.sqr(leaf('s', [8])), 'small');
    const large = named(ctx.sqr(leaf('l', [64])), 'large');
    const sum = named(ctx.add(small, ctx.view(large, [8])), 'sum');
    expect(handOvers(sum, 'full')).toContain('sum<large');
    expect(handOvers(sum, 'ggml')).toContain('sum<small');
  });

  it('make a chain of one buffer, and say so', () => {
    const x = named(ctx.mulMat(leaf('a'), leaf('b')), 'x');
    const z = named(ctx.relu(named(ctx.scale(named(ctx.sqr(x), 'p'), 2), 'q')), 'r');
    const plan = planGraph(Graph.forward(z), { reuse: 'full' });
    expect(plan.shares.map(({ why, name }) => [why, name])).toEqual(['p', 'q', 'r'].map((name) => ['reuse', name]));
    expect(new Set(plan.tensors.slice(2).map(({ offset }) => offset)).size).toBe(1);
  });
});

describe('a larger allocation that a smaller one takes over', () => {
  /** x with 256 bytes in place of 32; a = relu(x) in place, then b of 128 bytes, then c = b × a. */
  function shrinking(first: 'leaf' | 'node'): Graph {
    const x = first === 'leaf' ? leaf('x') : ctx.sqr(Context.virtual().newTensor('f32', [8], 'w'));
    const a = named(ctx.relu(x), 'a');
    const b = named(ctx.outProd(a, Context.virtual().newTensor('f32', [4])), 'b');
    const json = graphToJson(Graph.forward(ctx.mulMat(a, b)));
    json.tensors.find(({ name }) => name === x.name)!.allocSize = 256;
    return graphFromJson(json);
  }

  it.each(['leaf', 'node'] as const)('gives its tail back: taken from a %s', (first) => {
    const graph = shrinking(first);
    const plan = planGraph(graph, { allocator: 'ggml' });
    const b = plan.tensors.find(({ name }) => name === 'b')!;
    expect([b.offset, b.size, plan.bufferSize]).toEqual([32, 128, 256]);
    expect(verifyPlan(graph, plan)).toEqual([]);
    expect(plan.lowerBound).toBe(256);
  });
});

describe('what is there before the first step', () => {
  it('gives bytes back from the second step on, however much the first two steps give back', () => {
    const x = leaf('x');
    const graph = Graph.forward(ctx.mulMat(named(ctx.neg(named(ctx.relu(x), 'a')), 'b'), leaf('w')));
    const json = graphToJson(graph);
    const wanted: Record<string, number> = { x: 256, a: 128 };
    for (const row of json.tensors) if (row.name in wanted) row.allocSize = wanted[row.name];
    const { gaps } = analyzeLiveness(graphFromJson(json).table, 'full', 1).problem;
    expect([[...gaps!.starts], [...gaps!.ends], [...gaps!.uppers]]).toEqual([[1], [3], [32]]);
  });

  it('is handed over only where there is something', () => {
    const graph = Graph.forward(ctx.neg(ctx.relu(leaf('empty', [0, 4]))));
    expect(planGraph(graph).shares).toEqual([]);
  });
});

describe('storages beyond exact numbers', () => {
  it('are refused by their sum', () => {
    const halves = ['a', 'b'].map((name) => leaf(name, [2 ** 50]));
    expectError('BYTES_TOO_LARGE', 'the sum of all storages', () => planGraph(Graph.forward(halves)));
  });
});

describe('the problem of a graph', () => {
  /** Bytes needed at each step: of every storage, until its end or until another takes it over. */
  function bytesNeeded(graph: Graph, reuse: ReuseMode): number[] {
    const { tensors, nodes, inputs, table } = graph;
    const { bufferOf, reused, storageEnds } = analyzeLiveness(table, reuse, 1);
    const steps = new Map(nodes.map((node, step) => [node, inputs.has(node) ? 0 : step]));
    const startOf = (id: number): number => {
      const operand = reused[id];
      const start = steps.get(tensors[id]) ?? 0;
      // What is there before step 0 has all its bytes at step 0.
      return operand === NO_BUFFER ? start : Math.max(start, startOf(operand) + 1);
    };
    const bytes = new Array<number>(Math.max(1, nodes.length)).fill(0);
    tensors.forEach((tensor, id) => {
      if (bufferOf[id] === NO_BUFFER) return;
      const reuser = reused.indexOf(id);
      const end = reuser === -1 ? storageEnds[id] : Math.min(storageEnds[id], startOf(reuser));
      for (let step = startOf(id); step < end; step++) bytes[step] += tensor.allocSize ?? tensor.byteLength;
    });
    return bytes;
  }

  it.each(['off', 'ggml', 'full'] as const)('asks for each byte as long as it is needed, mode %s', (reuse) => {
    fc.assert(
      fc.property(arbitraryGraphs(), (drawn) => {
        const graph = graphOf(drawn);
        const { problem } = analyzeLiveness(graph.table, reuse, 1);
        expect(Array.from(liveBytesPerStep(problem))).toEqual(bytesNeeded(graph, reuse));
      }),
      { numRuns: 300 },
    );
  });

  it('gives bytes back again and again along a chain of ever smaller parts', () => {
    let part = named(ctx.mulMat(leaf('a', [8, 8]), leaf('b', [8, 8])), 'whole');
    for (const count of [48, 32, 16]) part = named(ctx.relu(ctx.view(part, [count])), `first ${count}`);
    const graph = Graph.forward(ctx.sum(part));
    const { problem } = analyzeLiveness(graph.table, 'full', 1);
    expect(Array.from(liveBytesPerStep(problem))).toEqual(bytesNeeded(graph, 'full'));
    expect(Array.from(problem.gaps!.uppers)).toEqual([192, 128, 64]);
    expect(Array.from(problem.gaps!.lowers)).toEqual([0, 0, 0]);
  });
});
