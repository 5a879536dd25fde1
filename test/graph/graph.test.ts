/** Graphs: order, growth, marks that change afterwards, and what is refused. */
import { describe, expect, it } from 'vitest';
import { Context } from '../../src/dialects/ggml/context.js';
import { Graph } from '../../src/graph/graph.js';
import { graphToJson } from '../../src/json/write.js';
import { measureGraph } from '../../src/plan/measure.js';
import { planGraph } from '../../src/plan/plan.js';
import { verifyPlan } from '../../src/verify/verify-plan.js';
import { expectError } from '../support/expect-error.js';

const ctx = Context.deferred();
const leaf = (name: string, length = 8) => ctx.newTensor('f32', [length], name);

describe('a graph', () => {
  it('has its nodes depth first over the sources, each once, and names those without a name', () => {
    const [a, b] = [leaf('a'), leaf('b')];
    const left = ctx.sqr(a);
    const right = ctx.exp(b);
    const sum = ctx.add(left, right);
    const graph = Graph.forward([ctx.mul(sum, left), ctx.relu(sum)]);
    expect(graph.leafs).toEqual([a, b]);
    expect(graph.nodes.map(({ op }) => op)).toEqual(['SQR', 'EXP', 'ADD', 'MUL', 'RELU']);
    expect(graph.nodes.slice(0, 3)).toEqual([left, right, sum]);
    expect(left.name).toBe('node_0');
    expect(Graph.forward(ctx.relu(ctx.newTensor('f32', [1]))).leafs[0].name).toBe('leaf_0');
  });

  it('grows by what is new', () => {
    const x = ctx.sqr(leaf('x'));
    const graph = Graph.forward(x);
    const before = measureGraph(graph).nodeCount;
    const y = ctx.exp(x);
    graph.expand(y).expand(y);
    expect([before, measureGraph(graph).nodeCount]).toEqual([1, 2]);
    expect(graph.nodes).toEqual([x, y]);
  });

  it('shares tensors with others that grow in turns, and has each once', () => {
    const shared = ctx.sqr(leaf('x'));
    const [left, right] = [ctx.exp(shared), ctx.relu(shared)];
    const [a, b] = [Graph.forward(left), new Graph()];
    b.expand(right);
    a.expand(ctx.exp(shared)).expand(left);
    b.expand(ctx.sqr(right)).expand(shared);
    a.expand(ctx.mul(left, right));
    expect(a.nodes.map(({ op }) => op)).toEqual(['SQR', 'EXP', 'EXP', 'RELU', 'MUL']);
    expect(b.nodes.map(({ op }) => op)).toEqual(['SQR', 'RELU', 'SQR']);
    expect([a.leafs.length, b.leafs.length, new Set(a.tensors).size]).toEqual([1, 1, 6]);
  });

  it('grows on from the parts that it was given', () => {
    const x = leaf('x');
    const y = ctx.sqr(x);
    const graph = new Graph({ leafs: [x], nodes: [y] });
    expect(graph.expand(ctx.exp(y)).nodes).toHaveLength(2);
    expect(graph.expand(y).tensors).toHaveLength(3);
  });

  it('puts a destination before the node that writes into it', () => {
    const place = ctx.view(Context.immediate().newTensor('f32', [8], 'cache'), [8]);
    const y = ctx.setOutput(ctx.sqr(leaf('x')), place);
    expect(Graph.forward(y).nodes).toEqual([place, y]);
  });

  it('notices marks that are set after its table was made', () => {
    const x = leaf('x');
    const y = ctx.sqr(x);
    const z = ctx.mul(ctx.mul(y, x), x);
    const graph = Graph.forward(z);
    const sizes = [measureGraph(graph).bufferSize];
    ctx.setOutput(y);
    sizes.push(measureGraph(graph).bufferSize);
    expect(sizes).toEqual([64, 96]);
    expect(verifyPlan(graph, planGraph(graph))).toEqual([]);
  });

  it('writes a result with a destination into that tensor', () => {
    const place = ctx.view(Context.immediate().newTensor('f32', [8], 'cache'), [8]);
    const y = ctx.setOutput(ctx.sqr(leaf('x')), place);
    const graph = Graph.forward([place, y]);
    const plan = planGraph(graph, { reuse: 'off' });
    expect(plan.find(y)).toBeUndefined();
    expect(plan.shares).toContainEqual({ id: graph.tensors.indexOf(y), name: y.name, owner: 0, why: 'output' });
  });

  it('refuses a tensor in whose place setOutput has returned another', () => {
    const place = ctx.view(Context.immediate().newTensor('f32', [8], 'cache'), [8]);
    const y = ctx.setName(ctx.sqr(leaf('x')), 'y');
    const read = ctx.setName(ctx.exp(y), 'read');
    const early = Graph.forward(y);
    expect(measureGraph(early).bufferSize).toBe(32);
    const written = ctx.setOutput(y, place);
    expectError('BAD_OPERAND', 'y', () => Graph.forward(y));
    expectError('BAD_OPERAND', 'y', () => measureGraph(early));
    expectError('BAD_OPERAND', 'y', () => graphToJson(early));
    expect(expectError('BAD_OPERAND', 'y', () => Graph.forward(read)).message).toBe(
      '`read` reads y, but setOutput has returned another tensor in its place. ' +
        'Use the tensor that setOutput returned, and call setOutput before anything reads the result.',
    );
    expect(Graph.forward(ctx.exp(written)).nodes.map(({ name }) => name)).toEqual([place.name, 'y', 'node_2']);
  });

  it('knows its tensors, inputs and outputs', () => {
    const x = ctx.setInput(leaf('x'));
    const y = ctx.setOutput(ctx.setOutput(ctx.sqr(x)), leaf('place'));
    const graph = Graph.forward(y);
    const other = ctx.setOutput(ctx.exp(x));
    expect([graph.has(x), graph.has(y), graph.has(other)]).toEqual([true, true, false]);
    expect([[...graph.inputs], [...graph.outputs]]).toEqual([[x], [y]]);
    graph.expand(other);
    expect([...graph.outputs]).toEqual([y, other]);
  });

  it('is unchanged by an expansion that fails', () => {
    const x = ctx.sqr(leaf('x'));
    const graph = Graph.forward(x);
    const before = JSON.stringify(graphToJson(graph));
    const y = ctx.exp(leaf('other'));
    const z = ctx.fill(y, 0);
    ctx.setOutput(y, z);
    expectError('BAD_OPERAND', /./, () => graph.expand(ctx.relu(z)));
    expect(JSON.stringify(graphToJson(graph))).toBe(before);
    expect(y.name).toBe('');
    expect(graph.expand(ctx.abs(x)).nodes).toHaveLength(2); // and goes on as if nothing had happened
  });

  it('shares tensors with other graphs that grow at the same time', () => {
    const x = leaf('x');
    const shared = ctx.sqr(x);
    const [one, two] = [new Graph(), new Graph()];
    for (let round = 0; round < 3; round++) {
      for (const graph of [one, two]) graph.expand(ctx.add(shared, ctx.exp(x)));
    }
    for (const { leafs, nodes } of [one, two]) {
      expect(leafs).toEqual([x]);
      expect(nodes).toHaveLength(1 + 3 * 2);
      expect(new Set(nodes).size).toBe(nodes.length);
    }
  });

  it('refuses parts that do not belong together', () => {
    const x = leaf('x');
    const y = ctx.setName(ctx.sqr(x), 'y');
    expectError('DANGLING_TENSOR', 'x, needed by y', () => measureGraph(new Graph({ leafs: [], nodes: [y] })));
  });

  it('may be empty, or hold leafs only', () => {
    expect(measureGraph(new Graph())).toMatchObject({ bufferSize: 0, lowerBound: 0, isOptimal: true, nodeCount: 0 });
    expect(measureGraph(Graph.forward(leaf('x')))).toMatchObject({ bufferSize: 32, lowerBound: 32, nodeCount: 0 });
  });

  it('takes chains of 200,000 nodes and views', () => {
    let x = leaf('x');
    for (let i = 0; i < 100_000; i++) x = ctx.reshape(ctx.relu(x), [8]);
    expect(measureGraph(Graph.forward(x))).toMatchObject({ bufferSize: 32, nodeCount: 200_000, isOptimal: true });
  });
});

