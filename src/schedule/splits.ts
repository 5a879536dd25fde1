/**
 * Cuts the order of a graph into splits, and finds what each split needs copied. Matches the fifth pass of
 * `ggml_backend_sched_split_graph`.
 *
 * Invariant: a tensor is copied to a device once, and later splits on that device read the copy; again only once its storage
 * has been overwritten, which llama.cpp's graphs never do between two readings of one tensor. O(nodes + sources).
 */
import type { Tensor } from '../tensor/tensor.js';
import { type Capabilities, NO_DEVICE } from './capabilities.js';
import { isViewOperation } from './llama-cpp.js';
import type { Assignment, ScheduleInput, Split } from './schedule.js';

/** ggml begins a new split rather than give one more inputs than this. The list of a node that needs more is doubled. */
const SPLIT_INPUTS = 30;

export function cutIntoSplits(input: ScheduleInput, can: Capabilities, deviceOf: Int32Array): Assignment {
  return new Cutter(input, can, deviceOf).cut();
}

const NEVER = -1;

class Cutter {
  readonly #input: ScheduleInput;
  readonly #can: Capabilities;
  readonly #deviceOf: Int32Array;
  /** The first step of the split that a tensor was last copied for, by id and device; {@link NEVER} without a copy. */
  readonly #copiedAt: Int32Array;
  /** The last step that overwrote each storage, by the id of its owner; {@link NEVER} if none did. */
  readonly #writtenAt: Int32Array;
  readonly #splits: Split[] = [];
  readonly #graphInputs: Tensor[] = [];
  /** By id: the last step that each tensor waits for; -1 for leafs. A view waits for all that it is ordered after. */
  readonly #readyAt: Int32Array;
  #device = NO_DEVICE;
  #start = 0;
  #inputs: Tensor[] = [];
  #capacity = SPLIT_INPUTS;

  constructor(input: ScheduleInput, can: Capabilities, deviceOf: Int32Array) {
    this.#input = input;
    this.#can = can;
    this.#deviceOf = deviceOf;
    this.#readyAt = new Int32Array(deviceOf.length).fill(-1);
    this.#copiedAt = new Int32Array(deviceOf.length * can.devices.length).fill(NEVER);
    this.#writtenAt = new Int32Array(deviceOf.length).fill(NEVER);
  }

  cut(): Assignment {
    const { tensors, table } = this.#input.graph;
    const { nodes } = table;
    const writers = new Set(table.writers);
    for (let step = 0; step < nodes.length; step++) {
      const id = nodes[step];
      if (isViewOperation(tensors[id])) {
        this.#readyAt[id] = this.#lastBefore(id);
        continue;
      }
      this.#readyAt[id] = step;
      const device = this.#deviceOf[id];
      if (this.#device === NO_DEVICE) this.#device = device;
      if (device !== this.#device || this.#needsNewSplit(id)) this.#begin(step, device);
      this.#copyOperands(id);
      if (writers.has(id)) this.#noteWrites(id, step);
    }
    this.#end(nodes.length);
    return { deviceOf: this.#deviceOf, splits: this.#splits, graphInputs: this.#graphInputs };
  }

  #lastBefore(id: number): number {
    const { sourceFirst, sources } = this.#input.graph.table;
    let last = -1;
    for (let entry = sourceFirst[id]; entry < sourceFirst[id + 1]; entry++) {
      last = Math.max(last, this.#readyAt[sources[entry]]);
    }
    return last;
  }

  #noteWrites(id: number, step: number): void {
    const { tensors, table } = this.#input.graph;
    const { updates } = tensors[id].operation!;
    this.#writtenAt[table.roots[id]] = step;
    // What is updated is among the operands: of those, the others are no worse for being copied anew.
    if (updates.length === 0) return;
    for (let entry = table.sourceFirst[id]; entry < table.sourceFirst[id + 1]; entry++) {
      this.#writtenAt[table.roots[table.sources[entry]]] = step;
    }
  }

  #begin(step: number, device: number): void {
    this.#end(step);
    this.#device = device;
    this.#start = step;
    this.#inputs = [];
    this.#capacity = SPLIT_INPUTS;
  }

  #end(step: number): void {
    if (step === this.#start) return;
    // A graph of views alone runs anywhere.
    const device = this.#device === NO_DEVICE ? this.#can.cpu : this.#device;
    this.#splits.push({ device, start: this.#start, end: step, inputs: this.#inputs });
  }

  /**
   * Whether a split ends before a node of its own device: the memory of copied weights is free again once their readers
   * are done; the list of inputs may be full; and what waits for a node of the split, as a dependency does, or was
   * written by one, can only be copied after that.
   */
  #needsNewSplit(id: number): boolean {
    const { graph, weights } = this.#input;
    const { sourceFirst, sources } = graph.table;
    for (let entry = sourceFirst[id]; entry < sourceFirst[id + 1]; entry++) {
      const source = sources[entry];
      if (!this.#mustCross(source)) continue;
      const isNew = !this.#hasCopy(source, this.#device);
      const readyAt = Math.max(this.#readyAt[source], this.#writtenAt[graph.table.roots[source]]);
      if (isNew && readyAt >= this.#start) return true;
      if (this.#inputs.length > 0 && weights.has(graph.tensors[source])) return true;
      if (isNew && this.#inputs.length >= this.#capacity) return true;
    }
    return false;
  }

  /** Whether the device of the split can't read a tensor where it is. */
  #mustCross(source: number): boolean {
    return this.#deviceOf[source] !== this.#device && !this.#can.readsTensor(source, this.#device, this.#deviceOf);
  }

  #copyOperands(id: number): void {
    const { graph, copyCount } = this.#input;
    const { sourceFirst, sources } = graph.table;
    for (let entry = sourceFirst[id]; entry < sourceFirst[id + 1]; entry++) {
      const source = sources[entry];
      const tensor = graph.tensors[source];
      if (copyCount > 1 && graph.inputs.has(tensor) && this.#claimCopy(source, this.#deviceOf[source])) {
        this.#graphInputs.push(tensor);
      }
      if (!this.#mustCross(source) || !this.#claimCopy(source, this.#device)) continue;
      if (this.#inputs.length >= this.#capacity) this.#capacity *= 2;
      this.#inputs.push(tensor);
    }
  }

  /** Whether a tensor has a copy on a device that holds what the tensor holds by now. */
  #hasCopy(source: number, device: number): boolean {
    const copiedAt = this.#copiedAt[source * this.#can.devices.length + device];
    return copiedAt !== NEVER && this.#writtenAt[this.#input.graph.table.roots[source]] < copiedAt;
  }

  /** Notes that a tensor is copied to a device; false if it was before. */
  #claimCopy(source: number, device: number): boolean {
    if (this.#hasCopy(source, device)) return false;
    this.#copiedAt[source * this.#can.devices.length + device] = this.#start;
    return true;
  }
}
