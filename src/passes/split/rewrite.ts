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
import { PlannerError } from '../../errors.js';
import { Graph } from '../../graph/graph.js';
import { isPureView } from '../../graph/node-kind.js';
import { contiguousStrides, sameShape } from '../../tensor/layout.js';
import { slicedShape, type Cut, type Slice } from '../../tensor/slice.js';
import { Origin, remade, SELF, Tensor, type TensorSpec } from '../../tensor/tensor.js';
import { bytesRead, operationsOf, type Cost } from './cost.js';
import { needsOf, type Needs } from './needs.js';
import { partsOf, type Region } from './region.js';
import { viewLayoutOf } from './views.js';

/** What has become of a graph. */
export interface Rewriting {
  readonly graph: Graph;
  readonly origin: Int32Array;
  readonly slices: readonly (Slice | null)[];
}

/** A tensor of the new graph, and what it stands for. */
interface Made {
  readonly tensor: Tensor;
  readonly origin: number;
  readonly slice: Slice | null;
}

const NOTHING = -1;

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

/** Why a part cannot be computed; never leaves this file. */
class Refusal extends Error {}

/** One part of a region. */
class Part {
  readonly made: Made[] = [];
  readonly #graph: Graph;
  readonly #operations: PartOperations;
  readonly #origin: Origin;
  readonly #standInOf: (tensor: Tensor) => Tensor;
  /** What stands for each node of the region, and the slice that it has. */
  readonly #own = new Map<Tensor, { readonly tensor: Tensor; readonly slice: Slice }>();
  readonly #views = new Map<Tensor, Map<string, Tensor>>();

  constructor(graph: Graph, operations: PartOperations, origin: Origin, standInOf: (tensor: Tensor) => Tensor) {
    this.#graph = graph;
    this.#operations = operations;
    this.#origin = origin;
    this.#standInOf = standInOf;
  }

  /** Whether the dialect's rules make of the operands what is expected. */
  isPossible(nodes: readonly Tensor[], needs: Needs, home: Tensor, dialect: Dialect): boolean {
    try {
      this.compute(nodes, needs, this.viewOf(home, needs.get(nodes[nodes.length - 1])!.slice, NOTHING));
      return this.made.every(({ tensor }) => {
        const result = dialect.resultOf(tensor);
        return result === null || (result.type === tensor.type && sameShape(result, tensor));
      });
    } catch (error) {
      if (error instanceof PlannerError || error instanceof Refusal) return false;
      throw error;
    }
  }

  /** Makes the nodes of the part; returns the last, which is written into `destination`. */
  compute(nodes: readonly Tensor[], needs: Needs, destination: Tensor): Tensor {
    const end = nodes[nodes.length - 1];
    for (const node of nodes) {
      const { slice, cut } = needs.get(node)!;
      const sources = node.sources.map((source, slot) => {
        if (source === null) return null;
        if (source === node) return SELF;
        const operand = cut.operands[slot] ?? null;
        return operand === null ? this.#standInOf(source) : this.#sliceOf(source, operand);
      });
      const tensor = isPureView(node)
        ? this.#look(node, slice, sources[0] as Tensor)
        : this.#apply(node, slice, sources, { cut, destination: node === end ? destination : undefined });
      this.#own.set(node, { tensor, slice });
    }
    return this.#own.get(end)!.tensor;
  }

  #look(node: Tensor, slice: Slice, source: Tensor): Tensor {
    const layout = viewLayoutOf(node, slice, source);
    if (layout === null) throw new Refusal('no such view');
    const { shape, strides, offset, params } = layout;
    const view = { of: source, offset };
    return this.#add({ ...this.#factsOf(node), shape, strides, params, sources: [source], view }, node, slice);
  }

  #apply(
    node: Tensor,
    slice: Slice,
    sources: readonly (Tensor | null | typeof SELF)[],
    { cut: { params, before = 0, after = 0 }, destination }: { cut: Cut; destination: Tensor | undefined },
  ): Tensor {
    const shape = slicedShape(node.shape, { ...slice, from: slice.from - before, to: slice.to + after });
    const slot = node.isView ? node.sources.findIndex((source) => source?.root === node.root) : -1;
    const target = slot === -1 ? null : (sources[slot] as Tensor);
    const tensor = this.#add(
      {
        ...this.#factsOf(node),
        shape,
        strides: target?.strides ?? contiguousStrides(node.type, shape),
        sources,
        params: { ...node.params, ...params },
        view: target === null ? undefined : { of: target, offset: 0 },
        destination,
        reuseRule: node.reuseRule ?? undefined,
      },
      node,
      slice,
    );
    if (before === 0 && after === 0) return tensor;
    return this.viewOf(tensor, { dim: slice.dim, from: before, to: before + slice.to - slice.from }, NOTHING);
  }

  #factsOf({ name, operation, type, memory }: Tensor): Pick<TensorSpec, 'name' | 'operation' | 'type' | 'memory'> {
    return { name, operation, type, memory };
  }

  #add(spec: Omit<TensorSpec, 'origin'>, node: Tensor, slice: Slice): Tensor {
    const tensor = new Tensor({ origin: this.#origin, ...spec });
    this.made.push({ tensor, origin: this.#graph.idOf(node), slice });
    return tensor;
  }

  #sliceOf(source: Tensor, slice: Slice): Tensor {
    const own = this.#own.get(source);
    if (own === undefined) return this.viewOf(this.#standInOf(source), slice, NOTHING);
    const { dim, from } = own.slice;
    if (dim !== slice.dim) throw new Refusal('sliced along another dimension');
    return this.viewOf(own.tensor, { dim, from: slice.from - from, to: slice.to - from }, NOTHING);
  }

  /** A slice of a tensor that is there: the tensor itself if it has no more. */
  viewOf(tensor: Tensor, slice: Slice, origin: number): Tensor {
    const { dim, from, to } = slice;
    if (from === 0 && to === tensor.shape[dim]) return tensor;
    const key = `${dim} ${from} ${to}`;
    const views = this.#views.get(tensor) ?? new Map<string, Tensor>();
    this.#views.set(tensor, views);
    const known = views.get(key);
    if (known !== undefined) return known;
    const { type, strides, memory } = tensor;
    const shape = slicedShape(tensor.shape, slice);
    const offset = from * strides[dim];
    const view = new Tensor({
      origin: this.#origin,
      name: tensor.name,
      operation: this.#operations.view,
      type,
      shape,
      strides,
      sources: [tensor],
      params: { ne: shape, nb: strides.slice(1), offset },
      view: { of: tensor, offset },
      memory,
    });
    views.set(key, view);
    this.made.push({ tensor: view, origin, slice: null });
    return view;
  }
}
