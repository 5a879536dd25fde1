/**
 * How many operations a node takes: what extra work is measured in.
 *
 * Products, convolutions and attention count their multiply-adds; all other nodes count one operation for each element that
 * they make.
 *
 * Invariant: known from shapes alone. Views count nothing. Rows that say how they are cut say how many products they sum up
 * for an element, too; of others, the shapes of the operands tell it nearly.
 */
import { isPureView } from '../graph/node-kind.js';
import { elementCount } from '../tensor/layout.js';
import type { Tensor } from '../tensor/tensor.js';

/** Multiply-adds, or other operations. O(dimensions). */
export function operationsOf(node: Tensor): number {
  if (isPureView(node) || node.operation === null) return 0;
  const [a, b] = node.sources;
  const count = elementCount(node);
  const { termsOf, cut } = node.operation;
  if (termsOf !== null) return count * termsOf(node);
  if (cut !== null) return count;
  if (a === undefined || a === null || b === undefined || b === null) return count;
  switch (node.operation.family) {
    case 'matrix':
      return count * contractionOf(a, b, node);
    case 'convolution':
      return count * windowOf(a, b);
    case 'attention':
      return (elementCount(a) + count) * Math.max(1, b.shape[1] ?? 1);
    default:
      return count;
  }
}

/** The elements that are multiplied and summed for one of the product's, found from the three matrices: (m·k · k·n / m·n)^½. */
function contractionOf(a: Tensor, b: Tensor, product: Tensor): number {
  if (a.shape[0] === b.shape[0] && a.shape[1] === product.shape[0]) return a.shape[0];
  const [left, right, result] = [a, b, product].map(({ shape: [inner = 1, outer = 1] }) => inner * outer);
  return Math.max(1, Math.round(Math.sqrt((left * right) / Math.max(1, result))));
}

/** The weights by which one element of a convolution is made; the weights are the smaller operand. */
function windowOf(a: Tensor, b: Tensor): number {
  const weights = elementCount(a) < elementCount(b) ? a : b;
  const channels = Math.max(weights.shape[0], weights.shape.at(-1)!);
  return Math.max(1, Math.round(elementCount(weights) / Math.max(1, channels)));
}
