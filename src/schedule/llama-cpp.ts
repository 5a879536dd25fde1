/**
 * llama.cpp's policy: which device computes each node. Matches the first four passes of
 * `ggml_backend_sched_split_graph`.
 *
 *     1  fixed    a tensor with a buffer goes where that is; an input to the CPU; a node where its first weight is
 *     2  spread   a device takes over its neighbours, devices before the CPU first, down the list and up again
 *     3  operands a node that is still open goes where most of its operands can be read
 *     4  rest     views follow what they look into, operands their reader
 *
 * Invariant: views compute nothing, so passes 2 and 3 leave them out. O(nodes · devices + sources).
 */
import { named, PlannerError } from '../errors.js';
import type { GraphTable } from '../graph/table.js';
import type { Tensor } from '../tensor/tensor.js';
import { type Capabilities, NO_DEVICE } from './capabilities.js';
import type { ScheduleInput } from './schedule.js';

/** The device of every tensor, by id; {@link NO_DEVICE} for a leaf that nobody reads and nothing fixes. */
export function assignAsLlamaCpp(input: ScheduleInput, capabilities: Capabilities): Int32Array {
  const assignment = new DeviceAssignment(input, capabilities);
  assignment.fix();
  assignment.spread();
  assignment.followOperands();
  assignment.complete();
  return assignment.deviceOf;
}

/** Whether a node only looks at bytes in another way. */
export function isViewOperation({ operation }: Tensor): boolean {
  return operation !== null && operation.isView;
}

class DeviceAssignment {
  readonly deviceOf: Int32Array;
  readonly #input: ScheduleInput;
  readonly #can: Capabilities;
  readonly #tensors: readonly Tensor[];
  readonly #inputs: ReadonlySet<Tensor>;
  readonly #table: GraphTable;
  /** Ids of the nodes that compute something, in execution order. */
  readonly #computing: Int32Array;
  /** 1 for each tensor that is a weight, by id. */
  readonly #isWeight: Uint8Array;

  constructor(input: ScheduleInput, capabilities: Capabilities) {
    const { tensors, inputs, table } = input.graph;
    this.#inputs = inputs;
    this.deviceOf = new Int32Array(tensors.length).fill(NO_DEVICE);
    this.#input = input;
    this.#can = capabilities;
    this.#tensors = tensors;
    this.#table = table;
    this.#computing = table.nodes.filter((id) => !isViewOperation(tensors[id]));
    this.#isWeight = new Uint8Array(tensors.length);
    for (const weight of input.weights) {
      const id = input.graph.idOf(weight);
      if (id !== -1) this.#isWeight[id] = 1;
    }
  }

  fix(): void {
    const { leafs, nodes } = this.#table;
    for (const id of leafs) this.deviceOf[id] = this.#fixedDevice(id);
    for (const id of nodes) this.deviceOf[id] = this.#fixedDevice(id);
  }

