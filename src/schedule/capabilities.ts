/**
 * What each device of a schedule can read and compute, asked once per node.
 *
 * Invariant: a node is asked about as it stands in the graph that is to be spread, before anything is copied.
 */
import type { BufferType, Device } from '../device/device.js';
import type { Graph } from '../graph/graph.js';
import type { GraphTable } from '../graph/table.js';
import type { Tensor } from '../tensor/tensor.js';
import type { ScheduleInput } from './schedule.js';

const UNKNOWN = 0;
const NO = 1;
const YES = 2;

/** Not assigned to any device. */
export const NO_DEVICE = -1;

export class Capabilities {
  readonly devices: readonly Device[];
  /** The buffer type that the results of each device go to. */
  readonly bufferTypes: readonly BufferType[];
  /** Index of the CPU. */
  readonly cpu: number;
  readonly #tensors: readonly Tensor[];
  readonly #table: GraphTable;
  /** The buffer type of each tensor that has a buffer already, or looks into one, by id. */
  readonly #placed: (BufferType | null)[];
  readonly #bufferTypeOf: (tensor: Tensor) => BufferType | null;
  /** By node and device. */
  readonly #supports: Uint8Array;
  readonly #reads = new Map<BufferType, boolean[]>();

  constructor({ graph, devices, bufferTypes, placed }: ScheduleInput) {
    const { tensors, table } = graph;
    this.devices = devices;
    this.bufferTypes = bufferTypes;
    this.cpu = devices.length - 1;
    this.#tensors = tensors;
    this.#table = table;
    this.#placed = placedStorages(graph, placed);
    this.#bufferTypeOf = (tensor) => placed.get(tensor) ?? null;
    this.#supports = new Uint8Array(tensors.length * devices.length);
  }

  /** The buffer type of a tensor that has a buffer already, or looks into one. */
  placed(id: number): BufferType | null {
    return this.#placed[id];
  }

  supports(id: number, device: number): boolean {
    const at = id * this.devices.length + device;
    if (this.#supports[at] === UNKNOWN) {
      const isSupported = this.devices[device].supports(this.#tensors[id], this.#bufferTypeOf);
      this.#supports[at] = isSupported ? YES : NO;
    }
    return this.#supports[at] === YES;
  }

  reads(type: BufferType, device: number): boolean {
    let readers = this.#reads.get(type);
    if (readers === undefined) {
      readers = this.devices.map((each) => each.reads(type));
      this.#reads.set(type, readers);
    }
    return readers[device];
  }

  /** The first device that reads buffers of this type and computes the node; {@link NO_DEVICE} if there is none. */
  firstFor(type: BufferType, id: number): number {
    for (let device = 0; device < this.devices.length; device++) {
      if (this.reads(type, device) && this.supports(id, device)) return device;
    }
    return NO_DEVICE;
  }

  /** Whether `device` can read a tensor where it is, as far as that is known by now. */
  readsTensor(id: number, device: number, deviceOf: Int32Array): boolean {
    const type = this.#placed[id];
    if (type !== null) return this.reads(type, device);
    const home = deviceOf[id] === NO_DEVICE ? deviceOf[this.#table.roots[id]] : deviceOf[id];
    return home !== NO_DEVICE && this.reads(this.bufferTypes[home], device);
  }
}

/** By id, the buffer type that the storage of each tensor lies in; null if it has none yet. O(tensors). */
function placedStorages(graph: Graph, placed: ScheduleInput['placed']): (BufferType | null)[] {
  const { roots, tensorCount } = graph.table;
  const types = new Array<BufferType | null>(tensorCount).fill(null);
  for (const [tensor, type] of placed) {
    const id = graph.idOf(tensor);
    if (id !== -1) types[id] = type;
  }
  for (let id = 0; id < tensorCount; id++) if (roots[id] !== id) types[id] = types[roots[id]];
  return types;
}
