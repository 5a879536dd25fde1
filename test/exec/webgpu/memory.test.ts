/** The arena and the program without a GPU: which buffers are made, what they hold, and what is bound when they grow. */
import { describe, expect, it } from 'vitest';
import { Context } from '../../../src/dialects/ggml/context.js';
import { Graph } from '../../../src/graph/graph.js';
import { GpuArena } from '../../../src/exec/webgpu/arena.js';
import { PipelineCache } from '../../../src/exec/webgpu/pipelines.js';
import { GpuProgram } from '../../../src/exec/webgpu/program.js';
import { planFamily } from '../../../src/planner/family.js';
import { Planner } from '../../../src/planner/planner.js';
import { planGraph } from '../../../src/plan/plan.js';
import type { Dims } from '../../../src/planner/box.js';
import type { Tensor } from '../../../src/tensor/tensor.js';
import { webgpuTarget } from '../../../src/webgpu/target.js';
import { expectError } from '../../support/expect-error.js';
import { fakeDevice } from '../../support/webgpu/fake-device.js';

const target = webgpuTarget();

/** A device, and what runs programs on it. */
function bench(device = fakeDevice()) {
  return { device, parts: { arena: new GpuArena(device), pipelines: new PipelineCache(device), target } };
}

interface Network {
  readonly graph: Graph;
  readonly x: Tensor;
  readonly y: Tensor;
}

const weight = Context.virtual().newTensor('f16', [3, 5], 'weight');

function network(rows: number): Network {
  const ctx = Context.deferred();
  const x = ctx.setInput(ctx.newTensor('f32', [3, rows], 'x'));
  const y = ctx.setOutput(ctx.relu(ctx.mulMat(weight, x)));
  return { graph: Graph.forward(y), x, y };
}

describe('the arena of a GPU', () => {
  it('has a buffer for each chunk and for each tensor outside, in whole words, and counts their bytes', () => {
    const { device, parts } = bench();
    const { arena } = parts;
    arena.reserve([256, 512]);
    expect(arena.bufferOf(weight)).toBe(arena.bufferOf(weight));
    expect(device.buffers.map(({ size }) => size)).toEqual([256, 512, 32]);
    expect([arena.bytesCreated, arena.bufferSize]).toEqual([800, 800]);
  });

  it('keeps buffers that are large enough, and replaces those that are not', () => {
    const { device, parts } = bench();
    const { arena } = parts;
    const [small, large] = arena.reserve([256, 512]).chunks;
    const { generation } = arena;
    arena.reserve([100]);
    expect(arena.chunks).toEqual([small, large]);
    expect(arena.generation).toBe(generation);
    arena.reserve([1024, 512, 256]);
    expect(arena.chunks.map(({ size }) => size)).toEqual([1024, 512, 256]);
    expect([small.isDestroyed, large.isDestroyed]).toEqual([true, false]);
    expect(arena.generation).toBeGreaterThan(generation);
    expect([arena.bytesCreated, arena.bufferSize]).toEqual([2048, 1792]);
    arena.destroy();
    expect(device.buffers.every(({ isDestroyed }) => isDestroyed)).toBe(true);
    expect(arena.bufferSize).toBe(0);
  });

  it('gives immediate tensors their values', () => {
    const { arena } = bench().parts;
    const constants = Context.immediate();
    const given = constants.write(constants.newTensor('f32', [3]), [1, 2, 3]);
    expect(Array.from(new Float32Array(arena.bufferOf(given).bytes.buffer))).toEqual([1, 2, 3]);
  });

  it('writes and reads bytes of any length, rounded to words', async () => {
    const { arena } = bench().parts;
    const halves = Uint16Array.from({ length: 15 }, (_, i) => i + 1);
    arena.upload(weight, halves);
    expect(Array.from(new Uint16Array(await arena.download(weight)))).toEqual(Array.from(halves));
    const ctx = Context.virtual();
    const second = ctx.view(weight, [3], [], weight.nb[1]); // from byte 6 on
    expect(Array.from(new Uint16Array(await arena.download(second)))).toEqual([4, 5, 6]);
    const { message } = expectError('BAD_ARGUMENT', second.label, () => arena.upload(second, halves.slice(0, 3)));
    expect(message).toContain('has bytes 6 to 12 of its storage, but a GPU is given whole words of 4 bytes');
    const last = ctx.view(weight, [3], [], 4 * weight.nb[1]); // to the end
    arena.upload(last, Uint16Array.of(7, 8, 9));
    expect(Array.from(new Uint16Array(await arena.download(weight))).slice(-4)).toEqual([12, 7, 8, 9]);
  });

  it('refuses other numbers of bytes, and tensors that a plan places', () => {
    const { arena } = bench().parts;
    const { message } = expectError('BAD_ARGUMENT', 'data', () => arena.upload(weight, new Uint16Array(14)));
    expect(message).toContain('`data` is 28, but must be a typed array of 30 bytes, as weight has');
    expectError('BAD_ARGUMENT', 'data', () => arena.upload(weight, null as never));
    expectError('BAD_ARGUMENT', 'tensor', () => arena.upload(network(1).x, new Float32Array(3)));
  });
});

