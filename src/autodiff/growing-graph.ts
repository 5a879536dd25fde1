/**
 * A graph that gets new nodes as ggml adds them, with the names that ggml gives.
 *
 * Invariant: leafs and nodes are in the order of `ggml_build_forward_expand`. ggml counts a parameter among the nodes, and
 * so do the numbers in default names; in the graph itself a parameter that nothing computes is a leaf.
 */
import { Graph } from '../graph/graph.js';
import { Walk } from '../graph/walk.js';
import { TensorColumn } from '../tensor/tensor-column.js';
import type { Tensor } from '../tensor/tensor.js';

export class GrowingGraph {
  readonly leafs: Tensor[];
  readonly nodes: Tensor[];
  readonly #parameters: ReadonlySet<Tensor>;
  readonly #isMet = new TensorColumn();
  readonly #walk = new Walk(this.#isMet);
  #leafNumber = 0;
  #nodeNumber: number;

  /** @param start what the graph has from the beginning; stays as it is */
  constructor(parameters: ReadonlySet<Tensor>, start: Pick<Graph, 'leafs' | 'nodes'> = { leafs: [], nodes: [] }) {
    this.#parameters = parameters;
    this.leafs = [...start.leafs];
    this.nodes = [...start.nodes];
    this.#nodeNumber = start.nodes.length;
    for (const leaf of start.leafs) this.#count(leaf);
    for (const tensor of [...start.leafs, ...start.nodes]) this.#isMet.set(tensor, 1);
  }

  /** Adds `tensor` and everything that it depends on and that is not there yet. */
  expand(tensor: Tensor): void {
    this.#walk.from(tensor);
    for (const each of this.#walk.found.slice(0, this.#walk.foundCount)) {
      const isLeaf = each.operation === null && each.sources.length === 0;
      const isNode = !isLeaf || this.#parameters.has(each);
      if (each.name === '') each.name = isNode ? `node_${this.#nodeNumber}` : `leaf_${this.#leafNumber}`;
      (isLeaf ? this.leafs : this.nodes).push(each);
      this.#count(each);
    }
  }

  has(tensor: Tensor): boolean {
    return this.#isMet.get(tensor) > 0;
  }

  /** The graph as it is now; what is added later is not in it. */
  graph(): Graph {
    return new Graph({ leafs: this.leafs, nodes: this.nodes });
  }

  #count(tensor: Tensor): void {
    const isLeaf = tensor.operation === null && tensor.sources.length === 0;
    if (isLeaf && !this.#parameters.has(tensor)) this.#leafNumber++;
    else this.#nodeNumber++;
  }
}
