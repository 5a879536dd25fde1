/**
 * Writes into memory outside the compute buffer, each as early as it can be.
 *
 * Invariant: the result has the tensors of the given graph, and computes the same; at no step is more live than before.
 */
import { checkGraph, Graph } from '../../graph/graph.js';
import type { Rewritten } from '../../graph/rewritten.js';
import type { Tensor } from '../../tensor/tensor.js';
import { jobsOf } from '../order/jobs.js';
import { itemsOf } from '../order/lists.js';

/**
 * Moves each node that writes outside the compute buffer, and that no other node must follow, behind the last node that it
 * must follow itself. Such are optimiser steps, and what is stored in a cache: what they read is free from then on. All other
 * nodes keep their order, but for views, which compute nothing. In graphs of training, all gradients are alive at the last
 * steps otherwise.
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
 * console.log(measureGraph(step).bufferSize); // 811008
 * console.log(measureGraph(runWritesEarly(step).graph).bufferSize); // 303104
 * ```
 */
export function runWritesEarly(graph: Graph): Rewritten {
  checkGraph(graph);
  const { leafs, nodes, tensors } = graph;
  const { prelude, steps, needs } = jobsOf(graph);
  const isFollowed = new Uint8Array(steps.length);
  for (const need of needs.items) isFollowed[need] = 1;
  const kept: number[] = [];
  /** By job, the writes that move behind it. */
  const movedBehind = steps.map((): number[] => []);
  for (let job = 0; job < steps.length; job++) {
    const isLastWrite = isFollowed[job] === 0 && writesOutside(nodes[steps[job][0]]);
    const last = isLastWrite ? itemsOf(needs, job).reduce((a, b) => Math.max(a, b), NONE) : NONE;
    if (last === NONE) kept.push(job);
    else movedBehind[last].push(job);
  }
  const order = kept.flatMap((job) => [job, ...movedBehind[job]]);
  const newSteps = [...prelude, ...order.flatMap((job) => steps[job])];
  return {
    graph: new Graph({ leafs, nodes: newSteps.map((step) => nodes[step]), tensors, pools: graph.pools }),
    origin: Int32Array.from(tensors, (_, id) => id),
  };
}

const NONE = -1;

function writesOutside({ operation, root }: Tensor): boolean {
  return operation !== null && !operation.isView && root.memory !== 'deferred';
}