describe('a program', () => {
  it('binds each range of its plan with the parameters behind, and compiles each shader once', () => {
    const { device, parts } = bench();
    const [first, second] = [network(4), network(2)].map(({ graph }) => {
      return new GpuProgram(planGraph(graph, { target }), parts);
    });
    expect(device.shaders.length).toBe(2);
    expect(parts.pipelines.count).toBe(2);
    first.run();
    second.run();
    expect(device.dispatches.length).toBe(first.dispatchCount + second.dispatchCount);
    for (const entries of device.groups) {
      const resources = entries.map(({ resource }) => resource);
      expect(entries.map(({ binding }) => binding)).toEqual(entries.map((_, index) => index));
      for (const { buffer, offset, size } of resources) {
        expect([offset % 256, size % 4]).toEqual([0, 0]);
        expect(offset + size).toBeLessThanOrEqual(buffer.size);
      }
      expect(resources.at(-1)!.buffer.label).toBe('parameters');
    }
  });

  it('makes bind groups once, and again when a chunk was replaced', () => {
    const { device, parts } = bench();
    const planner = new Planner({ target }).reserve(network(4).graph);
    const program = new GpuProgram(planner.plan(network(4).graph), parts);
    program.run();
    program.run();
    expect(device.groups.length).toBe(2);
    const [before] = parts.arena.chunks;
    const larger = new GpuProgram(planner.plan(network(400).graph), parts);
    larger.run();
    expect(before.isDestroyed).toBe(true);
    program.run();
    expect(device.groups.length).toBe(6);
    const buffers = device.groups.slice(2).flatMap((entries) => entries.map(({ resource }) => resource.buffer));
    expect(buffers.some(({ isDestroyed }) => isDestroyed)).toBe(false);
  });

  it('grows with a family, by as much as the length asks', () => {
    const { parts } = bench();
    const build = ({ rows }: Dims<'rows'>): Graph => network(rows).graph;
    const family = planFamily(build, { rows: [64, 1024] }, { grows: 'rows', target });
    for (const rows of [64, 100, 80, 1024]) {
      const plan = family.at({ rows });
      new GpuProgram(plan, parts).run();
      expect(parts.arena.chunks[0].size).toBeGreaterThanOrEqual(family.bufferSizeAt({ rows }));
    }
    const chunks = [64, 100, 1024].map((rows) => family.bufferSizeAt({ rows }));
    expect(parts.arena.bytesCreated).toBe(chunks.reduce((sum, size) => sum + size, 32));
  });

  it('writes inputs, and reads outputs, at their places', async () => {
    const { device, parts } = bench();
    const { graph, x, y } = network(4);
    const plan = planGraph(graph, { target, reuse: 'off' });
    const program = new GpuProgram(plan, parts);
    program.write(
      x,
      Float32Array.from({ length: 12 }, (_, i) => i),
    );
    const chunk = parts.arena.chunks[0].bytes;
    expect(new Float32Array(chunk.buffer, plan.locate(x).offset, 12)[11]).toBe(11);
    new Float32Array(chunk.buffer, plan.locate(y).offset, 20).fill(7);
    expect(Array.from(await program.read(y, 'f32'))).toEqual(new Array(20).fill(7));
    await expect(program.read(y, 'f16')).rejects.toMatchObject({ code: 'NOT_READABLE' });
    await expect(program.read(x)).rejects.toMatchObject({ code: 'NOT_READABLE' });
    program.destroy();
    expect(device.buffers.filter(({ isDestroyed }) => isDestroyed).map(({ label }) => label)).toContain('parameters');
  });

  it('refuses a graph that it has no kernels for', () => {
    const ctx = Context.deferred();
    const graph = Graph.forward(ctx.setOutput(ctx.cumsum(ctx.setInput(ctx.newTensor('f32', [4], 'x')))));
    const plan = planGraph(graph, { target });
    const { message } = expectError('NOT_EXECUTABLE', 'graph', () => new GpuProgram(plan, bench().parts));
    expect(message).toContain('CUMSUM (node_0) has no WebGPU kernel');
  });
});
