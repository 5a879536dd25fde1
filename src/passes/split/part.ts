/**
 * One part of a region: its nodes made anew, each on a slice of what it was.
 *
 * Invariant: the last node is written into its destination; all others have storages of their own, which die with the part.
 */
import type { Dialect, PartOperations } from '../../dialects/dialects.js';
import { PlannerError } from '../../errors.js';
import type { Graph } from '../../graph/graph.js';
import { isPureView } from '../../graph/node-kind.js';
import { contiguousStrides, sameShape } from '../../tensor/layout.js';
import { slicedShape, type Cut, type Slice } from '../../tensor/slice.js';
import { SELF, Tensor, type Origin, type TensorSpec } from '../../tensor/tensor.js';
import type { Needs } from './needs.js';
import { viewLayoutOf } from './views.js';

/** A tensor of the new graph, and what it stands for. */
export interface Made {
  readonly tensor: Tensor;
  readonly origin: number;
  readonly slice: Slice | null;
}

export const NOTHING = -1;

/** Why a part cannot be computed; never leaves this file. */
class Refusal extends Error {}

/** One part of a region. */
export class Part {
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
