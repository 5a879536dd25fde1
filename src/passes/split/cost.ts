/**
 * What it costs to compute a graph, and to read what it is computed of.
 */
import { elementCount, type Layout } from '../../tensor/layout.js';
import type { Tensor } from '../../tensor/tensor.js';
import { isPureView } from '../../graph/node-kind.js';

/** Multiply-adds of an element of a node's result: one where the operation does not sum up products. */
export function termsOf(node: Tensor): number {
  if (isPureView(node) || node.operation === null) return 0;
  return node.operation.termsOf?.(node) ?? 1;
}

/** Multiply-adds of a node. */
export function operationsOf(node: Tensor): number {
  return elementCount(node) * termsOf(node);
}

/** Bytes of a tensor's elements, each counted once. */
export function elementBytes(tensor: Pick<Layout, 'type' | 'shape'>): number {
  return (elementCount(tensor) / tensor.type.blockSize) * tensor.type.blockBytes;
}

/** What a region costs more in parts than as a whole. */
export interface Cost {
  /** Multiply-adds. */
  readonly operations: number;
  /** Bytes of operands that are read once more. */
  readonly bytes: number;
}
