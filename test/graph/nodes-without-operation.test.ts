/** Graphs that ggml allows and hardly anybody builds by hand: nodes without an operation, and views of nothing. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { AllocatorName } from '../../src/solver/allocators.js';
import { Graph } from '../../src/graph/graph.js';
import { graphFromJson } from '../../src/json/read.js';
import { graphToJson, type GraphJson, type TensorJson } from '../../src/json/write.js';
import { Context } from '../../src/dialects/ggml/context.js';
import { planGraph } from '../../src/plan/plan.js';
import { assertPlanCorrect } from '../../src/testing/assert-plan-correct.js';
import { whyNotExecutable } from '../../src/exec/reference/execute.js';
import { compareExecutions } from '../../src/testing/compare-executions.js';
import { replayPlan } from '../../src/verify/replay.js';
import { verifyPlan } from '../../src/verify/verify-plan.js';
import { describeShared, sharedPath } from '../support/shared.js';

const PLANNERS: readonly AllocatorName[] = ['ggml', 'auto', 'greedy-by-size'];

/** Eight floats without an operation. */
function row(name: string, fields: Partial<TensorJson> = {}): TensorJson {
  const layout = { type: 'f32', shape: [8, 1, 1, 1], strides: [4, 32, 32, 32], byteLength: 32 };
  return { name, op: 'NONE', ...layout, view: undefined, viewOffset: undefined, ...fields };
}

function documentOf(tensors: TensorJson[], leafs: number[], nodes: number[]): GraphJson {
  return { format: 'tensor-graph', version: 2, dialect: 'ggml', tensors, leafs, nodes };
}

/** As ggml's scheduler writes a split: what keeps the input alive, and its copy for another device. */
function splitGraph(changes: Record<number, Partial<TensorJson>> = {}): Graph {
  const rows = [
    row('x', { input: true }),
    row('x (dep)', { src: [0], view: 0, viewOffset: 0 }),
    row('copy'),
    row('y', { op: 'SQR', src: [2], inplace: true, output: true }),
  ].map((each, id) => ({ ...each, ...changes[id] }));
  return graphFromJson(documentOf(rows, [0], [1, 2, 3]));
}

describeShared('graphs that ggml allows', () => {
  for (const file of ['empty-view.json', 'empty-view-deepseek2.json', 'scheduler-none-nodes.json']) {
    it(`are read, written and planned: ${file}`, () => {
      const document = JSON.parse(readFileSync(sharedPath('faults', file), 'utf8')) as GraphJson;
      const graph = graphFromJson(document);
      expect(graphFromJson(graphToJson(graph)).tensors.map(({ name }) => name)).toEqual(
        document.tensors.map(({ name }) => name),
      );
      for (const allocator of PLANNERS) assertPlanCorrect(graph, planGraph(graph, { allocator }));
    });
  }

  it('have the size that ggml gives them', () => {
    const text = readFileSync(sharedPath('faults', 'empty-view-deepseek2.json'), 'utf8');
    const { gallocr } = (JSON.parse(text) as { expected: { gallocr: { alignment: number; bufferSize: number } } })
      .expected;
    const { bufferSize } = planGraph(graphFromJson(JSON.parse(text)), {
      allocator: 'ggml',
      alignment: gallocr.alignment,
    });
    expect(bufferSize).toBe(gallocr.bufferSize);
  });
});

it('a view without an operation keeps its storage to its step, and no longer', () => {
  const plan = planGraph(splitGraph(), { allocator: 'ggml' });
  expect(plan.tensors.map(({ name, offset, start, end }) => [name, offset, start, end])).toEqual([
    ['x', 0, 0, 1],
    ['copy', 0, 1, 3],
    ['y', 0, 2, 3],
  ]);
  expect(plan.shares.map(({ name, why }) => [name, why])).toEqual([
    ['x (dep)', 'view'],
    ['y', 'reuse'],
  ]);
  assertPlanCorrect(splitGraph(), plan);
});

