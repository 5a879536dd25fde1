/**
 * Runs of graphs with memory of its own for every tensor, and what can be read afterwards.
 */
import { executeGraph, fillLeafs, Memory } from '../../src/exec/index.js';
import type { Graph, Tensor } from '../../src/index.js';

/** What can be read when a graph has run: outputs, results that nobody reads, and memory outside the plan. */
export function resultsOf({ nodes, tensors, outputs }: Graph): Tensor[] {
  const read = new Set(nodes.flatMap((node) => node.sources.filter((source) => source !== node)));
  const isResult = (tensor: Tensor): boolean => outputs.has(tensor) || (!read.has(tensor) && tensor.operation !== null);
  return tensors.filter((tensor) => !tensor.isView && (isResult(tensor) || tensor.memory !== 'deferred'));
}

/** The memory of a graph after a run on the usual contents of its leafs. */
export function runs(graph: Graph): Memory {
  const memory = Memory.separate(graph);
  fillLeafs(graph, memory);
  executeGraph(graph, memory);
  return memory;
}
