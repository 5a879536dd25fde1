/**
 * Spreads a graph over devices: asks a policy who computes what, and makes the graph that runs.
 *
 * Invariant: the graph that was given stays as it is. Tensors are made anew only where something about them changes: an
 * operand that is a copy, a storage that was made anew, the bytes that their device wants.
 */
import type { BufferType, Device } from '../device/device.js';
import { Graph } from '../graph/graph.js';
import { isPureView } from '../graph/node-kind.js';
import type { Pools } from '../graph/pools.js';
import type { GraphTable } from '../graph/table.js';
import { Origin, remade, SELF, Tensor } from '../tensor/tensor.js';
import { Capabilities, NO_DEVICE } from './capabilities.js';
import { assignAsLlamaCpp } from './llama-cpp.js';
import { assignForFewestBytes } from './fewest-bytes.js';
import { columnOf, Listing } from './listing.js';
import type { Assignment, Copy, Schedule, ScheduleInput, SchedulePolicy, Split } from './schedule.js';
import { cutIntoSplits } from './splits.js';
import { bringWritersHome } from './written-storages.js';

/** The device of every tensor, by id, as each policy chooses it. */
const POLICIES: Readonly<Record<SchedulePolicy, (input: ScheduleInput, capabilities: Capabilities) => Int32Array>> = {
  'llama.cpp': assignAsLlamaCpp,
  'fewest-bytes': assignForFewestBytes,
};

export const POLICY_NAMES = Object.keys(POLICIES) as readonly SchedulePolicy[];

/** Spreads a graph over devices. O(nodes · devices + sources), and the policy's own work. */
export function spreadGraph(input: ScheduleInput): Schedule {
  const capabilities = new Capabilities(input);
  const deviceOf = devicesFor(input, capabilities);
  return new Rebuilder(input, capabilities, cutIntoSplits(input, capabilities, deviceOf)).rebuild();
}

function devicesFor(input: ScheduleInput, capabilities: Capabilities): Int32Array {
  const deviceOf = POLICIES[input.policy](input, capabilities);
  bringWritersHome(input, capabilities, deviceOf);
  return deviceOf;
}

const STANDS_FOR_NOTHING = -1;

/** The device of every tensor of a graph, by id, without the graph that runs. O(nodes · devices + sources). */
export function assignDevices(input: ScheduleInput): Int32Array {
  return devicesFor(input, new Capabilities(input));
}

class Rebuilder {
  readonly #input: ScheduleInput;
  readonly #can: Capabilities;
  readonly #assignment: Assignment;
  readonly #table: GraphTable;
  readonly #origin: Origin;
  /** What stands for each tensor, by its id in the graph that was given; undefined if it has not been asked for. */
  readonly #standIns: (Tensor | undefined)[];
  /** 1 for a tensor whose stand-in is in the graph that runs by now. */
  readonly #isListed: Uint8Array;
  /** The first copy of each tensor on each device, by id and device. */
  readonly #copyOn: (Tensor | undefined)[];
  readonly #copies: Copy[] = [];
  readonly #knownLeafs = new Set<Tensor>();
  readonly #leafs = new Listing();
  readonly #nodes = new Listing();

  constructor(input: ScheduleInput, can: Capabilities, assignment: Assignment) {
    const { tensors, table } = input.graph;
    this.#input = input;
    this.#can = can;
    this.#assignment = assignment;
    this.#table = table;
    this.#origin = new Origin(tensors.length === 0 ? '' : tensors[0].origin.dialect);
    this.#standIns = new Array<Tensor | undefined>(tensors.length).fill(undefined);
    this.#isListed = new Uint8Array(tensors.length);
    this.#copyOn = new Array<Tensor | undefined>(tensors.length * can.devices.length).fill(undefined);
  }

