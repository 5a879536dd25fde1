/** Groups that a runtime may compute at once: which there are, and what they ask of live ranges and hand-overs. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Context } from '../../src/graph/context.js';
import { Graph } from '../../src/graph/graph.js';
import { groupsOf } from '../../src/liveness/groups.js';
import { planGraph, type Plan } from '../../src/plan/plan.js';
import type { PlanOptions } from '../../src/plan/options.js';
import type { Runtime } from '../../src/runtime/runtime.js';
import { RUNTIMES, type RuntimeName } from '../../src/runtime/runtimes.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import { arbitraryGraph } from '../../src/testing/arbitrary-graph.js';
import { findGroups } from '../../src/verify/fused-groups.js';
import { arbitraryGraphs, graphOf } from '../support/arbitrary-graph.js';
import { fusedGraphs } from '../support/fused-graphs.js';

const ctx = Context.deferred();
const weights = Context.virtual();
const leaf = (name: string, ne: readonly number[] = [8, 4]): Tensor => ctx.setInput(ctx.newTensor('f32', ne, name));
const weight = (ne: readonly number[] = [8]): Tensor => weights.newTensor('f32', ne, 'w');
const named = (name: string, tensor: Tensor): Tensor => ctx.setName(tensor, name);

/** `A B C` for every group, as the verifiers see it, after the planner has been found to see the same. */
function groupNames(outputs: Tensor | Tensor[], runtime: RuntimeName): string[] {
  const graph = Graph.forward(outputs);
  expectSameGroups(graph, RUNTIMES[runtime]);
  return findGroups(graph, RUNTIMES[runtime])
    .map(({ nodes }) => nodes.map(({ op }) => op).join(' '))
    .sort();
}

/** The planner's groups must read the same storages up to the same steps as the verifiers' do. */
function expectSameGroups(graph: Graph, runtime: Runtime): void {
  const steps = new Map(graph.nodes.map((node, step) => [node, step]));
  const expected = new Map<number, Set<Tensor>>();
  for (const { nodes } of findGroups(graph, runtime)) {
    const step = steps.get(nodes.at(-1)!)!;
    const roots = expected.get(step) ?? new Set();
    nodes.forEach((node, index) => {
      for (const source of node.sources) {
        if (source !== null && source !== node && source !== nodes[index - 1]) roots.add(source.root);
      }
    });
    if (roots.size > 0) expected.set(step, roots);
  }
  const groups = groupsOf(graph, runtime);
  const found = new Map<number, Set<Tensor>>();
  groups?.lastSteps.forEach((step, index) => {
    const roots = groups.roots.subarray(groups.first[index], groups.first[index + 1]);
    found.set(step, new Set(Array.from(roots, (id) => graph.tensors[id])));
  });
  expect(found).toEqual(expected);
}

describe('groups', () => {
  it('are a norm and the product that alone reads it', () => {
    expect(groupNames(ctx.mul(ctx.rmsNorm(leaf('x'), 1e-5), weight()), 'ggml-cpu')).toEqual(['RMS_NORM MUL']);
    expect(groupNames(ctx.mul(leaf('y'), ctx.rmsNorm(leaf('x'), 1e-5)), 'ggml-cpu')).toEqual(['RMS_NORM MUL']);
    expect(groupNames(ctx.add(ctx.rmsNorm(leaf('x'), 1e-5), weight()), 'ggml-cpu')).toEqual([]);
    expect(groupNames(ctx.mul(ctx.norm(leaf('x'), 1e-5), weight()), 'ggml-cpu')).toEqual([]);
    expect(groupNames(ctx.mul(ctx.norm(leaf('x'), 1e-5), weight()), 'ggml-metal')).toEqual(['NORM MUL']);
  });

  it.each(['none', 'ggml-vulkan'] as const)('are none for %s', (runtime) => {
    expect(groupNames(ctx.mul(ctx.rmsNorm(leaf('x'), 1e-5), weight()), runtime)).toEqual([]);
    expect(groupsOf(Graph.forward(ctx.mul(ctx.rmsNorm(leaf('x'), 1e-5), weight())), RUNTIMES[runtime])).toBeNull();
  });

  it('are none where a result between is an output, read twice, seen through a view, a view itself, or of another shape', () => {
    const norm = (): Tensor => ctx.rmsNorm(leaf('x'), 1e-5);
    const output = ctx.setOutput(norm());
    const twice = norm();
    const others = norm();
    const seen = norm();
    const reuse = ctx.rmsNorm(ctx.relu(leaf('x')), 1e-5, { inPlace: true });
    const column = ctx.rmsNorm(leaf('x', [8]), 1e-5);
    expect(groupNames(ctx.mul(output, weight()), 'ggml-cpu')).toEqual([]);
    expect(groupNames(ctx.mul(twice, twice), 'ggml-cpu')).toEqual([]);
    expect(groupNames([ctx.mul(others, weight()), ctx.relu(others)], 'ggml-cpu')).toEqual([]);
    expect(groupNames([ctx.mul(seen, weight()), ctx.relu(ctx.view(seen, [8]))], 'ggml-cpu')).toEqual([]);
    expect(groupNames(ctx.mul(reuse, weight()), 'ggml-cpu')).toEqual([]);
    expect(groupNames(ctx.mul(leaf('y'), column), 'ggml-cpu')).toEqual([]);
  });

  it('may have views in between, and no other node', () => {
    const x = leaf('x');
    const factor = ctx.relu(leaf('factor', [32]));
    const norm = ctx.rmsNorm(x, 1e-5);
    const withView = ctx.mul(norm, ctx.reshape(factor, [8, 4]));
    expect(groupNames([factor, withView], 'ggml-cpu')).toEqual(['RMS_NORM MUL']);
    const late = ctx.mul(ctx.rmsNorm(x, 1e-5), ctx.relu(leaf('late')));
    expect(groupNames(late, 'ggml-cpu')).toEqual([]);
  });

  it('end with a result that is written into another tensor, too', () => {
    const product = ctx.mul(ctx.rmsNorm(leaf('x'), 1e-5), weight());
    expect(groupNames(ctx.setOutput(product, leaf('destination')), 'ggml-cpu')).toEqual(['RMS_NORM MUL']);
  });

  it('overlap on CUDA: with and without what is added, and every part of a chain of eight', () => {
    const normed = ctx.mul(ctx.rmsNorm(leaf('x'), 1e-5), weight());
    expect(groupNames(ctx.add(normed, leaf('y')), 'ggml-cuda')).toEqual(['RMS_NORM MUL', 'RMS_NORM MUL ADD']);
    let sum = leaf('x');
    for (let i = 0; i < 10; i++) sum = ctx.add(sum, leaf(`y${i}`));
    const lengths = groupNames(sum, 'ggml-cuda').map((group) => group.split(' ').length);
    const counts = Array.from({ length: 12 }, (_, length) => lengths.filter((each) => each === length).length);
    expect(counts).toEqual([0, 0, 9, 8, 7, 6, 5, 4, 3, 0, 0, 0]);
    expect(groupNames(ctx.sqr(ctx.relu(leaf('x'))), 'ggml-cuda')).toEqual(['RELU SQR']);
    expect(groupNames(ctx.mul(ctx.sigmoid(leaf('x')), leaf('y')), 'ggml-cuda')).toEqual(['SIGMOID MUL']);
    const capped = ctx.scale(ctx.tanh(ctx.scale(leaf('x'), 0.5)), 2);
    expect(groupNames(capped, 'ggml-cuda')).toEqual(['SCALE TANH SCALE']);
    const x = leaf('x');
    const snake = ctx.add(ctx.mul(ctx.sqr(ctx.sin(ctx.mul(x, weight()))), weight()), x);
    expect(groupNames(snake, 'ggml-metal')).toEqual(['MUL SIN SQR MUL ADD']);
  });

  it.each(Object.keys(RUNTIMES) as RuntimeName[])('are the same for planner and verifiers: %s', (runtime) => {
    const graphs = fc.oneof(arbitraryGraph(), fusedGraphs(), arbitraryGraphs().map(graphOf));
    fc.assert(
      fc.property(graphs, (graph) => expectSameGroups(graph, RUNTIMES[runtime])),
      { numRuns: 150 },
    );
  });
});

