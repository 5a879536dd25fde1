/**
 * The function that spreads a graph over devices, with its options checked and their defaults filled in.
 */
import type { Device } from '../device/device.js';
import { checkDevices } from '../device/machine.js';
import { checkArgument, checkChoice, checkOptions, named, PlannerError, type OptionNames } from '../errors.js';
import { checkGraph, type Graph } from '../graph/graph.js';
import type { Schedule, ScheduleInput } from './schedule.js';
import { POLICY_NAMES, spreadGraph } from './spread.js';

/** Settings of {@link scheduleGraph}. */
export type ScheduleOptions = Partial<Omit<ScheduleInput, 'graph' | 'devices'>>;

const SCHEDULE_OPTIONS: OptionNames<ScheduleOptions> = {
  bufferTypes: true,
  placed: true,
  weights: true,
  pinned: true,
  offloadsOperations: true,
  policy: true,
  copyCount: true,
};

/**
 * Spreads a graph over devices: gives every node a device, cuts the order into splits, and copies what crosses. The graph
 * that was given stays as it is. O(nodes · devices + sources) as llama.cpp does it; the policy `fewest-bytes` looks for a
 * minimum cut besides.
 *
 * @param devices in order of priority; the last one, usually the CPU, computes what no other can, and holds the inputs
 * @throws PlannerError `BAD_ARGUMENT`, also if no device computes a node
 * @example
 * ```ts
 * import { Context, Graph, planGraph } from 'tensor-arena';
 * import { cpuDevice, cudaDevice, scheduleGraph } from 'tensor-arena/device';
 * const ctx = Context.deferred();
 * const x = ctx.setInput(ctx.newTensor('f32', [256, 4], 'x'));
 * const w = Context.virtual().newTensor('f32', [256, 256], 'w');
 * const graph = Graph.forward(ctx.setOutput(ctx.mulMat(w, x)));
 * const gpu = cudaDevice({ totalBytes: 2 ** 30 });
 * const placed = new Map([[w, gpu.bufferType]]);
 * const schedule = scheduleGraph(graph, [gpu, cpuDevice()], { placed, weights: new Set([w]) });
 * const { pools } = planGraph(schedule.graph, { pools: schedule.pools });
 * for (const { name, bufferSize } of pools ?? []) console.log(name, bufferSize); // CUDA0 8192, CPU 4096
 * ```
 */
export function scheduleGraph(graph: Graph, devices: readonly Device[], options: ScheduleOptions = {}): Schedule {
  checkGraph(graph);
  checkDevices(devices);
  checkArgument(
    devices.length > 0,
    'devices',
    devices,
    'at least one device',
    'Give the CPU, as cpuDevice() makes it.',
  );
  checkOptions(options, SCHEDULE_OPTIONS);
  const { bufferTypes = devices.map(({ bufferType }) => bufferType), copyCount = 1 } = options;
  const isCount = Number.isSafeInteger(copyCount) && copyCount >= 1;
  checkArgument(isCount, 'copyCount', copyCount, 'an integer of at least 1', 'Leave it out to have one copy.');
  const isPaired = bufferTypes.length === devices.length;
  const remedy = 'Give the buffer type of each device, or leave them out.';
  checkArgument(
    isPaired,
    'bufferTypes',
    `${bufferTypes.length} buffer types`,
    `${devices.length}, one a device`,
    remedy,
  );
  const { placed = new Map(), weights = new Set(), pinned = new Map(), offloadsOperations = true } = options;
  const ofTensors = 'Give what a Context has returned.';
  checkArgument(isOf(Map, placed), 'placed', placed, 'a Map from tensors to buffer types', ofTensors);
  checkArgument(isOf(Set, weights), 'weights', weights, 'a Set of tensors', ofTensors);
  checkArgument(isOf(Map, pinned), 'pinned', pinned, 'a Map from tensors to indices of devices', ofTensors);
  for (const weight of weights) {
    if (placed.has(weight)) continue;
    throw new PlannerError('BAD_ARGUMENT', {
      message: `${named(weight.label)} is among the weights, but \`placed\` does not say where it lies.`,
      culprit: weight.label,
      value: 'not placed',
      limit: 'a weight with a buffer type',
      remedy: 'Give the buffer type of every weight in `placed`.',
    });
  }
  const { policy = 'llama.cpp' } = options;
  checkChoice('policy', policy, POLICY_NAMES);
  return spreadGraph({ graph, devices, bufferTypes, placed, weights, pinned, offloadsOperations, policy, copyCount });
}

const isOf = (type: MapConstructor | SetConstructor, value: unknown): boolean => value instanceof type;
