/**
 * Runs a graph on tags instead of numbers, once with every storage in memory of its own and once where a plan puts
 * them: wherever a node reads another tag, the plan has destroyed a value.
 *
 * Every byte of memory holds the tag of who wrote it. Shares nothing with the planner nor with `verifyPlan`; slow and
 * simple, for small graphs.
 */
import type { Graph } from '../../src/graph/graph.js';
import { findOperation } from '../../src/graph/operations.js';
import { isEmpty, sameLayout } from '../../src/tensor/shape.js';
import type { Tensor } from '../../src/tensor/tensor.js';

interface Place {
  /** Which piece of memory: a chunk, or a storage outside the plan. */
  readonly memory: unknown;
  readonly offset: number;
}

type Locate = (root: Tensor) => Place;

/** What is read, in order. */
interface Reading {
  readonly reader: string;
  readonly tensor: string;
  readonly tags: readonly number[];
}

interface PlanToReplay {
  readonly tensors: readonly { readonly id: number; readonly chunk: number; readonly offset: number }[];
}

/** Everything that goes wrong when the graph runs where `plan` puts it; empty if the plan is right. */
export function replay(graph: Graph, plan: PlanToReplay): string[] {
  const entries = new Map(plan.tensors.map((entry) => [graph.tensors[entry.id], entry]));
  const planned = new Run(graph, (root) => {
    const entry = entries.get(root);
    if (entry === undefined && root.memory === 'deferred') throw new Error(`${root.name} has no place in the plan`);
    return entry === undefined ? { memory: root, offset: 0 } : { memory: entry.chunk, offset: entry.offset };
  });
  const apart = new Run(graph, (root) => ({ memory: root, offset: 0 }));
  const wrong = apart.readings.flatMap(({ reader, tensor, tags }, index) => {
    const byte = tags.findIndex((tag, i) => tag !== planned.readings[index].tags[i]);
    return byte === -1 ? [] : [`${reader} reads ${tensor}, of which byte ${byte} is overwritten`];
  });
  const known = new Set(apart.overwritten);
  return [...wrong, ...planned.overwritten.filter((what) => !known.has(what))];
}

class Run {
  readonly readings: Reading[] = [];
  /** Nodes that write over what they still read. */
  readonly overwritten: string[] = [];
  readonly #locate: Locate;
  readonly #memories = new Map<unknown, Map<number, number>>();
  readonly #ids: ReadonlyMap<Tensor, number>;

  constructor({ tensors, leafs, nodes }: Graph, locate: Locate) {
    this.#locate = locate;
    this.#ids = new Map(tensors.map((tensor, id) => [tensor, id]));
    for (const tensor of tensors) if (!tensor.isView && (leafs.includes(tensor) || tensor.isInput)) this.#write(tensor);
    const read = new Set<Tensor>();
    for (const node of nodes) {
      const isView = findOperation(node.op)?.isView === true;
      for (const source of node.sources) {
        if (source === null || source === node) continue;
        read.add(source);
        if (isView) continue;
        this.#read(source, node.name);
        this.#checkOverwriting(node, source);
      }
      if (!isView) this.#write(node);
    }
    for (const tensor of tensors) if (tensor.isOutput || !read.has(tensor)) this.#read(tensor, 'the user');
  }

  #read(tensor: Tensor, reader: string): void {
    const memory = this.#memoryOf(tensor);
    const tags = this.#bytesOf(tensor).map((at) => memory.get(at) ?? -1);
    this.readings.push({ reader, tensor: `${tensor.name} (${this.#ids.get(tensor)})`, tags });
  }

  /** The elements, and whatever the device keeps behind them. */
  #write(tensor: Tensor): void {
    const memory = this.#memoryOf(tensor);
    const tag = this.#ids.get(tensor)! * 65536;
    const bytes = this.#bytesOf(tensor);
    // Rows go where their ids say, the other rows stay: every other element stands for that.
    const written = tensor.op === 'SET_ROWS' ? bytes.filter((_, index) => index % 8 < 4) : bytes;
    written.forEach((at, index) => memory.set(at, tag + index));
    if (tensor.isView) return;
    const { offset } = this.#locate(tensor);
    for (let at = tensor.byteLength; at < (tensor.allocSize ?? 0); at++) memory.set(offset + at, tag + at);
  }

  #checkOverwriting(node: Tensor, source: Tensor): void {
    if (this.#memoryOf(node) !== this.#memoryOf(source)) return;
    const target = new Set(this.#bytesOf(node));
    if (!this.#bytesOf(source).some((at) => target.has(at))) return;
    const operation = findOperation(node.op);
    const operands = node.inPlaceRule?.operands ?? operation?.overwrites ?? [];
    const anyOperand = node.inPlaceRule?.ggml ?? operation?.ggmlInPlace ?? false;
    const isAllowed = anyOperand || node.sources.every((other, slot) => other !== source || operands.includes(slot));
    const isSame = this.#bytesOf(node)[0] === this.#bytesOf(source)[0] && sameLayout(node, source);
    if (!isSame || !isAllowed) this.overwritten.push(`${node.name} overwrites ${source.name} while it reads it`);
  }

  #memoryOf(tensor: Tensor): Map<number, number> {
    const key = this.#locate(tensor.root).memory;
    let memory = this.#memories.get(key);
    if (memory === undefined) this.#memories.set(key, (memory = new Map<number, number>()));
    return memory;
  }

  /** Where each byte of each element is, in the order of the elements. */
  #bytesOf(tensor: Tensor): number[] {
    const { ne, nb, type, viewOffset } = tensor;
    const bytes: number[] = [];
    if (isEmpty(ne)) return bytes;
    const first = this.#locate(tensor.root).offset + viewOffset;
    for (let i3 = 0; i3 < ne[3]; i3++)
      for (let i2 = 0; i2 < ne[2]; i2++)
        for (let i1 = 0; i1 < ne[1]; i1++)
          for (let i0 = 0; i0 < ne[0] / type.blockSize; i0++) {
            const element = first + i0 * nb[0] + i1 * nb[1] + i2 * nb[2] + i3 * nb[3];
            for (let byte = 0; byte < type.blockBytes; byte++) bytes.push(element + byte);
          }
    return bytes;
  }
}
