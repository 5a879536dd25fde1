/** The policy that copies the fewest bytes: held to every other choice on small graphs, to llama.cpp's on real ones. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cpuDevice } from '../../src/device/cpu.js';
import type { BufferType, Device } from '../../src/device/device.js';
import { Context } from '../../src/dialects/ggml/context.js';
import { Graph } from '../../src/graph/graph.js';
import { scheduleGraph } from '../../src/schedule/schedule-graph.js';
import { spreadGraph } from '../../src/schedule/spread.js';
import { isViewOperation } from '../../src/schedule/llama-cpp.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import { listDeviceCases, openCase } from '../support/device-cases.js';
import { describeShared, partOf } from '../support/shared.js';

/** Devices that compute what `isSupported` says, and read nothing but their own memory. */
function devicesOf(count: number, isSupported: (device: number, node: Tensor) => boolean): Device[] {
  return Array.from({ length: count }, (_, index): Device => {
    const name = `D${index}`;
    const bufferType: BufferType = { ...cpuDevice().bufferType, name };
    const isLast = index === count - 1;
    return {
      ...cpuDevice(),
      name,
      bufferType,
      reads: (type) => type.name === name,
      supports: (node) => isLast || isSupported(index, node),
      offloads: () => false,
    };
  });
}

interface Drawn {
  readonly graph: Graph;
  readonly devices: readonly Device[];
  readonly placed: ReadonlyMap<Tensor, BufferType>;
}

/** Sums of earlier tensors, of different lengths, some of them with a weight that lies on some device. */
const arbitraryCase = (deviceCount: number): fc.Arbitrary<Drawn> =>
  fc
    .array(
      fc.record({
        length: fc.constantFrom(1, 2, 8, 32),
        first: fc.nat(),
        second: fc.nat(),
        weightOn: fc.option(fc.nat({ max: deviceCount - 1 }), { nil: null }),
        refusedBy: fc.subarray(Array.from({ length: deviceCount - 1 }, (_, device) => device)),
        isView: fc.boolean(),
      }),
      { minLength: 2, maxLength: 7 },
    )
    .map((steps) => {
      const ctx = Context.deferred();
      const virtual = Context.virtual();
      const refused = new Map<Tensor, readonly number[]>();
      const devices = devicesOf(deviceCount, (device, node) => refused.get(node)?.includes(device) !== true);
      const placed = new Map<Tensor, BufferType>();
      const made: Tensor[] = [ctx.setInput(ctx.newTensor('f32', [16], 'x'))];
      for (const { length, first, second, weightOn, refusedBy, isView } of steps) {
        const a = made[first % made.length];
        const b = made[second % made.length];
        const wide = (t: Tensor): Tensor => (isView ? ctx.reshape(t, [1, t.ne[0]]) : t);
        let node = ctx.custom([a, b], { op: 'JOIN', type: 'f32', ne: [length] });
        if (weightOn !== null) {
          const weight = virtual.newTensor('f32', [length]);
          placed.set(weight, devices[weightOn].bufferType);
          node = ctx.custom([wide(node), weight], { op: 'WEIGH', type: 'f32', ne: [length] });
        }
        refused.set(node, refusedBy);
        made.push(node);
      }
      return { graph: Graph.forward(ctx.setOutput(made[made.length - 1])), devices, placed };
    });

/** Every choice of devices for the nodes that compute, in turn. */
function* choicesOf({ graph, devices }: Drawn): Generator<ReadonlyMap<Tensor, number>> {
  const nodes = graph.nodes.filter((node) => !isViewOperation(node));
  for (let choice = 0; choice < devices.length ** nodes.length; choice++) {
    const pinned = new Map<Tensor, number>();
    let rest = choice;
    for (const node of nodes) {
      pinned.set(node, rest % devices.length);
      rest = Math.floor(rest / devices.length);
    }
    if (nodes.every((node) => devices[pinned.get(node)!].supports(node, () => null))) yield pinned;
  }
}

function fewestByTrying(drawn: Drawn): number {
  const { graph, devices, placed } = drawn;
  const weights = new Set(placed.keys());
  let fewest = Infinity;
  for (const pinned of choicesOf(drawn)) {
    fewest = Math.min(fewest, scheduleGraph(graph, devices, { placed, weights, pinned }).copiedBytes);
  }
  return fewest;
}

describe('the policy fewest-bytes', () => {
  it('copies the fewest bytes that any choice copies, with two devices', () => {
    let better = 0;
    fc.assert(
      fc.property(arbitraryCase(2), (drawn) => {
        const { graph, devices, placed } = drawn;
        const weights = new Set(placed.keys());
        const ours = scheduleGraph(graph, devices, { placed, weights, policy: 'fewest-bytes' }).copiedBytes;
        expect(ours).toBe(fewestByTrying(drawn));
        if (ours < scheduleGraph(graph, devices, { placed, weights }).copiedBytes) better++;
      }),
      { numRuns: 80 },
    );
    expect(better).toBeGreaterThan(5);
  });

  it('never copies more than llama.cpp, with three devices', () => {
    fc.assert(
      fc.property(arbitraryCase(3), ({ graph, devices, placed }) => {
        const weights = new Set(placed.keys());
        const ours = scheduleGraph(graph, devices, { placed, weights, policy: 'fewest-bytes' });
        expect(ours.copiedBytes).toBeLessThanOrEqual(scheduleGraph(graph, devices, { placed, weights }).copiedBytes);
      }),
      { numRuns: 80 },
    );
  });
});

describeShared('the policy fewest-bytes on models', () => {
  it.each(partOf(listDeviceCases().filter((_, index) => index % 5 === 0)))('%s', async (name) => {
    const { model, offload } = await openCase(name);
    const input = model.scheduleInput('pp', offload);
    const theirs = spreadGraph(input);
    const ours = spreadGraph({ ...input, policy: 'fewest-bytes' });
    expect(ours.copiedBytes).toBeLessThanOrEqual(theirs.copiedBytes);
  });
});
