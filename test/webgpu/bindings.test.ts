import { describe, expect, it } from 'vitest';
import {
  Context,
  Graph,
  planFromJson,
  planGraph,
  Planner,
  planFamily,
  type Dims,
  type Tensor,
} from '../../src/index.js';
import {
  bindingsOf,
  dispatchesOf,
  transferOf,
  verifyDispatches,
  webgpuTarget,
  type DispatchBindings,
  type StorageAccess,
} from '../../src/webgpu/index.js';
import { expectError } from '../support/expect-error.js';

const weight = Context.virtual().newTensor('f32', [64, 64], 'weight');

/** The bindings of one node of a graph, planned for the guaranteed limits. */
function bound(
  node: Tensor,
  operands: StorageAccess = 'read-write',
  results: readonly Tensor[] = [node],
): DispatchBindings {
  const target = webgpuTarget({}, { operands });
  const graph = Graph.forward(results);
  const plan = planGraph(graph, { target });
  expect(verifyDispatches(graph, plan, dispatchesOf(graph, plan, target))).toEqual([]);
  return bindingsOf(plan, node, target);
}

function input(ctx: Context, name = 'x', length = 64): Tensor {
  return ctx.setOutput(ctx.setInput(ctx.newTensor('f32', [length], name)));
}

describe('bindings', () => {
  it('are one for each storage, in order of the slots, and say where the tensor is', () => {
    const ctx = Context.deferred();
    const x = input(ctx);
    const y = ctx.setOutput(ctx.mulMat(weight, x));
    expect(bound(y)).toEqual({
      nodes: [y],
      bindings: [
        { buffer: weight, offset: 0, size: 16384, access: 'read' },
        { buffer: 0, offset: 0, size: 256, access: 'read-write' },
        { buffer: 0, offset: 256, size: 256, access: 'read-write' },
      ],
      operands: [
        { binding: 0, residual: 0 },
        { binding: 1, residual: 0 },
      ],
      result: { binding: 2, residual: 0 },
    });
  });

  it('are for reading alone where operands and result have arenas of their own', () => {
    const ctx = Context.deferred();
    const { bindings } = bound(ctx.setOutput(ctx.mulMat(weight, input(ctx))), 'read');
    expect(bindings.map(({ buffer, access }) => [buffer, access])).toEqual([
      [weight, 'read'],
      [0, 'read'],
      [1, 'read-write'],
    ]);
  });

  it('are one for a tensor that is read twice', () => {
    const ctx = Context.deferred();
    const x = input(ctx);
    const { bindings, operands } = bound(ctx.setOutput(ctx.mul(x, x)), 'read');
    expect(bindings).toHaveLength(2);
    expect(operands).toEqual([
      { binding: 0, residual: 0 },
      { binding: 0, residual: 0 },
    ]);
  });

  it('are one for an operand and the result that lies over it', () => {
    const ctx = Context.deferred();
    const x = ctx.setInput(ctx.newTensor('f32', [64], 'x'));
    for (const operands of ['read-write', 'read'] as const) {
      const { bindings, result } = bound(ctx.setOutput(ctx.relu(x)), operands);
      expect(bindings).toEqual([{ buffer: 0, offset: 0, size: 256, access: 'read-write' }]);
      expect(result).toEqual({ binding: 0, residual: 0 });
    }
  });

  it('begin at a multiple of the alignment, with the rest as a residual', () => {
    const ctx = Context.deferred();
    const x = input(ctx, 'x', 256);
    const part = ctx.view(x, [10], [], 300);
    const { bindings, operands } = bound(ctx.setOutput(ctx.sqr(part)));
    expect(bindings[0]).toEqual({ buffer: 0, offset: 256, size: 84, access: 'read-write' });
    expect(operands).toEqual([{ binding: 0, residual: 44 }]);
  });

  it('have a size that is a multiple of 4', () => {
    const ctx = Context.deferred();
    const half = ctx.setOutput(ctx.setInput(ctx.newTensor('f16', [3], 'half')));
    expect(bound(ctx.setOutput(ctx.sqr(half))).bindings.map(({ size }) => size)).toEqual([8, 8]);
  });

  it('are merged where ranges meet, and one of them may be written', () => {
    const ctx = Context.deferred();
    const x = input(ctx, 'x', 256);
    const [first, second] = [0, 400].map((offset) => ctx.view(x, [64], [], offset));
    const y = ctx.setOutput(ctx.add(first, second));
    const merged = bound(y);
    expect(merged.bindings.map(({ offset, size }) => [offset, size])).toEqual([
      [0, 256],
      [256, 400],
      [1024, 256],
    ]);
    const third = ctx.view(x, [64], [], 200);
    const { bindings, operands } = bound(ctx.setOutput(ctx.add(first, third)));
    expect(bindings.map(({ offset, size }) => [offset, size])).toEqual([
      [0, 456],
      [1024, 256],
    ]);
    expect(operands).toEqual([
      { binding: 0, residual: 0 },
      { binding: 0, residual: 200 },
    ]);
  });

  it('are not merged where they are only read, unless one holds the other', () => {
    const ctx = Context.deferred();
    const x = input(ctx, 'x', 256);
    const sumFrom = (offset: number): DispatchBindings => {
      const [first, second] = [0, offset].map((start) => ctx.view(x, [128], [], start));
      return bound(ctx.setOutput(ctx.add(first, second)), 'read');
    };
    expect(sumFrom(300).bindings.map(({ offset, size, access }) => [offset, size, access])).toEqual([
      [0, 512, 'read'],
      [256, 556, 'read'],
      [0, 512, 'read-write'],
    ]);
    const { bindings, operands } = sumFrom(200);
    expect(bindings.map(({ offset, size }) => [offset, size])).toEqual([
      [0, 712],
      [0, 512],
    ]);
    expect(operands.map((each) => each?.residual)).toEqual([0, 200]);
  });

  it('of one storage that is both read and written are all for writing', () => {
    const cache = Context.virtual().newTensor('f32', [256], 'cache');
    const ctx = Context.deferred();
    const copied = ctx.cpy(ctx.view(cache, [64], [], 512), ctx.view(cache, [64], [], 0));
    const { bindings } = bound(copied, 'read');
    expect(bindings).toEqual([
      { buffer: cache, offset: 512, size: 256, access: 'read-write' },
      { buffer: cache, offset: 0, size: 256, access: 'read-write' },
    ]);
  });

  it('cover what a device wants behind a tensor', () => {
    const ctx = Context.deferred();
    const sorted = ctx.setOutput(ctx.argsort(input(ctx)));
    expect(bound(sorted).bindings[1].size).toBe(sorted.storageBytes);
  });

  it('are none for views, and for tensors without bytes', () => {
    const ctx = Context.deferred();
    const x = input(ctx);
    const view = ctx.reshape(x, [8, 8]);
    const y = ctx.setOutput(ctx.sqr(view));
    expect(bound(view, 'read', [y])).toEqual({ nodes: [view], bindings: [], operands: [null], result: null });
    const none = ctx.newTensor('f32', [0, 1], 'none');
    const whole = ctx.setOutput(ctx.concat(ctx.newTensor('f32', [4, 1]), none, 0));
    expect(bound(whole).operands[1]).toBeNull();
  });

  it('of nodes that are computed at once leave out what is between them', () => {
    const ctx = Context.deferred();
    const x = input(ctx);
    const scale = Context.virtual().newTensor('f32', [64], 'scale');
    const norm = ctx.rmsNorm(x, 1e-5);
    const y = ctx.setOutput(ctx.mul(norm, scale));
    const graph = Graph.forward(y);
    for (const operands of ['read-write', 'read'] as const) {
      const target = webgpuTarget({}, { operands });
      const plan = planGraph(graph, { target });
      const dispatch = bindingsOf(plan, [norm, y], target);
      expect(dispatch.bindings.map(({ buffer, access }) => [buffer, access])).toEqual([
        [0, operands],
        [scale, 'read'],
        [operands === 'read' ? 1 : 0, 'read-write'],
      ]);
      expect(dispatch.operands).toEqual([{ binding: 0, residual: 0 }, null, { binding: 1, residual: 0 }]);
      expect(verifyDispatches(graph, plan, [dispatch])).toEqual([]);
    }
  });
});

