/**
 * A short word that stands for a whole graph: order, operations, names, types, shapes, strides, operands and views.
 */
import { createHash } from 'node:crypto';
import type { Graph } from '../../src/graph/graph.js';
import type { ListedGraph, ListedTensor } from './compare-graphs.js';

/** Characters of a name that this library keeps. */
const NAME_LENGTH = 63;

/** Weights are called by their place, so that their own names do not count. */
export function graphDigest({ tensors, leafs, nodes }: ListedGraph): string {
  const order = [...leafs, ...nodes];
  const positions = new Map(order.map((id, position) => [id, position]));
  const hash = createHash('sha256');
  for (const [position, id] of order.entries()) {
    const { name, op, type, ne, nb, src = [], view, viewOffset = 0, ...marks } = tensors[id];
    const { external = false, input = false, output = false } = marks;
    const called = external ? `leaf_${position}` : name.slice(0, NAME_LENGTH);
    const sources = src.map((source) => positions.get(source) ?? null);
    const root = view === undefined ? null : positions.get(view);
    hash.update(JSON.stringify([op, called, type, ne, nb, sources, root, viewOffset, external, input, output]));
  }
  return hash.digest('hex').slice(0, 16);
}

/** A graph as a graph file lists it. */
export function listed({ leafs, nodes, inputs, outputs }: Graph): ListedGraph {
  const order = [...leafs, ...nodes];
  const ids = new Map(order.map((tensor, id) => [tensor, id]));
  const tensors = order.map((tensor): ListedTensor => {
    const view = tensor.isView ? { view: ids.get(tensor.root)!, viewOffset: tensor.viewOffset } : {};
    return {
      name: tensor.name,
      op: tensor.op,
      type: tensor.type.name,
      ne: tensor.ne,
      nb: tensor.nb,
      src: tensor.sources.map((source) => (source === null ? -1 : ids.get(source)!)),
      ...view,
      external: tensor.memory !== 'deferred' && !tensor.isView,
      input: inputs.has(tensor),
      output: outputs.has(tensor),
    };
  });
  return { tensors, leafs: leafs.map((_, id) => id), nodes: nodes.map((_, index) => leafs.length + index) };
}
