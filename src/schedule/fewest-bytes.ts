/**
 * Our own policy: the devices of nodes are chosen so that the fewest bytes cross between them.
 *
 * A tensor that a device reads but can't reach is copied there once, whoever reads it. For two devices, the cheapest choice
 * is a minimum cut:
 *
 *     source ─∞─ what must be    t ──bytes──▶ c ──∞──▶ r     c, the copy for the sink's device, exists if one reader r is
 *     on the first device        ▲            │              there: it costs the bytes of t if t is on the other side. A
 *     sink ─∞─ on the second     └──bytes── c'◀──∞── r'      copy c' stands for the other direction.
 *
 * Of equally cheap choices the one with the most nodes on the first device is taken. Three and more devices are improved
 * pair by pair, from llama.cpp's choice on, until no pair gets cheaper.
 *
 * Invariant: never more bytes than llama.cpp's policy copies; the fewest of all for two devices.
 */
import type { GraphTable } from '../graph/table.js';
import type { Tensor } from '../tensor/tensor.js';
import { checkBytes } from '../units.js';
import type { Capabilities } from './capabilities.js';
import { assignAsLlamaCpp, isViewOperation } from './llama-cpp.js';
import { CutNetwork } from './min-cut.js';
import type { ScheduleInput } from './schedule.js';

/** The device of every tensor, by id. */
export function assignForFewestBytes(input: ScheduleInput, capabilities: Capabilities): Int32Array {
  const deviceOf = assignAsLlamaCpp(input, capabilities);
  const count = capabilities.devices.length;
  for (let isBetter = true; isBetter;) {
    isBetter = false;
    for (let first = 0; first < count; first++) {
      for (let second = first + 1; second < count; second++) {
        const pair = new Pair(input, capabilities, deviceOf, first, second);
        if (pair.improve()) isBetter = true;
      }
    }
  }
  return deviceOf;
}

/** Bytes that cross between devices: each tensor once for each device that reads it and can't reach it. */
export function crossingBytes({ graph }: ScheduleInput, can: Capabilities, deviceOf: Int32Array): number {
  const { tensors, table } = graph;
  let bytes = 0;
  readersOf(table, tensors).forEach((readers, source) => {
    const devices = new Set(readers.map((reader) => deviceOf[reader]));
    for (const device of devices) {
      const isThere = device === deviceOf[source] || can.readsTensor(source, device, deviceOf);
      if (!isThere) bytes = checkBytes(bytes + tensors[source].byteLength, 'what crosses between devices');
    }
  });
  return bytes;
}

/** By id, the nodes that read a tensor and compute something. */
function readersOf({ nodes, sourceFirst, sources }: GraphTable, tensors: readonly Tensor[]): number[][] {
  const readers: number[][] = tensors.map(() => []);
  for (const node of nodes) {
    if (isViewOperation(tensors[node])) continue;
    for (let entry = sourceFirst[node]; entry < sourceFirst[node + 1]; entry++) readers[sources[entry]].push(node);
  }
  return readers;
}

/** Two devices that exchange nodes; all others keep theirs. */
class Pair {
  readonly #input: ScheduleInput;
  readonly #can: Capabilities;
  readonly #tensors: readonly Tensor[];
  readonly #table: GraphTable;
  readonly #deviceOf: Int32Array;
  /** The device on the source's side of a cut, and the one on the sink's. */
  readonly #first: number;
  readonly #second: number;
  readonly #network = new CutNetwork();
  /** By id of an owner that may go to either device: its vertex. */
  readonly #vertices = new Map<number, number>();

  constructor(input: ScheduleInput, can: Capabilities, deviceOf: Int32Array, first: number, second: number) {
    this.#input = input;
    this.#can = can;
    this.#tensors = input.graph.tensors;
    this.#table = input.graph.table;
    this.#deviceOf = deviceOf;
    this.#first = first;
    this.#second = second;
  }

