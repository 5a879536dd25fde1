/**
 * The weights of a TFLite file by type: a buffer that several tensors name counts once.
 */
import type { TfliteSubgraph, TfliteWeights } from './model.js';

/** O(tensors). */
export function weightsOf(subgraphs: readonly TfliteSubgraph[], bufferSizes: readonly number[]): TfliteWeights[] {
  const seen = new Set<number>();
  const sums = new Map<string, { tensorCount: number; bytes: number }>();
  for (const { tensors } of subgraphs) {
    for (const { buffer, isConstant, type } of tensors) {
      if (!isConstant || seen.has(buffer)) continue;
      seen.add(buffer);
      const sum = sums.get(type.name) ?? { tensorCount: 0, bytes: 0 };
      sums.set(type.name, { tensorCount: sum.tensorCount + 1, bytes: sum.bytes + bufferSizes[buffer] });
    }
  }
  return [...sums].map(([type, sum]) => ({ type, ...sum })).sort((a, b) => b.bytes - a.bytes);
}
