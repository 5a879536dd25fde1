/** One plan, run with its own bindings and with bindings that break one rule: what the browser says. */
import { Context } from '../../../src/dialects/ggml/context.js';
import { Graph } from '../../../src/graph/graph.js';
import { dispatchOf } from '../../../src/exec/webgpu/dispatch.js';
import { USAGE } from '../../../src/exec/webgpu/gpu.js';
import { planGraph } from '../../../src/plan/plan.js';
import type { Tensor } from '../../../src/tensor/tensor.js';
import { bindingsOf, isDispatched, type BufferBinding, type DispatchBindings } from '../../../src/webgpu/dispatch.js';
import { webgpuTarget } from '../../../src/webgpu/target.js';
import { Bench, type Gpu } from './run.js';

type Bindings = DispatchBindings<GPUBuffer>;

/** Ways to spoil what a dispatch binds. */
const DAMAGES = {
  none: (bound: Bindings): Bindings => bound,
  'a reused range bound twice': (bound: Bindings): Bindings => {
    const shared = bound.operands.findIndex((operand) => operand?.binding === bound.result!.binding);
    if (shared === -1) return bound;
    const bindings = [...bound.bindings, bound.bindings[bound.result!.binding]];
    const operands = bound.operands.with(shared, { ...bound.operands[shared]!, binding: bindings.length - 1 });
    return { ...bound, bindings, operands };
  },
  'read-only beside read-write in one buffer': changed(({ bindings, result }, index) => {
    return index === result!.binding ? bindings[index] : { ...bindings[index], access: 'read' };
  }),
  'an offset of 128': changed(({ bindings }, index) => ({ ...bindings[index], offset: bindings[index].offset + 128 })),
  'a size of no whole words': changed(({ bindings }, index) => ({
    ...bindings[index],
    size: bindings[index].size - 2,
  })),
  'bytes behind the buffer': changed(({ bindings }, index) => ({ ...bindings[index], size: 2 ** 20 })),
} as const;

export type Damage = keyof typeof DAMAGES;

function changed(change: (bound: Bindings, index: number) => BufferBinding<GPUBuffer>): (bound: Bindings) => Bindings {
  return (bound) => ({ ...bound, bindings: bound.bindings.map((_, index) => change(bound, index)) });
}

/** Two products, whose sum lies over one of them. */
function smallGraph(): Graph {
  const ctx = Context.deferred();
  const input = (name: string): Tensor => ctx.setInput(ctx.newTensor('f32', [16, 16], name));
  const [a, b, c] = [input('a'), input('b'), input('c')];
  return Graph.forward(ctx.setOutput(ctx.add(ctx.mulMat(a, b), ctx.mulMat(b, c))));
}

/** The first thing that the device finds invalid; null if all is well. */
export async function runDamaged(gpu: Gpu, damage: Damage): Promise<string | null> {
  const { device } = gpu;
  const graph = smallGraph();
  const target = webgpuTarget(device.limits);
  const plan = planGraph(graph, { target, reuse: 'full' });
  const { arena, pipelines } = new Bench(gpu, target);
  arena.reserve(plan.chunks);
  device.pushErrorScope('validation');
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  for (const node of graph.nodes.filter(isDispatched)) {
    const bound = DAMAGES[damage](bindingsOf(plan, node, target, arena.outside));
    const { variant, params, workgroups } = dispatchOf(node, bound, device.limits.maxComputeWorkgroupsPerDimension)!;
    const { pipeline, layout } = pipelines.find(variant, node.op);
    const uniform = device.createBuffer({ size: params.byteLength, usage: USAGE.uniform });
    const resources = [
      ...bound.bindings.map(({ buffer, offset, size }) => {
        return { buffer: typeof buffer === 'number' ? arena.chunks[buffer] : buffer, offset, size };
      }),
      { buffer: uniform },
    ];
    const entries = resources.map((resource, binding) => ({ binding, resource }));
    pass.setPipeline(pipeline as GPUComputePipeline);
    pass.setBindGroup(0, device.createBindGroup({ layout, entries }));
    pass.dispatchWorkgroups(...workgroups);
  }
  pass.end();
  device.queue.submit([encoder.finish()]);
  const error = await device.popErrorScope();
  arena.destroy();
  return error?.message ?? null;
}
