/**
 * The limit on the size of a graph, above which llama.cpp gives up.
 *
 * Invariant: the room is that of `llama_context::graph_max_nodes` and of the scheduler's hash table. A graph that is
 * too large ends llama.cpp with "fatal error"; files with few tensors per layer come close to it.
 */
import { PlannerError } from '../errors.js';
import type { Graph } from '../graph/graph.js';

/** Tensors that there is room for, even if a file has few weights. */
const LEAST_NODES = 1024;
const NODES_PER_WEIGHT = 8;
const NODES_PER_ADAPTED = 6;
/** Sizes that ggml's hash tables can have, each the first prime after a power of two. */
const TABLE_SIZES = [1031, 2053, 4099, 8209, 16411, 32771, 65537, 131101, 262147];

/**
 * @param weightCount how many tensors of the file are loaded
 * @param adaptedCount how many weights LoRA adapters change, each adapter for itself
 * @throws PlannerError `BAD_ARGUMENT` if the graph is too large
 */
export function checkGraphSize({ nodes, leafs }: Graph, weightCount: number, adaptedCount = 0): void {
  const wanted = Math.max(LEAST_NODES, NODES_PER_WEIGHT * weightCount) + NODES_PER_ADAPTED * adaptedCount;
  const room = TABLE_SIZES.find((size) => size >= wanted) ?? Infinity;
  const count = nodes.length + leafs.length;
  if (count <= room) return;
  throw new PlannerError('BAD_ARGUMENT', {
    message: `The graph has ${count} tensors, but llama.cpp makes room for at most ${room} with ${weightCount} weights.`,
    culprit: 'graph',
    value: `of ${count} tensors`,
    limit: `of at most ${room}, the room that llama.cpp makes for ${weightCount} weights`,
    remedy: 'Quantised caches and several sequences add tensors to every layer: do without one of them.',
  });
}
