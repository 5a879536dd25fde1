import { describe, expect, it } from 'vitest';
import { Context, Graph, measureGraph, planGraph, verifyPlan, type Tensor } from '../../src/index.js';
import { bindingsOf, GUARANTEED_LIMITS, WEBGPU, webgpuTarget } from '../../src/webgpu/index.js';
import { expectError } from '../support/expect-error.js';

const MIB = 2 ** 20;

/** A graph that computes `f` of an input of so many rows of 1 KiB. */
function graphOf(f: (ctx: Context, x: Tensor) => Tensor, rows = 4): Graph {
  const ctx = Context.deferred();
  const x = ctx.setInput(ctx.newTensor('f32', [256, rows], 'x'));
  return Graph.forward(ctx.setOutput(ctx.setName(f(ctx, x), 'y')));
}

/** What reuses the bytes of an operand, by the name of the operation. */
function reusesOf(f: (ctx: Context, x: Tensor) => Tensor): boolean {
  const plan = planGraph(graphOf(f), { target: webgpuTarget() });
  expect(verifyPlan(plan.graph, plan)).toEqual([]);
  return plan.shares.some(({ why }) => why === 'reuse');
}

describe('limits', () => {
  it('are those that every device guarantees, unless they are given', () => {
    expect(webgpuTarget().limits).toEqual(GUARANTEED_LIMITS);
    expect(webgpuTarget({ maxBufferSize: 2 ** 31 }).limits).toEqual({ ...GUARANTEED_LIMITS, maxBufferSize: 2 ** 31 });
  });

  it('are read from the prototype, where a device keeps them among others', () => {
    class GPUSupportedLimits {
      get maxBufferSize(): number {
        return 2 ** 30;
      }
      get minStorageBufferOffsetAlignment(): number {
        return 32;
      }
      get maxTextureDimension1D(): number {
        return 8192;
      }
    }
    const { limits } = webgpuTarget(new GPUSupportedLimits());
    expect(limits).toEqual({ ...GUARANTEED_LIMITS, maxBufferSize: 2 ** 30, minStorageBufferOffsetAlignment: 32 });
  });

  it('are whole numbers, and the alignment a power of two', () => {
    expectError('BAD_ARGUMENT', 'maxBufferSize', () => webgpuTarget({ maxBufferSize: 100 }));
    expectError('BAD_ARGUMENT', 'maxStorageBufferBindingSize', () =>
      webgpuTarget({ maxStorageBufferBindingSize: NaN }),
    );
    expectError('BAD_ARGUMENT', 'maxStorageBuffersPerShaderStage', () =>
      webgpuTarget({ maxStorageBuffersPerShaderStage: 0 }),
    );
    const aligned = (minStorageBufferOffsetAlignment: number) => () =>
      webgpuTarget({ minStorageBufferOffsetAlignment });
    expectError('BAD_ALIGNMENT', 'minStorageBufferOffsetAlignment', aligned(100));
    expectError('BAD_ARGUMENT', 'minStorageBufferOffsetAlignment', aligned(16));
    expectError('BAD_ARGUMENT', /option|limits/, () => webgpuTarget({ maxBufferBytes: 5 } as never));
    expectError('BAD_ARGUMENT', 'operands', () => webgpuTarget({}, { operands: 'write' as never }));
  });
});