describe('live ranges with groups', () => {
  const rangesOf = (plan: Plan): Record<string, [number, number]> =>
    Object.fromEntries(plan.tensors.map(({ name, start, end }) => [name, [start, end]]));
  const planOf = (output: Tensor, options: PlanOptions): Plan => planGraph(Graph.forward(output), options);

  it('reach to the result that gets bytes of its own, and no further', () => {
    const x = named('x', ctx.relu(leaf('input')));
    const product = named('y', ctx.mul(named('n', ctx.rmsNorm(x, 1e-5)), weight()));
    const output = ctx.setOutput(named('z', ctx.relu(product)));
    expect(rangesOf(planOf(output, { reuse: 'off' }))).toMatchObject({ x: [0, 3], n: [1, 3], y: [2, 4] });
    expect(rangesOf(planOf(output, { reuse: 'off', runtime: 'none' }))).toMatchObject({ x: [0, 2], n: [1, 3] });
    // y takes over n, which takes over x, or which has been there together with x.
    for (const reuse of ['ggml', 'full'] as const) {
      expect(rangesOf(planOf(output, { reuse }))).toMatchObject({ x: [0, 2], n: [1, 3] });
    }
  });

  it('of what the result of a product lies over on CUDA: never what the product reads', () => {
    const x = named('x', ctx.relu(leaf('input', [8, 4])));
    const sum = named('y', ctx.add(x, named('m', ctx.mulMat(weight([8, 8]), x))));
    const output = ctx.setOutput(ctx.relu(sum));
    const reusedBy = (runtime: RuntimeName): string[] => {
      const plan = planOf(output, { allocator: 'ggml', reuse: 'full', runtime });
      const { tensors } = plan.graph;
      return plan.shares.filter(({ name }) => name === 'y').map((share) => tensors[share.owner].name);
    };
    expect(reusedBy('ggml-cpu')).toEqual(['x']);
    expect(reusedBy('ggml-cuda')).toEqual(['m']);
  });

  it('let a result lie exactly on what a norm reads, and not on another view of it', () => {
    const storage = named('storage', ctx.relu(leaf('input', [8, 8])));
    const rows = (first: number): Tensor => ctx.view(storage, [8, 4], [32], first * 32);
    const taken = (output: Tensor): boolean => {
      const { shares } = planOf(ctx.setOutput(output), { allocator: 'ggml', reuse: 'full' });
      return shares.some(({ name, why }) => name === 'y' && why === 'reuse');
    };
    const same = (x: Tensor): Tensor => ctx.relu(named('y', ctx.mul(x, ctx.rmsNorm(x, 1e-5))));
    expect(taken(same(named('x', ctx.relu(leaf('other')))))).toBe(true);
    const first = rows(0);
    const shifted = ctx.rmsNorm(rows(4), 1e-5);
    const plan = planOf(ctx.setOutput(ctx.relu(named('y', ctx.mul(first, shifted)))), {
      allocator: 'ggml',
      reuse: 'full',
    });
    const reused = plan.shares.find(({ name, why }) => name === 'y' && why === 'reuse');
    expect(reused === undefined ? null : plan.graph.tensors[reused.owner].op).toBe('RMS_NORM');
  });
});