describe('storages outside of the arena', () => {
  it('are where the caller says, and share a buffer there', () => {
    const ctx = Context.deferred();
    const other = Context.virtual().newTensor('f32', [64], 'bias');
    const y = ctx.setOutput(ctx.add(ctx.mulMat(weight, input(ctx)), other));
    const graph = Graph.forward(y);
    const target = webgpuTarget();
    const plan = planGraph(graph, { target });
    const outside = (owner: Tensor): { buffer: string; offset: number } => ({
      buffer: 'weights',
      offset: owner === weight ? 0 : 16384,
    });
    const dispatches = dispatchesOf(graph, plan, target, outside);
    const buffers = new Map([['weights', 16640]]);
    expect(dispatches[0].bindings[0]).toEqual({ buffer: 'weights', offset: 0, size: 16384, access: 'read' });
    expect(dispatches[1].bindings.find(({ buffer }) => buffer === 'weights')!.offset).toBe(16384);
    expect(verifyDispatches(graph, plan, dispatches, { outside, buffers })).toEqual([]);
  });

  it('are all for writing in a dispatch that writes to one of their buffer', () => {
    const ctx = Context.deferred();
    const memory = Context.virtual();
    const [cache, rows] = [memory.newTensor('f32', [4, 16], 'cache'), memory.newTensor('f32', [4, 2], 'rows')];
    const written = ctx.setRows(cache, rows, ctx.setInput(ctx.newTensor('i32', [2])));
    const graph = Graph.forward(written);
    const target = webgpuTarget({}, { operands: 'read' });
    const plan = planGraph(graph, { target });
    const outside = (owner: Tensor): { buffer: string; offset: number } => ({
      buffer: 'memory',
      offset: owner === cache ? 0 : 256,
    });
    const { bindings } = bindingsOf(plan, written, target, outside);
    const accesses = bindings.map(({ buffer, access }) => [buffer, access]);
    expect(accesses).toContainEqual(['memory', 'read-write']);
    expect(accesses).not.toContainEqual(['memory', 'read']);
    expect(accesses).toContainEqual([0, 'read']);
  });
});

