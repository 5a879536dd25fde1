/**
 * When a graph needs each of its storages, by its lists of tensors and by the operands of its nodes.
 *
 * Invariant: the verifier works this out on its own; it shares no code with liveness.
 */
import type { Graph } from '../graph/graph.js';
import { isResultIfUnread } from '../graph/node-kind.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Placed } from './plan-collisions.js';

/** When a storage is needed. */
export type Need = Pick<Placed, 'start' | 'end' | 'isKept' | 'isComputed'>;

/** From which to which step each storage is needed. */
export function storageNeeds({ leafs, nodes, inputs, outputs }: Graph): Map<Tensor, Need> {
  const starts = new Map<Tensor, number>();
  const computed = new Set(nodes.filter((node) => !inputs.has(node)));
  const ends = new Map<Tensor, number>();
  const unread = new Set<Tensor>();
  const kept = new Set<Tensor>();
  for (const leaf of leafs) starts.set(leaf, 0);
  nodes.forEach((node, step) => starts.set(node, inputs.has(node) ? 0 : step));
  for (const tensor of starts.keys()) if (isResultIfUnread(tensor)) unread.add(tensor);
  nodes.forEach((node, step) => {
    if (node.destination !== null) unread.delete(node.destination);
    for (const source of node.sources) {
      if (source === null || source === node) continue;
      unread.delete(source);
      ends.set(source.root, step + 1);
    }
  });
  for (const tensor of starts.keys()) if (outputs.has(tensor) || unread.has(tensor)) kept.add(tensor.root);
  const needs = new Map<Tensor, Need>();
  for (const [tensor, start] of starts) {
    const isKept = kept.has(tensor);
    // If a graph file lists a reader before its operand, keep the operand for at least its own step.
    const end = isKept ? Math.max(1, nodes.length) : Math.max(ends.get(tensor) ?? 0, start + 1);
    needs.set(tensor, { start, end, isKept, isComputed: computed.has(tensor) });
  }
  return needs;
}
