/**
 * Arbitrary machines of two or three devices, and where the storages lie that exist before a graph is spread over one.
 */
import fc from 'fast-check';
import type { BufferType, Device } from '../../src/device/device.js';
import type { Graph } from '../../src/graph/graph.js';
import { isPureView } from '../../src/graph/node-kind.js';
import { RUNTIMES } from '../../src/runtime/runtimes.js';
import { scheduleGraph, type ScheduleOptions } from '../../src/schedule/schedule-graph.js';
import type { Schedule } from '../../src/schedule/schedule.js';
import type { Tensor } from '../../src/tensor/tensor.js';

/** What a device other than the CPU is like. */
interface DrawnDevice {
  /** Operations that it does not compute are those whose number leaves the remainder 0. */
  readonly modulus: number;
  readonly alignment: number;
  readonly maxSize: number;
  readonly extraBytes: number;
  readonly readsHost: boolean;
  readonly offloads: boolean;
}

export interface DrawnMachine {
  readonly devices: readonly DrawnDevice[];
  readonly cpuAlignment: number;
  /** Where the storages outside the plan lie, one number for each; the remainder 0 means nowhere in particular. */
  readonly homes: readonly number[];
  readonly copyCount: number;
}

export function arbitraryMachine({
  copyCount = fc.constant(1),
}: { copyCount?: fc.Arbitrary<number> } = {}): fc.Arbitrary<DrawnMachine> {
  const alignment = fc.constantFrom(4, 16, 32, 128);
  const device = fc.record({
    modulus: fc.constantFrom(1, 2, 3, 5),
    alignment,
    maxSize: fc.constantFrom(Infinity, Infinity, 256, 1024),
    extraBytes: fc.constantFrom(0, 0, 8),
    readsHost: fc.boolean(),
    offloads: fc.boolean(),
  });
  return fc.record({
    devices: fc.array(device, { minLength: 1, maxLength: 2 }),
    cpuAlignment: alignment,
    homes: fc.array(fc.nat(5), { minLength: 1, maxLength: 4 }),
    copyCount,
  });
}

/** A number for each operation, so that machines agree on it from run to run. */
const numberOf = ({ op }: Tensor): number =>
  [...op].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 9973, 7);

const memory = (name: string, alignment: number, maxSize = Infinity, extraBytes = 0): BufferType => ({
  name,
  isHost: name === 'CPU',
  alignment,
  maxSize,
  overhead: 0,
  sizeOf: ({ byteLength }) => (byteLength === 0 ? 0 : byteLength + extraBytes),
});

const device = (bufferType: BufferType, rules: Pick<Device, 'reads' | 'supports' | 'offloads'>): Device => ({
  name: bufferType.name,
  totalBytes: Infinity,
  freeBytes: Infinity,
  bufferType,
  hostBufferType: null,
  extraBufferTypes: [],
  runtime: RUNTIMES.none,
  isAsynchronous: false,
  wrapsHostMemory: false,
  allowsMapping: true,
  reorder: null,
  ...rules,
});

export function devicesOf({ devices, cpuAlignment }: DrawnMachine): Device[] {
  const others = devices.map(({ modulus, alignment, maxSize, extraBytes, readsHost, offloads }, index) => {
    const own = memory(`GPU${index}`, alignment, maxSize, extraBytes);
    return device(own, {
      reads: (type) => type.name === own.name || (readsHost && type.isHost),
      supports: (node) =>
        isPureView(node) || node.operation === null || (numberOf(node) + index) % modulus !== 0 || modulus === 1,
      offloads: () => offloads,
    });
  });
  const cpu = memory('CPU', cpuAlignment);
  return [...others, device(cpu, { reads: (type) => type.isHost, supports: () => true, offloads: () => false })];
}

/** A graph spread over a machine, with what it was spread with. */
export interface Spread {
  readonly schedule: Schedule;
  readonly placed: ReadonlyMap<Tensor, BufferType>;
}

/** Storages that some node overwrites lie with the CPU, which computes everything. */
export function spreadOver(graph: Graph, machine: DrawnMachine): Spread {
  const devices = devicesOf(machine);
  const placed = new Map<Tensor, BufferType>();
  const outside = graph.leafs.filter(({ memory: kind }) => kind !== 'deferred');
  const written = new Set(graph.nodes.filter((node) => !isPureView(node) && node.isView).map(({ root }) => root));
  outside.forEach((leaf, index) => {
    const home = machine.homes[index % machine.homes.length] % (devices.length + 1);
    if (written.has(leaf)) placed.set(leaf, devices[devices.length - 1].bufferType);
    else if (home > 0) placed.set(leaf, devices[home - 1].bufferType);
  });
  const options: ScheduleOptions = {
    placed,
    weights: new Set([...placed.keys()].filter(({ memory: kind }) => kind === 'virtual')),
    copyCount: machine.copyCount,
  };
  return { schedule: scheduleGraph(graph, devices, options), placed };
}
