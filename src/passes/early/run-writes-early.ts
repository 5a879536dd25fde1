/**
 * Writes into memory outside the compute buffer, each as early as it can be.
 *
 * Invariant: the result has the tensors of the given graph, and computes the same; at no step is more live than before.
 */
import { checkGraph, Graph } from '../../graph/graph.js';
import type { Rewritten } from '../../graph/rewritten.js';
import { precedenceOf } from '../order/precedence.js';

/**
 * Moves each node that writes outside the compute buffer, and that no other node must follow, behind the last node that it
 * must follow itself. Such are optimiser steps, and what is stored in a cache: what they read is free from then on. All other
 * nodes keep their order. In graphs of training, all gradients are alive at the last steps otherwise.
 *
 * `orderGraph` finds orders that need less still. This pass takes no search: O(nodes + sources), and the search for hazards.
 *
 * @throws PlannerError `BAD_ARGUMENT`; `HAZARD` as `findHazards`
 * @example
 * ```ts
 * import { Context, measureGraph } from 'tensor-arena';
 * import { trainingGraphs } from 'tensor-arena/autodiff';
 * import { runWritesEarly } from 'tensor-arena/passes';
 * const weights = Context.virtual();
 * const ctx = Context.deferred();
 * const parameters = [1, 2, 3].map((layer) => weights.newTensor('f32', [256, 256], `w${layer}`));
 * const x = ctx.setInput(ctx.newTensor('f32', [256, 8], 'x'));
 * const { step } = trainingGraphs(parameters.reduce((h, w) => ctx.mulMat(w, h), x), { parameters });
 * console.log(measureGraph(step).bufferSize, measureGraph(runWritesEarly(step).graph).bufferSize);
 * ```
 */
export function runWritesEarly(graph: Graph): Rewritten {
  checkGraph(graph);
  const { leafs, nodes, tensors } = graph;
  const { first, steps: befores } = precedenceOf(graph);
  const isFollowed = new Uint8Array(nodes.length);
  for (const before of befores) isFollowed[before] = 1;
  /** By step, the steps that move behind it. */
  const moved = new Map<number, number[]>();
  const kept: number[] = [];
  for (let step = 0; step < nodes.length; step++) {
    const { operation, root } = nodes[step];
    const isWrite = operation !== null && !operation.isView && root.memory !== 'deferred';
    const last = isWrite && isFollowed[step] === 0 ? lastOf(befores.subarray(first[step], first[step + 1])) : NONE;
    if (last === NONE) kept.push(step);
    else moved.set(last, [...(moved.get(last) ?? []), step]);
  }
  const order = kept.flatMap((step) => [step, ...(moved.get(step) ?? [])]);
  return {
    graph: new Graph({ leafs, nodes: order.map((step) => nodes[step]), tensors, pools: graph.pools }),
    origin: Int32Array.from(tensors, (_, id) => id),
  };
}

const NONE = -1;

function lastOf(steps: Int32Array): number {
  let last = NONE;
  for (const step of steps) last = Math.max(last, step);
  return last;
}
