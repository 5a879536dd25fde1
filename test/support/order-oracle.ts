/**
 * The least live load of all orders of a graph, by trying them all, and the live load of one order, step by step. Plain
 * sets, and nothing of what they check.
 *
 * For graphs in which sources and dependencies alone decide the order.
 */
import type { Graph } from '../../src/index.js';
import type { Tensor } from '../../src/index.js';
import { isPureView } from '../../src/graph/node-kind.js';
import { sameLayout } from '../../src/tensor/layout.js';

const padded = (tensor: Tensor): number => Math.ceil(tensor.storageBytes / 32) * 32;

/** Every order of a graph's nodes in which each follows what it reads; null if there are more than `most`. */
export function allOrders({ nodes }: Graph, most: number): Tensor[][] | null {
  const orders: Tensor[][] = [];
  const order: Tensor[] = [];
  const left = new Set(nodes);
  const isReady = (node: Tensor): boolean =>
    [...node.sources, node.destination, node.root].every((need) => need === null || need === node || !left.has(need));
  const visit = (): boolean => {
    if (left.size === 0) return orders.push([...order]) <= most;
    for (const node of nodes) {
      if (!left.has(node) || !isReady(node)) continue;
      left.delete(node);
      order.push(node);
      if (!visit()) return false;
      order.pop();
      left.add(node);
    }
    return true;
  };
  return visit() ? orders : null;
}

/** The most bytes that are live at one step, if every node reuses the largest operand that dies at it and that it may. */
export function loadOfOrder(graph: Graph, order: readonly Tensor[]): number {
  const { leafs, inputs, outputs, tensors } = graph;
  const isRead = new Set(
    graph.nodes.flatMap((node) => [...node.sources.filter((source) => source !== node), node.destination]),
  );
  const kept = new Set(
    tensors
      .filter((tensor) => outputs.has(tensor) || (!isRead.has(tensor) && tensor.operation !== null))
      .map(({ root }) => root),
  );
  for (const leaf of leafs) if (!isRead.has(leaf) && !leaf.isView) kept.add(leaf);
  const takesBytes = (tensor: Tensor): boolean => !tensor.isView && tensor.memory === 'deferred';
  const lastRead = new Map<Tensor, number>();
  order.forEach((node, step) => {
    for (const source of node.sources) if (source !== null && source !== node) lastRead.set(source.root, step);
  });
  const diesAt = (root: Tensor, step: number): boolean => !kept.has(root) && lastRead.get(root) === step;
  const live = new Set(leafs.filter(takesBytes));
  for (const node of order) if (inputs.has(node) && takesBytes(node)) live.add(node);
  const sum = (set: Iterable<Tensor>): number => [...set].reduce((bytes, tensor) => bytes + padded(tensor), 0);
  let most = sum(live);
  order.forEach((node, step) => {
    if (takesBytes(node) && !inputs.has(node)) {
      const reused = reusableBy(node)
        .filter((root) => takesBytes(root) && diesAt(root, step))
        .sort((a, b) => b.storageBytes - a.storageBytes)[0] as Tensor | undefined;
      if (reused !== undefined) live.delete(reused);
      live.add(node);
    }
    most = Math.max(most, sum(live));
    for (const root of live)
      if (diesAt(root, step) || (root !== node && !kept.has(root) && !lastRead.has(root))) live.delete(root);
  });
  return most;
}

/** The storages that a node may overwrite with its result. */
function reusableBy(node: Tensor): Tensor[] {
  if (isPureView(node) || node.isView) return [];
  const roots = new Set(node.sources.flatMap((source) => (source === null || source === node ? [] : [source.root])));
  return [...roots].filter((root) => {
    const slots = [...node.sources.keys()].filter((slot) => node.sources[slot]?.root === root);
    return slots.every((slot) => {
      const source = node.sources[slot]!;
      return source.viewOffset === 0 && sameLayout(source, node) && node.overwritableSlots.includes(slot);
    });
  });
}

/** The least live load of all orders of up to 20 nodes, set by set of nodes that have run. For graphs without views. */
export function leastLoadOfSets({ leafs, nodes, outputs }: Graph): number {
  const bit = new Map(nodes.map((node, index) => [node, 2 ** index]));
  const has = (set: number, node: Tensor): boolean => Math.floor(set / bit.get(node)!) % 2 === 1;
  const readersOf = new Map<Tensor, Tensor[]>();
  for (const node of nodes)
    for (const source of new Set(node.sources))
      if (source) readersOf.set(source, [...(readersOf.get(source) ?? []), node]);
  const isKept = (tensor: Tensor): boolean => outputs.has(tensor) || !readersOf.has(tensor);
  const planned = [...leafs, ...nodes].filter(({ memory }) => memory === 'deferred');
  /** Storages that hold something needed when the nodes of a set have run. */
  const liveAfter = (set: number): Set<Tensor> =>
    new Set(
      planned.filter((tensor) => {
        const isThere = !bit.has(tensor) || has(set, tensor);
        return isThere && (isKept(tensor) || readersOf.get(tensor)!.some((reader) => !has(set, reader)));
      }),
    );
  const sum = (set: Iterable<Tensor>): number => [...set].reduce((bytes, tensor) => bytes + padded(tensor), 0);
  let best = new Map([[0, sum(liveAfter(0))]]);
  for (let step = 0; step < nodes.length; step++) {
    const next = new Map<number, number>();
    for (const [set, most] of best) {
      for (const node of nodes) {
        if (has(set, node) || node.sources.some((source) => source !== null && bit.has(source) && !has(set, source)))
          continue;
        const live = liveAfter(set);
        const after = liveAfter(set + bit.get(node)!);
        const reused = reusableBy(node)
          .filter((root) => live.has(root) && !after.has(root))
          .reduce((bytes, root) => Math.max(bytes, padded(root)), 0);
        const load = Math.max(most, sum(live) + padded(node) - reused);
        const to = set + bit.get(node)!;
        next.set(to, Math.min(next.get(to) ?? Infinity, load));
      }
    }
    best = next;
  }
  return [...best.values()][0];
}