  /** Gives the nodes of the pair the devices that cost least; false if that saves nothing. */
  improve(): boolean {
    this.#addVertices();
    if (this.#vertices.size === 0) return false;
    readersOf(this.#table, this.#tensors).forEach((readers, source) => {
      if (readers.length > 0 && this.#tensors[source].byteLength > 0) this.#addCosts(source, readers);
    });
    const isOnSecond = this.#network.sinkSide();
    const moved = this.#deviceOf.slice();
    for (const [owner, vertex] of this.#vertices) moved[owner] = isOnSecond[vertex] === 1 ? this.#second : this.#first;
    const { roots } = this.#table;
    for (let id = 0; id < moved.length; id++) if (this.#vertices.has(roots[id])) moved[id] = moved[roots[id]];
    if (crossingBytes(this.#input, this.#can, moved) >= crossingBytes(this.#input, this.#can, this.#deviceOf))
      return false;
    this.#deviceOf.set(moved);
    return true;
  }

  /** A vertex for each storage that is on one of the two devices and may move; ties to a device where it may not be. */
  #addVertices(): void {
    const { graph, pinned } = this.#input;
    const { roots } = this.#table;
    const isFixed = new Set<number>();
    this.#tensors.forEach((tensor, id) => {
      if (pinned.has(tensor) || graph.inputs.has(tensor)) isFixed.add(roots[id]);
    });
    const [notOnFirst, notOnSecond] = [this.#first, this.#second].map((device) => this.#ownersBeyond(device));
    for (let id = 0; id < roots.length; id++) {
      const device = this.#deviceOf[id];
      const isOfPair = device === this.#first || device === this.#second;
      const isOwner = roots[id] === id && this.#can.placed(id) === null;
      if (!isOfPair || !isOwner || isFixed.has(id) || (notOnFirst.has(id) && notOnSecond.has(id))) continue;
      const vertex = this.#network.addVertex();
      this.#vertices.set(id, vertex);
      if (notOnFirst.has(id)) this.#network.addEdge(vertex, CutNetwork.sink, Infinity);
      if (notOnSecond.has(id)) this.#network.addEdge(CutNetwork.source, vertex, Infinity);
    }
  }

  /** Owners of storages in which a node works that `device` does not compute. */
  #ownersBeyond(device: number): ReadonlySet<number> {
    const { nodes, roots } = this.#table;
    const computing = nodes.filter((node) => !isViewOperation(this.#tensors[node]));
    return new Set(
      Array.from(
        computing.filter((node) => !this.#can.supports(node, device)),
        (node) => roots[node],
      ),
    );
  }

  #vertexOf(id: number): number | undefined {
    return this.#vertices.get(this.#table.roots[id]);
  }

  #addCosts(source: number, readers: readonly number[]): void {
    const bytes = this.#tensors[source].byteLength;
    const home = this.#vertexOf(source);
    const movable = new Set<number>();
    const fixed = new Set<number>();
    for (const reader of readers) {
      const vertex = this.#vertexOf(reader);
      if (vertex === undefined) fixed.add(this.#deviceOf[reader]);
      // A node that works in the storage it reads is where that is.
      else if (vertex !== home) movable.add(vertex);
    }
    for (const device of fixed) if (home !== undefined) this.#addCostOfHome(home, device, bytes);
    if (!fixed.has(this.#first)) this.#addCostOfFirst(source, home, movable, bytes);
    if (!fixed.has(this.#second)) this.#addCostOfSecond(source, home, movable, bytes);
  }

  /** What a reader on `device`, which does not move, costs where the tensor is. */
  #addCostOfHome(home: number, device: number, bytes: number): void {
    if (!this.#reaches(device, this.#first)) this.#network.addEdge(home, CutNetwork.sink, bytes);
    if (!this.#reaches(device, this.#second)) this.#network.addEdge(CutNetwork.source, home, bytes);
  }

  /** The copy for the first device: needed if one of the readers is there, and the tensor is not. */
  #addCostOfFirst(source: number, home: number | undefined, readers: ReadonlySet<number>, bytes: number): void {
    const isReached =
      home === undefined ? this.#isThere(source, this.#first) : this.#reaches(this.#first, this.#second);
    if (isReached || readers.size === 0) return;
    const copy = this.#network.addVertex();
    for (const reader of readers) this.#network.addEdge(reader, copy, Infinity);
    this.#network.addEdge(copy, home ?? CutNetwork.sink, bytes);
  }

  /** The copy for the second device. */
  #addCostOfSecond(source: number, home: number | undefined, readers: ReadonlySet<number>, bytes: number): void {
    const isReached =
      home === undefined ? this.#isThere(source, this.#second) : this.#reaches(this.#second, this.#first);
    if (isReached || readers.size === 0) return;
    const copy = this.#network.addVertex();
    for (const reader of readers) this.#network.addEdge(copy, reader, Infinity);
    this.#network.addEdge(home ?? CutNetwork.source, copy, bytes);
  }

  /** Whether `device` reads a tensor that does not move. */
  #isThere(source: number, device: number): boolean {
    return this.#deviceOf[source] === device || this.#can.readsTensor(source, device, this.#deviceOf);
  }

  /** Whether `device` reads what is computed on `other`. */
  #reaches(device: number, other: number): boolean {
    return device === other || this.#can.reads(this.#can.bufferTypes[other], device);
  }
}
