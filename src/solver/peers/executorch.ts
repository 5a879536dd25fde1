/**
 * ExecuTorch's planner `greedy`: largest first, into shared objects that lie one after another and never grow. Matches
 * the original byte for byte, for one memory and sizes that are padded as there, to multiples of the alignment.
 *
 * A buffer goes to the start of the first object whose buffers it does not meet; else behind those that it meets, in the
 * first object with room there; else into a new object. Of equal sizes the later buffer comes first. O(n²) time.
 */
import type { Problem } from '../../problem/problem.js';
import { alignUp } from '../../units.js';
import type { Allocator } from '../allocator.js';
import { oneChunkAllocator } from './one-chunk.js';

/** ExecuTorch's greedy planner. */
export const executorchGreedy: Allocator = oneChunkAllocator('executorch-greedy', fill);

interface SharedObject {
  readonly size: number;
  readonly offset: number;
  readonly buffers: number[];
}

function fill(problem: Problem, offsets: Float64Array): void {
  const { bufferCount, sizes, alignments } = problem;
  const order = Int32Array.from({ length: bufferCount }, (_, index) => index);
  order.sort((a, b) => sizes[b] - sizes[a] || b - a);
  const objects: SharedObject[] = [];
  let end = 0;
  for (const b of order) {
    const tops = objects.map((object) => topOfMet(problem, object, offsets, b, alignments[b]));
    let chosen = tops.findIndex((top) => top === 0);
    if (chosen === -1) chosen = tops.findIndex((top, index) => top + sizes[b] <= objects[index].size);
    if (chosen === -1) {
      const offset = alignUp(end, alignments[b]);
      chosen = objects.push({ size: sizes[b], offset, buffers: [] }) - 1;
      end = offset + sizes[b];
    }
    const { offset, buffers } = objects[chosen];
    offsets[b] = offset + (tops[chosen] ?? 0);
    buffers.push(b);
  }
}

/** The highest end, within the object, of the buffers that `buffer` meets; 0 if there are none. */
function topOfMet(
  { starts, ends, sizes }: Problem,
  object: SharedObject,
  offsets: Float64Array,
  buffer: number,
  alignment: number,
): number {
  let top = 0;
  for (const other of object.buffers) {
    if (starts[other] >= ends[buffer] || ends[other] <= starts[buffer]) continue;
    top = Math.max(top, offsets[other] - object.offset + sizes[other]);
  }
  return alignUp(top, alignment);
}