describe('a plan for WebGPU', () => {
  it('has offsets at multiples of 256, and chunks that are buffers', () => {
    const plan = planGraph(
      graphOf((ctx, x) => ctx.mulMat(ctx.sqr(x), ctx.cont(x)), 4),
      { target: webgpuTarget({ maxBufferSize: 8192 + 100 }) },
    );
    expect(plan.alignment).toBe(256);
    expect(plan.chunks.every((size) => size <= 8192 && size % 256 === 0)).toBe(true);
    expect(plan.chunks.length).toBeGreaterThan(1);
  });

  it('overwrites operands of the operations that have a shader for it, and of no others', () => {
    expect(reusesOf((ctx, x) => ctx.relu(x))).toBe(true);
    expect(reusesOf((ctx, x) => ctx.softMax(x))).toBe(true);
    expect(reusesOf((ctx, x) => ctx.scale(x, 2))).toBe(true);
    expect(reusesOf((ctx, x) => ctx.cont(x))).toBe(false);
    expect(reusesOf((ctx, x) => ctx.cumsum(x))).toBe(false);
    expect(reusesOf((ctx, x) => ctx.swiglu(x, ctx.setInput(ctx.newTensor('f32', [256, 4]))))).toBe(false);
    expect(reusesOf((ctx, x) => ctx.custom([x], { type: 'f32', ne: x.ne, overwrites: [0] }))).toBe(false);
  });

  it('overwrites the operands that kernels of your own do', () => {
    const runtime = { ...WEBGPU, name: 'mine', reuses: { ...WEBGPU.reuses, CUMSUM: [0] } };
    const graph = graphOf((ctx, x) => ctx.cumsum(x));
    const plan = planGraph(graph, { target: webgpuTarget({}, { runtime }) });
    expect(plan.shares).toHaveLength(1);
    expect(verifyPlan(graph, plan)).toEqual([]);
    expect(verifyPlan(graph, plan, { runtime: WEBGPU }).map(({ kind }) => kind)).toEqual(['in-place-not-allowed']);
  });

  it('does not overwrite an operand that a kernel reads through another slot as well', () => {
    const runtime = { ...WEBGPU, name: 'left', reuses: { MUL: [0] } };
    const target = webgpuTarget({}, { runtime });
    const twice = planGraph(
      graphOf((ctx, x) => ctx.mul(x, x)),
      { target },
    );
    expect(twice.shares).toEqual([]);
    const once = planGraph(
      graphOf((ctx, x) => ctx.mul(x, Context.virtual().newTensor('f32', [256]))),
      { target },
    );
    expect(once.shares).toHaveLength(1);
  });

  it('takes arenas of which no dispatch reads the one that it writes', () => {
    const graph = graphOf((ctx, x) => {
      const y = ctx.mulMat(Context.virtual().newTensor('f32', [256, 256]), x);
      return ctx.mulMat(ctx.cont(ctx.transpose(ctx.mulMat(y, x))), ctx.mulMat(y, y));
    });
    const target = webgpuTarget({}, { operands: 'read' });
    const plan = planGraph(graph, { target });
    expect(plan.pools!.map(({ name }) => name)).toEqual(['arena 0', 'arena 1', 'arena 2']);
    expect(plan.bufferSize).toBeGreaterThanOrEqual(planGraph(graph, { target: webgpuTarget() }).bufferSize);
    for (const node of graph.nodes) {
      const { bindings, result } = bindingsOf(plan, node, target);
      const own = result === null ? [] : [bindings[result.binding]];
      expect(bindings.filter(({ access }) => access === 'read-write')).toEqual(own);
    }
  });

  it('is refused with options that the target decides', () => {
    const target = webgpuTarget();
    const graph = graphOf((ctx, x) => ctx.relu(x));
    for (const [name, value] of Object.entries({
      alignment: 256,
      maxChunkSize: 1,
      allowOversize: true,
      runtime: 'none',
    })) {
      expectError('BAD_ARGUMENT', name, () => planGraph(graph, { target, [name]: value }));
    }
    expectError('BAD_ARGUMENT', 'target', () => planGraph(graph, { target: {} as never }));
  });
});

describe('a graph that no plan makes legal', () => {
  it('has a tensor larger than a buffer', () => {
    const graph = graphOf((ctx, x) => ctx.sqr(x), 5000);
    const target = webgpuTarget({ maxBufferSize: 4 * MIB });
    const error = expectError('OVERSIZE', 'x', () => measureGraph(graph, { target }));
    expect(error.message).toBe(
      '`x` takes 5120000 bytes, but a buffer may have at most 4194304. ' +
        'Ask for a device with a larger maxBufferSize, or plan a smaller graph.',
    );
  });

  it('has a tensor larger than a binding', () => {
    const graph = graphOf((ctx, x) => ctx.cumsum(x), 5000);
    const target = webgpuTarget({ maxStorageBufferBindingSize: 4 * MIB });
    const error = expectError('UNBINDABLE', 'x', () => planGraph(graph, { target }));
    expect(error).toMatchObject({ value: 5120000, limit: 'at most 4194304 bytes, the maxStorageBufferBindingSize' });
    expect(error.message).toBe(
      '`x`, which `y` reads, takes 5120000 bytes, but a binding may have at most 4194304. ' +
        'Ask for a device with a larger maxStorageBufferBindingSize, or split the tensor.',
    );
  });

  it('has a weight larger than a binding', () => {
    const weight = Context.virtual().newTensor('f16', [256, 2 ** 18 + 1], 'weight');
    const graph = graphOf((ctx, x) => ctx.mulMat(weight, x));
    expectError('UNBINDABLE', 'weight', () => planGraph(graph, { target: webgpuTarget() }));
  });

  it('may have a large tensor of which only parts are read', () => {
    const cache = Context.virtual().newTensor('f32', [256, 5000], 'cache');
    const graph = graphOf((ctx) => ctx.cumsum(ctx.view(cache, [256, 2], [1024], 4 * MIB)));
    const target = webgpuTarget({ maxStorageBufferBindingSize: 4 * MIB });
    expect(planGraph(graph, { target }).bufferSize).toBeGreaterThan(0);
  });

  it('has a node with too many operands', () => {
    const many = (count: number): Graph => {
      const ctx = Context.deferred();
      const sources = Array.from({ length: count }, () => ctx.setInput(ctx.newTensor('f32', [4])));
      return Graph.forward(ctx.setOutput(ctx.setName(ctx.custom(sources, { type: 'f32', ne: [4] }), 'y')));
    };
    const target = webgpuTarget();
    expect(planGraph(many(7), { target }).nodeCount).toBe(1);
    const error = expectError('UNBINDABLE', 'y', () => planGraph(many(8), { target }));
    expect(error.message).toBe(
      '`y` reads and writes 9 storages, but a dispatch may have at most 8 bindings. ' +
        'Ask for a device with a larger maxStorageBuffersPerShaderStage, or compute it in several nodes.',
    );
    expect(planGraph(many(8), { target: webgpuTarget({ maxStorageBuffersPerShaderStage: 10 }) }).nodeCount).toBe(1);
  });
});
