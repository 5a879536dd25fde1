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

/** What is known of a tensor of the graph that runs. */
interface Listed {
  readonly device: number;
  readonly standsFor: number;
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
  readonly #leafs = new Map<Tensor, Listed>();
  readonly #nodes: Tensor[] = [];
  readonly #listedNodes: Listed[] = [];
  readonly #ids: ReadonlyMap<Tensor, number>;

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
    this.#ids = new Map(tensors.map((tensor, id) => [tensor, id]));
  }

  rebuild(): Schedule {
    const { splits, deviceOf } = this.#assignment;
    for (const id of this.#table.leafs) this.#isListed[id] = 1;
    if (this.#input.copyCount > 1) this.#multiplyGraphInputs();
    for (const split of splits) this.#addSplit(split);
    for (const id of this.#table.leafs) this.#addLeaf(this.#standIn(id), deviceOf[id], id);
    const listed = [...this.#leafs.values(), ...this.#listedNodes];
    const newDeviceOf = Int32Array.from(listed, ({ device }) => device);
    return {
      devices: this.#can.devices,
      bufferTypes: this.#can.bufferTypes,
      splits,
      copies: this.#copies,
      copiedBytes: splits.reduce(
        (sum, { inputs }) => sum + inputs.reduce((bytes, each) => bytes + each.byteLength, 0),
        0,
      ),
      graph: new Graph({ leafs: [...this.#leafs.keys()], nodes: this.#nodes }),
      deviceOf: newDeviceOf,
      standsFor: Int32Array.from(listed, ({ standsFor }) => standsFor),
      pools: poolsOf(this.#can.bufferTypes, newDeviceOf),
    };
  }

  /** Further copies of what the caller fills, so that it can fill the next batch while one is computed. */
  #multiplyGraphInputs(): void {
    for (const tensor of this.#assignment.graphInputs) {
      const id = this.#ids.get(tensor)!;
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
    this.#list(this.#standIn(id), this.#assignment.deviceOf[id], id);
  }

  #list(node: Tensor, device: number, standsFor: number): void {
    this.#nodes.push(node);
    this.#listedNodes.push({ device, standsFor });
  }

  /** A node that keeps the input until it is copied, and the copy. With several copies these exist from the start. */
  #addSplitInput(input: Tensor, device: number): void {
    const { copyCount } = this.#input;
    const id = this.#ids.get(input)!;
    this.#addNode(id);
    const original = this.#standIn(id);
    const { type, shape, strides, memory } = original;
    const origin = this.#origin;
    const name = `${original.name} (view)`;
    const view = { of: original, offset: 0 };
    const keeper = new Tensor({ origin, name, type, shape, strides, sources: [original], memory, view });
    this.#list(keeper, this.#assignment.deviceOf[id], STANDS_FOR_NOTHING);
    for (let index = 0; index < copyCount; index++) {
      const copy = this.#copyOf(input, device, index);
      const at = copyCount === 1 ? copy : keeper;
      this.#addCopy({ of: input, device, index, tensor: copy, from: original, at });
      if (copyCount === 1) {
        this.#list(copy, device, STANDS_FOR_NOTHING);
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
    if (index === 0) this.#copyOn[this.#ids.get(of)! * this.#can.devices.length + device] = tensor;
  }

  #addLeaf(leaf: Tensor, device: number, standsFor: number): void {
    if (!this.#leafs.has(leaf)) this.#leafs.set(leaf, { device, standsFor });
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
    const sources = this.#operandsOf(id);
    const rootId = this.#table.roots[id];
    const root = rootId === id ? undefined : this.#standIn(rootId);
    const destinationId = this.#table.destinations[id];
    const destination = destinationId === -1 ? undefined : this.#standIn(destinationId);
    const isSame =
      allocSize === (tensor.allocSize ?? undefined) &&
      (sources === null || sources.every((source, slot) => source === tensor.sources[slot] || source === SELF)) &&
      (root === undefined || root === tensor.root) &&
      (destination === undefined || destination === tensor.destination);
    if (isSame) return tensor;
    const made = remade(tensor, {
      origin: this.#origin,
      sources: sources ?? [],
      root: destination === undefined ? root : undefined,
      destination,
      allocSize,
    });
    if (inputs.has(tensor)) this.#origin.markInput(made);
    if (outputs.has(tensor)) this.#origin.markOutput(made);
    return made;
  }

  /** What a node reads: the copies on its device where there are, else what stands for its sources. Null without any. */
  #operandsOf(id: number): (Tensor | null | typeof SELF)[] | null {
    const tensor = this.#input.graph.tensors[id];
    if (tensor.sources.length === 0) return null;
    const device = this.#assignment.deviceOf[id];
    const isView = tensor.operation?.isView === true;
    let entry = this.#table.sourceFirst[id];
    return tensor.sources.map((source) => {
      if (source === null) return null;
      if (source === tensor) return SELF;
      const sourceId = this.#table.sources[entry++];
      const copy = this.#copyOn[sourceId * this.#can.devices.length + device];
      const crosses =
        copy !== undefined &&
        !isView &&
        this.#assignment.deviceOf[sourceId] !== device &&
        !this.#can.readsTensor(sourceId, device, this.#assignment.deviceOf);
      return crosses ? copy : this.#standIn(sourceId);
    });
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
  return { list, of: Uint8Array.from(deviceOf, (device) => (device === NO_DEVICE ? 0 : poolOfDevice[device])) };
}
