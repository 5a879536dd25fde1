/**
 * What is decided of a model's graph before it is spread over devices.
 */
import type { BufferType } from '../../device/device.js';
import type { Graph } from '../../graph/graph.js';
import type { ScheduleInput } from '../../schedule/schedule.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { Batch, ResolvedModelOptions } from '../options.js';
import type { Offload } from './offload.js';
import { pinnedNodes } from './pins.js';

/**
 * @param weights the weights that the graph reads, with their buffer types
 * @param lent the caches of another model that it reads, with theirs
 */
export function scheduleInputOf(
  graph: Graph,
  offload: Offload,
  run: ResolvedModelOptions,
  batch: Batch,
  weights: ReadonlyMap<Tensor, BufferType>,
  lent: ReadonlyMap<Tensor, BufferType>,
): ScheduleInput {
  const { devices, bufferTypes, caches, adapters, options, copyCount } = offload;
  const placed = new Map([...weights, ...lent]);
  for (const { tensor, type } of caches.flat()) placed.set(tensor, type);
  for (const { tensor, type } of adapters.flatMap(({ tensors }) => tensors)) placed.set(tensor, type);
  return {
    graph,
    devices,
    bufferTypes,
    placed,
    weights: new Set(weights.keys()),
    pinned: pinnedNodes(graph, offload, run, batch, (tensor) => placed.get(tensor) ?? null),
    offloadsOperations: options.opOffload,
    policy: 'llama.cpp',
    copyCount,
  };
}
