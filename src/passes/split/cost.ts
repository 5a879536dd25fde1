/**
 * What it costs to compute a graph, and to read what it is computed of.
 */
import { elementCount, type Layout } from '../../tensor/layout.js';
import type { Tensor } from '../../tensor/tensor.js';
import { isPureView } from '../../graph/node-kind.js';
import { operationsOf } from '../operations.js';
import type { Needs } from './needs.js';

/** Bytes of a tensor's elements, each counted once. */
export function elementBytes(tensor: Pick<Layout, 'type' | 'shape'>): number {
  return (elementCount(tensor) / tensor.type.blockSize) * tensor.type.blockBytes;
}

/** Bytes that a node reads. */
export function bytesRead(node: Tensor): number {
  return node.sources.reduce((sum, source) => sum + (source === null || source === node ? 0 : elementBytes(source)), 0);
}

/** What a region costs more in parts than as a whole. */
export interface Cost {
  /** Multiply-adds. */
  readonly operations: number;
  /** Bytes of operands that are read once more. */
  readonly bytes: number;
}

/** What a region costs in so many parts with the same needs. */
export function costOfParts(nodes: readonly Tensor[], needs: Needs, count: number): Cost {
  let [operations, bytes] = [0, 0];
  for (const node of nodes) {
    if (isPureView(node)) continue;
    const { slice, cut } = needs.get(node)!;
    const { before = 0, after = 0 } = cut;
    const length = node.shape[slice.dim];
    const share = (slice.to - slice.from + before + after) / length;
    operations += operationsOf(node) * Math.max(0, count * share - 1);
    node.sources.forEach((source, slot) => {
      if (source === null || source === node) return;
      const operand = cut.operands[slot] ?? null;
      const part = operand === null ? 1 : (operand.to - operand.from) / source.shape[operand.dim];
      bytes += elementBytes(source) * Math.max(0, count * part - 1);
    });
  }
  return { operations, bytes };
}