describe('setOutput with a destination', () => {
  it('refuses leafs, views, other shapes and types, and a view of the result', () => {
    const y = ctx.sqr(leaf('x'));
    const place = leaf('place');
    expectError('BAD_OPERAND', 'setOutput: tensor', () => ctx.setOutput(leaf('x'), place));
    expectError('BAD_OPERAND', 'setOutput: tensor', () => ctx.setOutput(ctx.reshape(y, [8]), place));
    expectError('BAD_OPERAND', 'setOutput: destination', () => ctx.setOutput(y, leaf('place', 4)));
    expectError('BAD_OPERAND', 'setOutput: destination', () => ctx.setOutput(y, ctx.newTensor('i32', [8])));
    expectError('BAD_OPERAND', 'setOutput: destination', () => ctx.setOutput(y, ctx.reshape(y, [8])));
    const written = ctx.setOutput(y, place);
    expect(written.destination).toBe(place);
    expectError('BAD_OPERAND', 'setOutput: tensor', () => ctx.setOutput(written, leaf('elsewhere')));
    expectError('BAD_OPERAND', 'setOutput: tensor', () => ctx.setOutput(y, leaf('elsewhere')));
  });

  it('returns a view with the strides of the destination', () => {
    const wide = leaf('wide', 64);
    const place = ctx.view(wide, [4, 4], [64], 8);
    const y = ctx.setOutput(ctx.setName(ctx.sqr(ctx.newTensor('f32', [4, 4])), 'y'), place);
    expect(y).toMatchObject({ name: 'y', op: 'SQR', nb: place.nb, root: wide, viewOffset: 8 });
  });
});
