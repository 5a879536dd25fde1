/**
 * Leafs outside the plan that are there to be written into: memory of the caller in which an output of the old graph comes
 * to lie, instead of bytes of the plan.
 *
 * Invariant: nothing is known of what they hold before they are written.
 */
import type { Graph } from '../graph/graph.js';
import type { Rewritten } from '../graph/rewritten.js';
import { sameLayout } from '../tensor/layout.js';
import type { Tensor } from '../tensor/tensor.js';

/** @param newIds of the tensors of the rewritten graph */
export function homesOf(
  old: Graph,
  { graph, origin }: Rewritten,
  newIds: ReadonlyMap<Tensor, number>,
): ReadonlySet<Tensor> {
  const isHome = (leaf: Tensor): boolean => {
    if (leaf.memory === 'deferred' || leaf.isView || graph.inputs.has(leaf)) return false;
    const result = old.tensors[origin[newIds.get(leaf)!]] as Tensor | undefined;
    return result !== undefined && result.operation !== null && old.outputs.has(result) && sameLayout(result, leaf);
  };
  return new Set(graph.leafs.filter(isHome));
}
