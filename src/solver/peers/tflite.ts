/**
 * The planner of TensorFlow Lite, its `ArenaPlanner` with one arena: buffers that are needed throughout first, then
 * largest first, each into the gap that it leaves least of. Matches the original byte for byte, where sizes are not
 * padded and the alignment is 64; two buffers of one size and one start, whose order the original leaves open, come in
 * their own order.
 *
 * A gap is compared by what is left of it behind the aligned offset, and remembered by what is left before aligning, as
 * in the original. O(n²) time for n buffers.
 */
import type { Problem } from '../../problem/problem.js';
import { alignUp } from '../../units.js';
import type { Allocator } from '../allocator.js';
import { oneChunkAllocator } from './one-chunk.js';
import { SortedByOffset } from './sorted-by-offset.js';

/** TensorFlow Lite's greedy planner. */
export const tfliteGreedy: Allocator = oneChunkAllocator('tflite-greedy', fill);

function fill(problem: Problem, offsets: Float64Array): void {
  const { bufferCount, stepCount, sizes, starts, ends, alignments } = problem;
  const isThroughout = (b: number): boolean => starts[b] === 0 && ends[b] === stepCount;
  const order = Int32Array.from({ length: bufferCount }, (_, index) => index);
  order.sort((a, b) => {
    const [first, second] = [isThroughout(a), isThroughout(b)];
    if (first || second) return first && second ? a - b : first ? -1 : 1;
    return sizes[b] - sizes[a] || starts[a] - starts[b] || a - b;
  });
  const placed = new SortedByOffset(problem, offsets);
  for (const b of order) {
    offsets[b] = bestGap(placed, b, sizes[b], alignments[b]);
    placed.add(b);
  }
}

function bestGap(placed: SortedByOffset, buffer: number, size: number, alignment: number): number {
  let best = NaN;
  let bestLeft = Infinity;
  let top = 0;
  placed.eachThatMeets(buffer, (lower, upper) => {
    const offset = alignUp(top, alignment);
    if (offset + size <= lower && lower - offset < bestLeft) {
      best = offset;
      bestLeft = lower - top;
    }
    top = Math.max(top, upper);
    return bestLeft !== 0;
  });
  return Number.isNaN(best) ? alignUp(top, alignment) : best;
}
