/**
 * The limit on the size of a graph, above which llama.cpp gives up.
 *
 * Invariant: the room is that of `llama_context::graph_max_nodes` and of the scheduler's hash table. A graph that is
 * too large ends llama.cpp with "fatal error"; files with few tensors per layer come close to it.
 */
import { PlannerError } from '../errors.js';
import type { Graph } from '../graph/graph.js';

/** How many tensors there is room for in the graphs of an architecture: the most of these. */
export interface GraphRoom {
  /** Even if a file has few weights. Default 0. */
  readonly least?: number;
  /** For each token of the physical batch. Default 0. */
  readonly perToken?: number;
  readonly perWeight: number;
  /** For each weight that an adapter changes, on top. Default 0. */
  readonly perAdapted?: number;
}

const USUAL_ROOM: GraphRoom = { least: 1024, perWeight: 8, perAdapted: 6 };
/** Sizes that ggml's hash tables can have, each the first prime after a power of two. */
const TABLE_SIZES = [1031, 2053, 4099, 8209, 16411, 32771, 65537, 131101, 262147];

/** What the room for a graph depends on. */
export interface GraphContents {
  /** How many tensors of the file are loaded. */
  readonly weightCount: number;
  /** How many weights LoRA adapters change, each adapter for itself. */
  readonly adaptedCount: number;
  /** Most tokens that one graph computes. */
  readonly tokens: number;
}

/**
 * @param room of the architecture. Default: the usual one
 * @throws PlannerError `BAD_ARGUMENT` if the graph is too large
 */
export function checkGraphSize({ nodes, leafs }: Graph, contents: GraphContents, room = USUAL_ROOM): void {
  const { weightCount, adaptedCount, tokens } = contents;
  const { least = 0, perToken = 0, perWeight, perAdapted = 0 } = room;
  const wanted = Math.max(least, perToken * tokens, perWeight * weightCount) + perAdapted * adaptedCount;
  const limit = TABLE_SIZES.find((size) => size >= wanted) ?? Infinity;
  const count = nodes.length + leafs.length;
  if (count <= limit) return;
  throw new PlannerError('BAD_ARGUMENT', {
    message: `The graph has ${count} tensors, but llama.cpp makes room for at most ${limit} with ${weightCount} weights.`,
    culprit: 'graph',
    value: `of ${count} tensors`,
    limit: `of at most ${limit}, the room that llama.cpp makes for ${weightCount} weights`,
    remedy: 'Quantised caches and several sequences add tensors to every layer: do without one of them.',
  });
}
