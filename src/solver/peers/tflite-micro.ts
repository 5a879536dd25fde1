/**
 * The planner of TensorFlow Lite Micro, its `GreedyMemoryPlanner`: largest first, each into the first gap that is large
 * enough among the buffers that meet it. Matches the original byte for byte where sizes are padded as they are there, to
 * multiples of 16.
 *
 * Of equal sizes the later buffer comes first, as in the original. Buffers with a fixed offset come before all others, in
 * their own order; as in the original, two of them may overlap. O(n²) time for n buffers.
 */
import type { Problem } from '../../problem/problem.js';
import type { Allocator } from '../allocator.js';
import { oneChunkAllocator } from './one-chunk.js';
import { SortedByOffset } from './sorted-by-offset.js';

/** TensorFlow Lite Micro's greedy planner. */
export const tfliteMicroGreedy: Allocator = oneChunkAllocator('tflite-micro-greedy', fill, { keepsFixed: true });

function fill(problem: Problem, offsets: Float64Array): void {
  const { bufferCount, sizes, fixedOffsets, alignments } = problem;
  const fixedOf = (b: number): number => (fixedOffsets === null ? NaN : fixedOffsets[b]);
  const placed = new SortedByOffset(problem, offsets);
  for (let b = 0; b < bufferCount; b++) {
    if (Number.isNaN(fixedOf(b))) continue;
    offsets[b] = fixedOf(b);
    placed.add(b);
  }
  const order = Int32Array.from({ length: bufferCount }, (_, index) => bufferCount - 1 - index);
  order.sort((a, b) => sizes[b] - sizes[a] || b - a);
  for (const b of order) {
    if (!Number.isNaN(fixedOf(b))) continue;
    offsets[b] = firstGap(placed, b, sizes[b], alignments[b]);
    placed.add(b);
  }
}

function firstGap(placed: SortedByOffset, buffer: number, size: number, alignment: number): number {
  let offset = 0;
  placed.eachThatMeets(buffer, (lower, upper) => {
    if (lower - offset >= size) return false;
    if (upper > offset) offset = Math.ceil(upper / alignment) * alignment;
    return true;
  });
  return offset;
}