it('a view without an operation that is an output keeps its storage to the end', () => {
  const graph = splitGraph({ 1: { output: true } });
  const plan = planGraph(graph);
  expect(plan.bufferSize).toBe(64);
  assertPlanCorrect(graph, plan);
});

it('what arrives at its step has bytes of its own from there on', () => {
  const graph = splitGraph({ 1: row('z', { op: 'SQR', src: [0], output: true }) });
  const plan = planGraph(graph, { reuse: 'off' });
  expect(whyNotExecutable(graph)).toBeNull();
  expect(compareExecutions(graph, plan)).toEqual([]);
  // Over `z`, which lasts to the end: found by all three.
  const place = plan.tensors.find(({ name }) => name === 'z')!.offset;
  const damaged = { ...plan.toJSON(), tensors: plan.tensors.map((each) => ({ ...each, offset: place })) };
  expect(verifyPlan(graph, damaged).map(({ message }) => message)).toContainEqual(
    expect.stringMatching(/^output-overwritten: z \(1\) and copy \(2\)/),
  );
  expect(replayPlan(graph, damaged).map(({ message }) => message)).toContainEqual(
    expect.stringMatching(/^lost-result: .* part of z \(1\), are y \(3\)/),
  );
  expect(compareExecutions(graph, damaged).map(({ message }) => message)).toContainEqual(
    expect.stringMatching(/^z differs/),
  );
});

it('what arrives at its step may name sources, which live until then', () => {
  const graph = splitGraph({ 1: row('t', { op: 'SQR', src: [0] }), 2: { src: [1] } });
  const plan = planGraph(graph);
  expect(plan.tensors.map(({ name, start, end }) => [name, start, end])).toEqual([
    ['x', 0, 1],
    ['t', 0, 2],
    ['copy', 1, 3],
    ['y', 2, 3],
  ]);
  assertPlanCorrect(graph, plan);
  const damaged = { ...plan.toJSON(), tensors: plan.tensors.map((each) => ({ ...each, offset: 0 })) };
  expect(verifyPlan(graph, damaged)).not.toEqual([]);
  expect(replayPlan(graph, damaged)).not.toEqual([]);
});

it('an input among the nodes has its value from the start, and keeps it', () => {
  const graph = splitGraph({ 1: row('t', { op: 'SQR', src: [0] }), 2: { input: true }, 3: { op: 'ADD', src: [1, 2] } });
  const plan = planGraph(graph);
  expect(plan.tensors.find(({ name }) => name === 'copy')!.start).toBe(0);
  assertPlanCorrect(graph, plan);
  const damaged = { ...plan.toJSON(), tensors: plan.tensors.map((each) => ({ ...each, offset: 0 })) };
  expect(replayPlan(graph, damaged).map(({ kind }) => kind)).toContain('stale-read');
});

it('nodes without an operation that have sources are nodes of another graph, too', () => {
  const graph = splitGraph({ 3: { op: 'ADD', src: [1, 2] } });
  const again = Graph.forward(graph.nodes[2]);
  expect(again.leafs.map(({ name }) => name)).toEqual(['x', 'copy']);
  expect(again.nodes.map(({ name }) => name)).toEqual(['x (dep)', 'y']);
  assertPlanCorrect(again, planGraph(again));
});

it('a view without elements may start anywhere, and has no elements', () => {
  const ctx = Context.deferred();
  const x = ctx.setInput(ctx.newTensor('f32', [8, 2], 'x'));
  const none = ctx.view(x, [4, 0], [32], 4096);
  const y = ctx.setOutput(ctx.sqr(none));
  const graph = Graph.forward([y, ctx.setOutput(ctx.relu(x))]);
  const plan = planGraph(graph);
  assertPlanCorrect(graph, plan);
  expect(plan.allocate().data(none, 'f32')).toHaveLength(0);
  expect(plan.allocate().result(y, 'f32')).toHaveLength(0);
  const immediate = Context.immediate();
  const held = immediate.newTensor('f32', [8, 2], 'held');
  expect(immediate.data(immediate.view(held, [4, 0], [32], 4096))).toHaveLength(0);
});
