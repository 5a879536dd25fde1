/**
 * The devices of a recorded case, which answer as llama.cpp's backends did: no rule of the library takes part.
 */
import type { BufferType, Device } from '../../src/device/device.js';
import { spreadGraph } from '../../src/schedule/spread.js';
import type { Schedule, ScheduleInput } from '../../src/schedule/schedule.js';
import { RUNTIMES } from '../../src/runtime/runtimes.js';
import type { Graph } from '../../src/graph/graph.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import type { RawGraph } from './raw-graph.js';

/** What a schedule starts from, by the recording alone. */
export function recordedInput(raw: RawGraph, order: readonly number[] | null): ScheduleInput {
  const { header, graph, tensors, records } = raw;
  const types = new Map(Object.keys(header.buftInfo).map((name) => [name, bufferType(raw, name)]));
  const originals = originalsOf(graph);
  const devices = header.names.map((name, index) => recordedDevice(raw, name, index, types, order, originals));
  const placed = new Map<Tensor, BufferType>();
  const pinned = new Map<Tensor, number>();
  records.forEach((record, id) => {
    if (record.bufferType !== null) placed.set(tensors[id], types.get(record.bufferType)!);
    if (record.pinned !== -1) pinned.set(tensors[id], record.pinned);
  });
  return {
    graph,
    devices,
    bufferTypes: header.bufts.map((name) => types.get(name)!),
    placed,
    weights: new Set(tensors.filter((_, id) => records[id].isWeight)),
    pinned,
    offloadsOperations: header.opOffload,
    policy: 'llama.cpp',
    copyCount: header.copies,
  };
}

export function spreadRecorded(raw: RawGraph, order: readonly number[] | null): Schedule {
  return spreadGraph(recordedInput(raw, order));
}

function bufferType({ header, tensors, records }: RawGraph, name: string): BufferType {
  const backend = header.bufts.indexOf(name);
  const sizes = new Map<Tensor | string, number>();
  if (backend !== -1) {
    records.forEach((record, id) => {
      sizes.set(tensors[id], record.allocSizes[backend]);
      // A copy takes what a leaf or view of its layout would take.
      const { operation } = tensors[id];
      if (operation === null || operation.isView) sizes.set(layoutOf(tensors[id]), record.allocSizes[backend]);
    });
  }
  return {
    name,
    isHost: header.buftInfo[name].host,
    alignment: header.align[backend] ?? 32,
    maxSize: header.max[backend] ?? Infinity,
    overhead: 0,
    sizeOf: (tensor) => sizes.get(tensor) ?? sizes.get(layoutOf(tensor)) ?? tensor.byteLength,
  };
}

const layoutOf = ({ type, shape, strides }: Tensor): string => `${type.name} ${shape.join()} ${strides.join()}`;

function recordedDevice(
  { header, tensors, records }: RawGraph,
  name: string,
  index: number,
  types: ReadonlyMap<string, BufferType>,
  order: readonly number[] | null,
  originals: (standIn: Tensor) => Tensor,
): Device {
  const ids = new Map(tensors.map((tensor, id) => [tensor, id]));
  const positions = order && new Map(order.map((node, position) => [node, position]));
  return {
    name,
    totalBytes: Infinity,
    freeBytes: Infinity,
    bufferType: types.get(header.bufts[index])!,
    hostBufferType: null,
    extraBufferTypes: [],
    reads: (type) => header.buftInfo[type.name].by[index] === 1,
    supports: (node) => records[ids.get(node)!].supports[index],
    offloads: (node) => records[ids.get(node)!].offloads[index],
    runtime: RUNTIMES.none,
    isAsynchronous: true,
    wrapsHostMemory: false,
    allowsMapping: true,
    reorder:
      positions &&
      ((nodes) => {
        const steps = new Map(nodes.map((node) => [node, positions.get(ids.get(originals(node))!)!]));
        return [...nodes].sort((a, b) => steps.get(a)! - steps.get(b)!);
      }),
  };
}

/**
 * Finds the node of a graph that a scheduler has made anew. Asked for all nodes of the graph in order: of nodes that are
 * alike the first that was not found yet is meant.
 */
function originalsOf({ nodes }: Graph): (standIn: Tensor) => Tensor {
  const keyOf = (node: Tensor): string => `${node.name} ${node.op} ${layoutOf(node)}`;
  const byKey = new Map<string, Tensor[]>();
  for (const node of nodes) byKey.set(keyOf(node), [...(byKey.get(keyOf(node)) ?? []), node]);
  return (standIn) => byKey.get(keyOf(standIn))!.shift()!;
}