  rebuild(): Schedule {
    const { splits, deviceOf } = this.#assignment;
    for (const id of this.#table.leafs) this.#isListed[id] = 1;
    if (this.#input.copyCount > 1) this.#multiplyGraphInputs();
    for (const split of splits) this.#addSplit(split);
    for (const id of this.#table.leafs) this.#addLeaf(this.#standIn(id), deviceOf[id], id);
    const [leafs, nodes] = [this.#leafs, this.#nodes];
    const newDeviceOf = columnOf(leafs.devices, nodes.devices);
    return {
      devices: this.#can.devices,
      bufferTypes: this.#can.bufferTypes,
      splits,
      copies: this.#copies,
      copiedBytes: splits.reduce(
        (sum, { inputs }) => sum + inputs.reduce((bytes, each) => bytes + each.byteLength, 0),
        0,
      ),
      graph: new Graph({ leafs: leafs.tensors, nodes: nodes.tensors }),
      deviceOf: newDeviceOf,
      standsFor: columnOf(leafs.standsFor, nodes.standsFor),
      pools: poolsOf(this.#can.bufferTypes, newDeviceOf),
    };
  }

  /** Further copies of what the caller fills, so that it can fill the next batch while one is computed. */
  #multiplyGraphInputs(): void {
    for (const tensor of this.#assignment.graphInputs) {
      const id = this.#input.graph.idOf(tensor);
      const device = this.#assignment.deviceOf[id];
      const first = remade(tensor, { origin: this.#origin, sources: [], allocSize: tensor.allocSize ?? undefined });
      this.#standIns[id] = first;
      for (let index = 0; index < this.#input.copyCount; index++) {
        const copy = index === 0 ? first : this.#copyOf(tensor, device, index);
        this.#origin.markInput(copy);
        this.#origin.markOutput(copy);
        this.#addCopy({ of: tensor, device, index, tensor: copy, from: null, at: null });
        this.#addLeaf(copy, device, index === 0 ? id : STANDS_FOR_NOTHING);
      }
    }
  }

  #addSplit({ device, start, end, inputs }: Split): void {
    for (const input of inputs) this.#addSplitInput(input, device);
    const given = this.#table.nodes.subarray(start, end);
    const ids = this.#reordered(given, this.#can.devices[device]);
    for (const id of ids) this.#addNode(id);
  }

  #reordered(ids: Int32Array, { reorder }: Device): Iterable<number> {
    if (reorder === null) return ids;
    const idOf = new Map<Tensor, number>();
    for (const id of ids) idOf.set(this.#standIn(id), id);
    const { uses } = this.#table;
    return reorder([...idOf.keys()], (node) => uses[idOf.get(node)!]).map((node) => idOf.get(node)!);
  }

  /**
   * Lists a node, unless it is listed: a view that a split copies is listed before that split. A device's order may have
   * views behind their readers, which does no harm there, as they compute nothing; here they come first. Recursive, as
   * deep as views look into views.
   */
  #addNode(id: number): void {
    if (this.#isListed[id] === 1) return;
    this.#isListed[id] = 1;
    const { sourceFirst, sources } = this.#table;
    for (let entry = sourceFirst[id]; entry < sourceFirst[id + 1]; entry++) {
      const source = sources[entry];
      if (this.#isListed[source] === 0 && isPureView(this.#input.graph.tensors[source])) this.#addNode(source);
    }
    this.#nodes.add(this.#standIn(id), this.#assignment.deviceOf[id], id);
  }

  /** A node that keeps the input until it is copied, and the copy. With several copies these exist from the start. */
  #addSplitInput(input: Tensor, device: number): void {
    const { copyCount } = this.#input;
    const id = this.#input.graph.idOf(input);
    this.#addNode(id);
    const original = this.#standIn(id);
    const { type, shape, strides, memory } = original;
    const origin = this.#origin;
    const name = `${original.name} (view)`;
    const view = { of: original, offset: 0 };
    const keeper = new Tensor({ origin, name, type, shape, strides, sources: [original], memory, view });
    this.#nodes.add(keeper, this.#assignment.deviceOf[id], STANDS_FOR_NOTHING);
    for (let index = 0; index < copyCount; index++) {
      const copy = this.#copyOf(input, device, index);
      const at = copyCount === 1 ? copy : keeper;
      this.#addCopy({ of: input, device, index, tensor: copy, from: original, at });
      if (copyCount === 1) {
        this.#nodes.add(copy, device, STANDS_FOR_NOTHING);
      } else {
        origin.markInput(copy);
        origin.markOutput(copy);
        this.#addLeaf(copy, device, STANDS_FOR_NOTHING);
      }
    }
  }

  #copyOf(tensor: Tensor, device: number, index: number): Tensor {
    const { type, shape, strides } = tensor;
    const name = `${this.#can.devices[device].name}#${tensor.name}#${index}`;
    const origin = this.#origin;
    const copy = new Tensor({ origin, name, type, shape, strides, memory: 'deferred' });
    const allocSize = this.#allocSize(copy, device);
    return allocSize === undefined ? copy : remade(copy, { origin, sources: [], allocSize });
  }

  #addCopy(copy: Copy): void {
    this.#copies.push(copy);
    const { of, device, index, tensor } = copy;
    if (index === 0) this.#copyOn[this.#input.graph.idOf(of) * this.#can.devices.length + device] = tensor;
  }

  #addLeaf(leaf: Tensor, device: number, standsFor: number): void {
    if (this.#knownLeafs.has(leaf)) return;
    this.#knownLeafs.add(leaf);
    this.#leafs.add(leaf, device, standsFor);
  }

  /** The bytes that `device` wants for a tensor, if those are not its own. */
  #allocSize(tensor: Tensor, device: number): number | undefined {
    const size = this.#can.bufferTypes[device].sizeOf(tensor);
    return size === tensor.byteLength ? undefined : size;
  }

  /** The tensor itself, if nothing about it changes; else the tensor made anew. */
  #standIn(id: number): Tensor {
    return (this.#standIns[id] ??= this.#makeStandIn(id));
  }

  /** Recursive, as deep as views look into views: all else that a node reads has a stand-in by then. */
  #makeStandIn(id: number): Tensor {
    const { tensors, inputs, outputs } = this.#input.graph;
    const tensor = tensors[id];
    const device = this.#assignment.deviceOf[id];
    const isPlanned = !tensor.isView && tensor.memory === 'deferred' && device !== NO_DEVICE;
    const allocSize = isPlanned ? this.#allocSize(tensor, device) : (tensor.allocSize ?? undefined);
    const rootId = this.#table.roots[id];
    const root = rootId === id ? undefined : this.#standIn(rootId);
    const destinationId = this.#table.destinations[id];
    const destination = destinationId === -1 ? undefined : this.#standIn(destinationId);
    const isSame =
      allocSize === (tensor.allocSize ?? undefined) &&
      (root === undefined || root === tensor.root) &&
      (destination === undefined || destination === tensor.destination) &&
      this.#readsTheSame(id);
    if (isSame) return tensor;
    const made = remade(tensor, {
      origin: this.#origin,
      sources: tensor.sources.length === 0 ? [] : this.#operandsOf(id),
      root: destination === undefined ? root : undefined,
      destination,
      allocSize,
    });
    if (inputs.has(tensor)) this.#origin.markInput(made);
    if (outputs.has(tensor)) this.#origin.markOutput(made);
    return made;
  }

  /** Whether every operand of a node stands for itself: most graphs begin with such nodes, which need no new list. */
  #readsTheSame(id: number): boolean {
    const { tensors } = this.#input.graph;
    const { sourceFirst, sources } = this.#table;
    for (let entry = sourceFirst[id]; entry < sourceFirst[id + 1]; entry++) {
      const source = sources[entry];
      if (this.#operandOf(id, source) !== tensors[source]) return false;
    }
    return true;
  }

  /** What a node reads: in each slot what stands for its source there. */
  #operandsOf(id: number): (Tensor | null | typeof SELF)[] {
    const tensor = this.#input.graph.tensors[id];
    let entry = this.#table.sourceFirst[id];
    return tensor.sources.map((source) => {
      if (source === null) return null;
      return source === tensor ? SELF : this.#operandOf(id, this.#table.sources[entry++]);
    });
  }