describe('what is moved to a buffer and from it', () => {
  it('begins and ends at multiples of 4', () => {
    const ctx = Context.deferred();
    const half = ctx.setOutput(ctx.setInput(ctx.newTensor('f16', [7], 'half')));
    const part = ctx.view(half, [3], [], 2);
    const plan = planGraph(Graph.forward(ctx.setOutput(ctx.sqr(part))), { target: webgpuTarget() });
    expect(transferOf(plan, half)).toEqual({ buffer: 0, offset: 0, size: 16, residual: 0 });
    expect(transferOf(plan, part)).toEqual({ buffer: 0, offset: 0, size: 8, residual: 2 });
    expect(transferOf(plan, weight)).toEqual({ buffer: weight, offset: 0, size: 16384, residual: 0 });
    const outside = (): { buffer: string; offset: number } => ({ buffer: 'weights', offset: 256 });
    expect(transferOf(plan, weight, outside)).toEqual({ buffer: 'weights', offset: 256, size: 16384, residual: 0 });
  });
});

describe('plans that were not just made', () => {
  const build = (rows: number): { graph: Graph; y: Tensor } => {
    const ctx = Context.deferred();
    const x = ctx.setInput(ctx.newTensor('f32', [64, rows], 'x'));
    const y = ctx.setOutput(ctx.add(ctx.mulMat(weight, ctx.rmsNorm(x, 1e-5)), x));
    return { graph: Graph.forward(y), y };
  };
  const target = webgpuTarget();

  it('of a planner have bindings', () => {
    const planner = new Planner({ target }).reserve(build(100).graph);
    const { graph } = build(7);
    const plan = planner.plan(graph);
    expect(planner.replanCount).toBe(0);
    expect(verifyDispatches(graph, plan, dispatchesOf(graph, plan, target))).toEqual([]);
  });

  it('of a family have bindings, also if its arena grows', () => {
    const of = ({ rows }: Dims<'rows'>): Graph => build(rows).graph;
    for (const grows of [undefined, 'rows'] as const) {
      const family = planFamily(of, { rows: [1, 64] }, { target, ...(grows === undefined ? {} : { grows }) });
      for (const rows of [1, 5, 64]) {
        const plan = family.at({ rows });
        expect(verifyDispatches(plan.graph, plan, dispatchesOf(plan.graph, plan, target))).toEqual([]);
      }
    }
  });

  it('of a file have bindings', () => {
    const { graph } = build(9);
    const json = planGraph(graph, { target }).toJSON();
    const plan = planFromJson(graph, json, { runtime: target.runtime });
    const dispatches = dispatchesOf(graph, plan, target);
    expect(verifyDispatches(graph, plan, dispatches, { runtime: target.runtime })).toEqual([]);
  });

  it('of several memories are not for planners', () => {
    const several = webgpuTarget({}, { operands: 'read' });
    expectError('BAD_ARGUMENT', 'target', () => new Planner({ target: several }));
    const grow = (): unknown =>
      planFamily(({ rows }: Dims<'rows'>) => build(rows).graph, { rows: [1, 4] }, { target: several, grows: 'rows' });
    expectError('BAD_ARGUMENT', 'target', grow);
  });

  it('for another target are refused', () => {
    const { graph, y } = build(3);
    expectError('BAD_ARGUMENT', 'plan.alignment', () => bindingsOf(planGraph(graph), y, target));
  });
});
