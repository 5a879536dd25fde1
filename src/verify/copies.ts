/**
 * The copies of a schedule, as the checks take them.
 *
 * Invariant: every copy names tensors of the graph; a copy that the caller fills names nothing else.
 */
import { checkArgument } from '../errors.js';
import type { Graph } from '../graph/graph.js';
import type { Copy } from '../schedule/schedule.js';
import { Tensor } from '../tensor/tensor.js';

/** @throws PlannerError `BAD_ARGUMENT` */
export function checkCopies(graph: Graph, copies: readonly Copy[]): void {
  const remedy = 'Give the copies that scheduleGraph returned with this graph.';
  checkArgument(Array.isArray(copies), 'copies', copies, 'a list of copies', remedy);
  copies.forEach((copy: Partial<Copy> | null, index) => {
    const { tensor, from, at } = copy ?? {};
    const isOf = (each: unknown): boolean => each instanceof Tensor && graph.has(each);
    const isCopy = isOf(tensor) && (at === null ? from === null : isOf(from) && isOf(at));
    checkArgument(isCopy, `copies[${index}]`, copy, 'a copy { tensor, from, at } of tensors of the graph', remedy);
  });
}

/** What is copied at the step of each node, for the nodes to read: further copies are for other batches. */
export function copiesByNode(copies: readonly Copy[]): ReadonlyMap<Tensor, readonly Copy[]> {
  const byNode = new Map<Tensor, Copy[]>();
  for (const copy of copies) {
    if (copy.at === null || copy.index > 0) continue;
    byNode.set(copy.at, [...(byNode.get(copy.at) ?? []), copy]);
  }
  return byNode;
}
