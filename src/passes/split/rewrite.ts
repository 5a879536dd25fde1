/**
 * A graph whose regions are computed part by part.
 *
 *     y = f(x)   ──▶   w = EMPTY
 *                      y₀ = f(x[0, 64))   → w[0, 64)         each part is written straight into its slice of w;
 *                      y₁ = f(x[64, 128)) → w[64, 128)       readers of y read w, after both
 *
 * Invariant: a node outside of all regions computes what it did; nothing is joined or copied.
 */
import type { Dialect, PartOperations } from '../../dialects/dialects.js';
import { Graph } from '../../graph/graph.js';
import { isPureView } from '../../graph/node-kind.js';
import { contiguousStrides } from '../../tensor/layout.js';
import type { Slice } from '../../tensor/slice.js';
import { Origin, remade, SELF, Tensor, type TensorSpec } from '../../tensor/tensor.js';
import { operationsOf } from '../operations.js';
import { bytesRead, type Cost } from './cost.js';
import { needsOf } from './needs.js';
import { NOTHING, Part, type Made } from './part.js';
import { partsOf, type Region } from './region.js';

/** What has become of a graph. */
export interface Rewriting {
  readonly graph: Graph;
  readonly origin: Int32Array;
  readonly slices: readonly (Slice | null)[];
}

export class Rewriter {
  readonly #graph: Graph;
  readonly #dialect: Dialect;
  readonly #operations: PartOperations;
  readonly #origin: Origin;
  readonly #standIns = new Map<Tensor, Tensor>();
  readonly #leafs: Made[];
  readonly #nodes: Made[] = [];

  constructor(graph: Graph, dialect: Dialect) {
    this.#graph = graph;
    this.#dialect = dialect;
    this.#operations = dialect.parts!;
    this.#origin = new Origin(dialect.name);
    this.#leafs = graph.leafs.map((tensor) => ({ tensor, origin: graph.idOf(tensor), slice: null }));
  }

  /** Everything up to the end of a region, or to the end of the graph. */
  #copy(from: number, to: number, isInside: Uint8Array): void {
    for (let step = from; step < to; step++) if (isInside[step] === 0) this.#addWhole(this.#graph.nodes[step]);
  }

  /** @param regions no node is in two; each was found to be possible by {@link planParts} */
  rewrite(regions: readonly Region[], streamed: ReadonlySet<Tensor>): Rewriting {
    const { nodes } = this.#graph;
    const isInside = new Uint8Array(nodes.length);
    for (const { steps } of regions) for (const step of steps) isInside[step] = 1;
    const sorted = [...regions].sort((a, b) => a.steps[a.steps.length - 1] - b.steps[b.steps.length - 1]);
    let done = 0;
    for (const region of sorted) {
      const end = region.steps[region.steps.length - 1];
      this.#copy(done, end, isInside);
      this.#addRegion(region, streamed.has(nodes[end]));
      done = end + 1;
    }
    this.#copy(done, nodes.length, isInside);
    const made = [...this.#leafs, ...this.#nodes];
    const graph = new Graph({
      leafs: this.#leafs.map(({ tensor }) => tensor),
      nodes: this.#nodes.map(({ tensor }) => tensor),
    });
    return {
      graph,
      origin: Int32Array.from(made, ({ origin }) => origin),
      slices: made.map(({ slice }) => slice),
    };
  }

  #standInOf(tensor: Tensor): Tensor {
    return this.#standIns.get(tensor) ?? tensor;
  }

  #addWhole(node: Tensor): void {
    const { sources, root, destination, isView } = node;
    const isSame = [...sources, root, destination].every((each) => each === null || !this.#standIns.has(each));
    const id = this.#graph.idOf(node);
    if (isSame) return void this.#nodes.push({ tensor: node, origin: id, slice: null });
    const tensor = remade(node, {
      origin: this.#origin,
      sources: sources.map((source) => (source === null ? null : source === node ? SELF : this.#standInOf(source))),
      root: isView && destination === null ? this.#standInOf(root) : undefined,
      destination: destination === null ? undefined : this.#standInOf(destination),
      allocSize: node.allocSize ?? undefined,
    });
    this.#replace(node, tensor);
    this.#nodes.push({ tensor, origin: id, slice: null });
  }

  #replace(node: Tensor, tensor: Tensor): void {
    this.#standIns.set(node, tensor);
    if (this.#graph.inputs.has(node)) this.#origin.markInput(tensor);
    if (this.#graph.outputs.has(node)) this.#origin.markOutput(tensor);
  }

  #addRegion(region: Region, isStreamed: boolean): void {
    const { nodes } = region;
    const end = nodes[nodes.length - 1];
    const id = this.#graph.idOf(end);
    const { type, shape } = end;
    const home = this.#make({
      name: end.name,
      operation: isStreamed ? null : this.#operations.empty,
      type,
      shape,
      strides: contiguousStrides(type, shape),
      params: isStreamed ? {} : { type: type.name, ne: shape },
      memory: isStreamed ? 'virtual' : 'deferred',
    });
    if (isStreamed) this.#leafs.push({ tensor: home, origin: id, slice: null });
    else this.#nodes.push({ tensor: home, origin: NOTHING, slice: null });
    const parts = partsOf(region).map((slice) => this.#addPart(nodes, slice, home, isStreamed));
    let last = home;
    for (const [index, part] of parts.entries()) {
      const { name, strides } = home;
      const view = { of: home, offset: 0 };
      const [operation, sources] = [this.#operations.dependency, [last, part]];
      last = this.#make({ name, operation, type, shape, strides, sources, view, memory: home.memory });
      this.#nodes.push({ tensor: last, origin: index === parts.length - 1 ? id : NOTHING, slice: null });
    }
    this.#replace(end, last);
  }

  #make(spec: Omit<TensorSpec, 'origin'>): Tensor {
    return new Tensor({ origin: this.#origin, ...spec });
  }

  /** The node that writes a slice of the region's result. */
  #addPart(nodes: readonly Tensor[], slice: Slice, home: Tensor, isStreamed: boolean): Tensor {
    const part = new Part(this.#graph, this.#operations, this.#origin, (tensor) => this.#standInOf(tensor));
    const isWhole = isStreamed && slice.to - slice.from === home.shape[slice.dim];
    const written = part.compute(nodes, needsOf(nodes, slice)!, isWhole ? home : part.viewOf(home, slice, NOTHING));
    this.#nodes.push(...part.made);
    return written;
  }

  /** Whether the operations accept what the parts of a region give them, and what they cost more. */
  plan(region: Region): Cost | null {
    const { nodes } = region;
    const end = nodes[nodes.length - 1];
    const { type, shape } = end;
    const home = this.#make({ type, shape, strides: contiguousStrides(type, shape), memory: 'deferred' });
    let [operations, bytes] = [0, 0];
    for (const node of nodes) {
      if (isPureView(node)) continue;
      operations -= operationsOf(node);
      bytes -= bytesRead(node);
    }
    for (const slice of partsOf(region)) {
      const needs = needsOf(nodes, slice);
      if (needs === null) return null;
      const part = new Part(this.#graph, this.#operations, this.#origin, (tensor) => tensor);
      if (!part.isPossible(nodes, needs, home, this.#dialect)) return null;
      for (const { tensor } of part.made) {
        if (isPureView(tensor)) continue;
        operations += operationsOf(tensor);
        bytes += bytesRead(tensor);
      }
    }
    return { operations: Math.max(0, operations), bytes: Math.max(0, bytes) };
  }
}
