/**
 * The least cost of computing values again, by trying every sequence of runs of a small graph: each is built as a graph of
 * its own and measured by `loadOfOrder`. Nothing of what it checks.
 */
import type { Graph, Tensor } from '../../src/index.js';
import { loadOfOrder } from './order-oracle.js';
import { PlainTensors } from './plain-graphs.js';

/** What some sequence of runs needs and costs. */
export interface Sequence {
  readonly peak: number;
  readonly cost: number;
}

/**
 * Every sequence of the nodes of a plain graph in which the first runs are in the given order and at most `mostExtra` runs
 * are added, none of whose values is for nobody.
 */
export function allSequences(graph: Graph, mostExtra: number, costOf: (node: Tensor) => number): Sequence[] {
  const { nodes } = graph;
  const isRead = new Set(nodes.flatMap(({ sources }) => sources));
  const found: Sequence[] = [];
  const runs: Tensor[] = [];
  const visit = (stage: number, extra: number, cost: number): void => {
    if (stage === nodes.length) {
      const peak = peakOf(graph, runs, isRead);
      if (peak !== null) found.push({ peak, cost });
      return;
    }
    const run = (node: Tensor, nextStage: number, nextExtra: number, nextCost: number): void => {
      runs.push(node);
      visit(nextStage, nextExtra, nextCost);
      runs.pop();
    };
    run(nodes[stage], stage + 1, extra, cost);
    if (extra === mostExtra) return;
    for (const node of nodes.slice(0, stage)) {
      // A result that nobody reads is kept, so that there is nothing to compute again.
      if (isRead.has(node)) run(node, stage, extra + 1, cost + costOf(node));
    }
  };
  visit(0, 0, 0);
  return found;
}

/** The load of a sequence; null if a value of a run is for nobody. */
function peakOf(graph: Graph, runs: readonly Tensor[], isRead: ReadonlySet<Tensor | null>): number | null {
  const tensors = new PlainTensors();
  const now = new Map<Tensor, Tensor>();
  for (const leaf of graph.leafs) now.set(leaf, tensors.leaf(leaf.byteLength, leaf.memory === 'deferred'));
  const made: Tensor[] = [];
  const wanted: Tensor[] = [];
  const read = new Set<Tensor>();
  for (const node of runs) {
    const sources = node.sources.map((source) => now.get(source!)!);
    for (const source of sources) read.add(source);
    const run = tensors.node(node.byteLength, sources, node.overwritableSlots.length > 0);
    now.set(node, run);
    made.push(run);
    if (isRead.has(node)) wanted.push(run);
  }
  if (!wanted.every((run) => read.has(run))) return null;
  const sequence = tensors.graph(made);
  return loadOfOrder(sequence, sequence.nodes);
}
