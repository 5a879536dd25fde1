/**
 * The truth about a plan, byte by byte: runs the graph on symbols, once with every storage in memory of its own and once
 * where the plan puts them.
 *
 * The symbol that a node writes to a byte stands for everything that the node has read, so one stale byte anywhere
 * changes all that follows from it. Shares nothing with the planner, the verifiers and the executor but the table of
 * operations; slow and simple, for small graphs.
 */
import type { Graph } from '../../src/graph/graph.js';
import { findOperation } from '../../src/dialects/ggml/operations.js';
import { sameLayout } from '../../src/tensor/layout.js';
import type { Tensor } from '../../src/tensor/tensor.js';

interface Place {
  /** Which piece of memory: a chunk, or a storage outside the plan. */
  readonly memory: unknown;
  readonly offset: number;
}

interface Places {
  readonly tensors: readonly { readonly id: number; readonly chunk: number; readonly offset: number }[];
}

/** Everything that goes wrong when the graph runs where `plan` puts it; empty if the plan is right. */
export function findFaults(graph: Graph, plan: Places): string[] {
  const entries = new Map(plan.tensors.map((entry) => [graph.tensors[entry.id], entry]));
  const symbols = new Symbols();
  const apart = new Run(graph, symbols, (root) => ({ memory: root, offset: 0 }));
  const planned = new Run(graph, symbols, (root) => {
    const entry = entries.get(root);
    return entry === undefined ? { memory: root, offset: 0 } : { memory: `chunk ${entry.chunk}`, offset: entry.offset };
  });
  return apart.readings.flatMap(({ what, symbols: expected }, index) => {
    const found = planned.readings[index].symbols;
    const byte = expected.findIndex((symbol, i) => symbol !== found[i]);
    return byte === -1 ? [] : [`${what}, of which byte ${byte} is another's`];
  });
}

/** Numbers for what bytes hold: the same for the same text. */
class Symbols {
  readonly #numbers = new Map<string, number>();

  of(text: string): number {
    const number = this.#numbers.get(text) ?? this.#numbers.size;
    this.#numbers.set(text, number);
    return number;
  }
}

/** What is read, in order. */
interface Reading {
  readonly what: string;
  readonly symbols: readonly number[];
}

/** No symbol: bytes that nobody has written, or that were overwritten while they were read. */
const LOST = -1;

class Run {
  readonly readings: Reading[] = [];
  readonly #symbols: Symbols;
  readonly #locate: (root: Tensor) => Place;
  readonly #memories = new Map<unknown, Map<number, number>>();
  readonly #ids: ReadonlyMap<Tensor, number>;

  constructor({ tensors, leafs, nodes, inputs, outputs }: Graph, symbols: Symbols, locate: (root: Tensor) => Place) {
    this.#symbols = symbols;
    this.#locate = locate;
    this.#ids = new Map(tensors.map((tensor, id) => [tensor, id]));
    for (const tensor of tensors) {
      if (!tensor.isView && (leafs.includes(tensor) || inputs.has(tensor))) this.#write(tensor, 'at first');
    }
    for (const node of nodes) if (!isPureView(node)) this.#run(node);
    const read = new Set(
      nodes.flatMap((node) => [...node.sources.filter((source) => source !== node), node.destination]),
    );
    for (const tensor of tensors) {
      const lasts = outputs.has(tensor) || !read.has(tensor) || (!tensor.isView && tensor.memory !== 'deferred');
      if (lasts) this.#read(tensor, 'the user');
    }
  }

  /** A node reads all of its sources, and then writes. */
  #run(node: Tensor): void {
    const read = node.sources.map((source, slot) => {
      if (source === null || source === node) return [];
      return this.#isOverwritten(node, source, slot)
        ? this.#note(node.name, source, [LOST])
        : this.#read(source, node.name);
    });
    this.#write(node, String(this.#symbols.of(JSON.stringify(read))));
  }

  #read(tensor: Tensor, reader: string): readonly number[] {
    const memory = this.#memoryOf(tensor);
    return this.#note(
      reader,
      tensor,
      this.#bytesOf(tensor).map((at) => memory.get(at) ?? LOST),
    );
  }

  #note(reader: string, tensor: Tensor, symbols: readonly number[]): readonly number[] {
    this.readings.push({ what: `${reader} reads ${tensor.name} (${this.#ids.get(tensor)})`, symbols });
    return symbols;
  }

  /** The elements, and whatever the device keeps behind them. */
  #write(tensor: Tensor, value: string): void {
    const memory = this.#memoryOf(tensor);
    const id = this.#ids.get(tensor)!;
    // Whoever writes a part leaves the rest as it was: every byte holds both.
    const keepsRest = findOperation(tensor.op)?.writesPart === true;
    this.#bytesOf(tensor).forEach((at, index) => {
      const old = keepsRest ? (memory.get(at) ?? LOST) : '';
      memory.set(at, this.#symbols.of(`${id} ${index} ${value} ${old}`));
    });
    if (tensor.isView) return;
    const { offset } = this.#locate(tensor);
    for (let at = tensor.byteLength; at < (tensor.allocSize ?? 0); at++) {
      memory.set(offset + at, this.#symbols.of(`${id} behind ${at}`));
    }
  }

  /** Whether a node writes over a source of another storage that it may still have to read. */
  #isOverwritten(node: Tensor, source: Tensor, slot: number): boolean {
    if (source.root === node.root || this.#memoryOf(node) !== this.#memoryOf(source)) return false;
    const [written, read] = [this.#bytesOf(node), this.#bytesOf(source)];
    const targets = new Set(written);
    if (!read.some((at) => targets.has(at))) return false;
    const operands = node.reuseRule?.operands ?? findOperation(node.op)?.overwrites ?? [];
    return !(operands.includes(slot) && sameLayout(node, source) && written[0] === read[0]);
  }

  #memoryOf(tensor: Tensor): Map<number, number> {
    const key = this.#locate(tensor.root).memory;
    let memory = this.#memories.get(key);
    if (memory === undefined) this.#memories.set(key, (memory = new Map<number, number>()));
    return memory;
  }

  /** Where each byte of each element is, in the order of the elements. */
  #bytesOf({ ne, nb, type, viewOffset, root }: Tensor): number[] {
    const bytes: number[] = [];
    const first = this.#locate(root).offset + viewOffset;
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

function isPureView(node: Tensor): boolean {
  return findOperation(node.op)?.isView === true;
}