  /** What a node reads in place of one of its sources: the copy on its device where there is one, else what stands for it. */
  #operandOf(id: number, source: number): Tensor {
    const { deviceOf } = this.#assignment;
    const device = deviceOf[id];
    const copy = this.#copyOn[source * this.#can.devices.length + device];
    if (copy === undefined || deviceOf[source] === device) return this.#standIn(source);
    const isView = this.#input.graph.tensors[id].operation?.isView === true;
    const isReadable = isView || this.#can.readsTensor(source, device, deviceOf);
    return isReadable ? this.#standIn(source) : copy;
  }
}

/** A pool for each buffer type, in the order of the devices. */
function poolsOf(bufferTypes: readonly BufferType[], deviceOf: Int32Array): Pools {
  const distinct = new Map(bufferTypes.map((type) => [type.name, type]));
  const names = [...distinct.keys()];
  const list = [...distinct.values()].map(({ name, alignment, maxSize }) => ({
    name,
    alignment,
    maxChunkSize: maxSize,
  }));
  const poolOfDevice = bufferTypes.map(({ name }) => names.indexOf(name));
  const of = new Uint8Array(deviceOf.length);
  for (let id = 0; id < of.length; id++) if (deviceOf[id] !== NO_DEVICE) of[id] = poolOfDevice[deviceOf[id]];
  return { list, of };
}