  #fixedDevice(id: number): number {
    const { pinned, placed, offloadsOperations } = this.#input;
    const tensor = this.#tensors[id];
    const pin = pinned.get(tensor);
    if (pin !== undefined) return pin;
    const own = this.#can.placed(id);
    if (own !== null) return this.#can.firstFor(own, id);
    if (this.#inputs.has(tensor)) return this.#can.cpu;
    if (FOLLOWS_NO_WEIGHT.has(tensor.op)) return NO_DEVICE;
    const { sourceFirst, sources } = this.#table;
    for (let entry = sourceFirst[id]; entry < sourceFirst[id + 1]; entry++) {
      if (this.#isWeight[sources[entry]] === 0) continue;
      const type = placed.get(this.#tensors[sources[entry]])!;
      const device = this.#can.firstFor(type, id);
      const isOnHost = device === this.#can.cpu && type.isHost;
      return isOnHost && offloadsOperations ? this.#offloaded(id) : device;
    }
    return NO_DEVICE;
  }

  /** The first device that wants a node whose weight is in host memory, or the CPU. */
  #offloaded(id: number): number {
    for (let device = 0; device < this.#can.cpu; device++) {
      if (this.#can.supports(id, device) && this.#can.devices[device].offloads(this.#tensors[id])) return device;
    }
    return this.#can.cpu;
  }

  spread(): void {
    const down = this.#computing;
    const up = down.slice().reverse();
    this.#sweep(down, this.#can.cpu);
    this.#sweep(up, this.#can.cpu);
    this.#sweep(down, NO_DEVICE);
    this.#sweep(up, NO_DEVICE);
  }

  /** Gives open nodes the device of the last node before them that has one; none if that is `excluded`. */
  #sweep(order: Int32Array, excluded: number): void {
    let carried = NO_DEVICE;
    for (const id of order) {
      const device = this.deviceOf[id];
      if (device !== NO_DEVICE) carried = device === excluded ? NO_DEVICE : device;
      else if (carried !== NO_DEVICE && this.#can.supports(id, carried)) this.deviceOf[id] = carried;
    }
  }

  followOperands(): void {
    for (const id of this.#computing) {
      if (this.deviceOf[id] === NO_DEVICE) this.deviceOf[id] = this.#deviceOfMostOperands(id);
      else this.deviceOf[id] = this.#firstWithSameMemory(id, this.deviceOf[id]);
    }
  }

  #deviceOfMostOperands(id: number): number {
    const { sourceFirst, sources, roots } = this.#table;
    let best = NO_DEVICE;
    let most = -1;
    for (let device = 0; device < this.#can.devices.length; device++) {
      if (!this.#can.supports(id, device)) continue;
      let readable = 0;
      for (let entry = sourceFirst[id]; entry < sourceFirst[id + 1]; entry++) {
        const source = sources[entry];
        const isAssigned = this.deviceOf[source] !== NO_DEVICE || this.deviceOf[roots[source]] !== NO_DEVICE;
        if (isAssigned && this.#can.readsTensor(source, device, this.deviceOf)) readable++;
      }
      if (readable <= most) continue;
      most = readable;
      best = device;
    }
    return best;
  }

  /** The first device of those with the memory of `device` that can compute the node on its operands. */
  #firstWithSameMemory(id: number, device: number): number {
    const { bufferTypes } = this.#can;
    for (let other = 0; other < device; other++) {
      if (bufferTypes[other].name !== bufferTypes[device].name || !this.#can.supports(id, other)) continue;
      if (this.#readsAll(id, other)) return other;
    }
    return device;
  }

  #readsAll(id: number, device: number): boolean {
    const { sourceFirst, sources } = this.#table;
    for (let entry = sourceFirst[id]; entry < sourceFirst[id + 1]; entry++) {
      if (!this.#can.readsTensor(sources[entry], device, this.deviceOf)) return false;
    }
    return true;
  }

  complete(): void {
    const { nodes, roots, sourceFirst, sources } = this.#table;
    const { deviceOf } = this;
    for (const id of nodes) {
      if (deviceOf[id] === NO_DEVICE) deviceOf[id] = roots[id] === id ? NO_DEVICE : deviceOf[roots[id]];
      for (let entry = sourceFirst[id]; entry < sourceFirst[id + 1]; entry++) {
        const source = sources[entry];
        if (deviceOf[source] === NO_DEVICE) deviceOf[source] = deviceOf[roots[source] === source ? id : roots[source]];
      }
      for (let device = 0; device <= this.#can.cpu && deviceOf[id] === NO_DEVICE; device++) {
        if (this.#can.supports(id, device)) deviceOf[id] = device;
      }
      if (deviceOf[id] === NO_DEVICE) throw noDevice(this.#tensors[id]);
      // What nobody has read by now but through this view lies where the view is looked for.
      if (deviceOf[roots[id]] === NO_DEVICE) deviceOf[roots[id]] = deviceOf[id];
    }
  }
}

/** Operations whose small weights say nothing about where they belong. */
const FOLLOWS_NO_WEIGHT: ReadonlySet<string> = new Set(['ROPE', 'FLASH_ATTN_EXT']);

function noDevice(node: Tensor): PlannerError {
  const culprit = node.label;
  return new PlannerError('BAD_ARGUMENT', {
    message: `No device computes ${named(culprit)}, a ${node.op} of these types and shapes.`,
    culprit,
    value: node.op,
    limit: 'what some device computes',
    remedy: 'Give a device that computes everything as the last one, such as cpuDevice().',
  });
}
