/**
 * What happens when a node's turn comes, where it isn't that an operation computes it.
 *
 * Invariant: needs no table of operations, so that whoever measures graphs does not carry one along.
 */
import type { Tensor } from '../tensor/tensor.js';

/**
 * Whether nothing happens when a node's turn comes: it only looks at bytes that are there, and puts its readers after its
 * sources. A view without an operation, which ggml's scheduler lists to keep an input alive, is such a node as well.
 */
export function isPureView({ operation, isView }: Tensor): boolean {
  return operation === null ? isView : operation.isView;
}

/**
 * Whether the storage lasts to the end if no other tensor reads `tensor`, or is written into it: it is a result then. A view
 * without an operation is none: nobody computes it, and ggml does not count it either.
 */
export function isResultIfUnread({ operation, isView }: Tensor): boolean {
  return operation !== null || !isView;
}

/**
 * Whether a node has bytes of its own that somebody outside the graph fills when its turn comes: the copies of inputs for
 * another device, which ggml's scheduler makes, have no operation.
 */
export function arrivesAtItsStep(node: Tensor, { inputs }: { readonly inputs: ReadonlySet<Tensor> }): boolean {
  return node.operation === null && !node.isView && !inputs.has(node);
}
