/**
 * Memory for the reference kernels in which every element, whatever its type, is an f64: what is computed there is exact
 * enough to be compared with differences of nearby values.
 */
import { executeNode } from '../../src/exec/reference/execute.js';
import { Elements } from '../../src/exec/reference/elements.js';
import type { Memory } from '../../src/exec/reference/memory.js';
import type { Graph } from '../../src/graph/graph.js';
import { elementType } from '../../src/tensor/element-type.js';
import type { Tensor } from '../../src/tensor/tensor.js';

const F64 = elementType('f64', 'wide memory');

export class WideMemory {
  readonly #graph: Graph;
  readonly #storages = new Map<Tensor, Uint8Array>();

  constructor(graph: Graph) {
    this.#graph = graph;
    for (const tensor of graph.tensors) {
      if (tensor.isView) continue;
      const bytes = (tensor.byteLength / tensor.type.blockBytes) * F64.blockBytes;
      this.#storages.set(tensor, new Uint8Array(bytes).fill(0xff));
      if (tensor.bytes !== null) this.write(tensor, new Float32Array(tensor.bytes.slice().buffer));
    }
  }

  elements(tensor: Tensor): Elements {
    const factor = F64.blockBytes / tensor.type.blockBytes;
    const layout = { type: F64, shape: tensor.shape, strides: tensor.strides.map((stride) => stride * factor) };
    return new Elements(layout, this.#storages.get(tensor.root)!, tensor.viewOffset * factor);
  }

  read(tensor: Tensor): number[] {
    const elements = this.elements(tensor);
    return Array.from({ length: elements.count }, (_, position) => elements.getFlat(position));
  }

  write(tensor: Tensor, values: ArrayLike<number>): void {
    const elements = this.elements(tensor);
    for (let position = 0; position < values.length; position++) elements.setFlat(values[position], position);
  }

  /** Runs the nodes of the graph up to and including `last`. */
  run(last: Tensor): void {
    for (const node of this.#graph.nodes) {
      executeNode(node, this as unknown as Memory);
      if (node === last) return;
    }
  }

  /** Every byte of a storage belongs to an element. */
  poisonTail(): void {}
}
