/**
 * What the planners of other runtimes have in common: one chunk, and buffers that need all their bytes throughout.
 *
 * Invariant: gaps count as needed. What such a planner cannot keep is an error, never a placement that ignores it.
 */
import { checkOptions, PlannerError } from '../../errors.js';
import { checkProblem } from '../../problem/check-problem.js';
import { labelOfBuffer, type Problem } from '../../problem/problem.js';
import { checkBytes } from '../../units.js';
import { PLACE_OPTIONS, type Allocator, type Placement, type PlaceOptions } from '../allocator.js';

/** Fills in the offset of every buffer. */
type Fill = (problem: Problem, offsets: Float64Array) => void;

/** An allocator that fills one chunk. */
export function oneChunkAllocator(name: string, fill: Fill, { keepsFixed = false } = {}): Allocator {
  return {
    name,
    place(problem: Problem, options: PlaceOptions = {}): Placement {
      checkProblem(problem);
      checkOptions(options, PLACE_OPTIONS);
      if (!keepsFixed) refuseFixed(name, problem);
      const { bufferCount, sizes } = problem;
      const offsets = new Float64Array(bufferCount);
      fill(problem, offsets);
      let size = 0;
      for (let b = 0; b < bufferCount; b++) size = Math.max(size, offsets[b] + sizes[b]);
      checkBytes(size, `the placement of ${name}`);
      const { maxChunkSize = Infinity } = options;
      if (size > maxChunkSize) refuseChunks(name, size, maxChunkSize);
      return { offsets, chunkOf: new Int32Array(bufferCount), chunks: bufferCount === 0 ? [] : [size] };
    },
  };
}

function refuseFixed(name: string, problem: Problem): void {
  const fixed = problem.fixedOffsets?.findIndex((offset) => !Number.isNaN(offset)) ?? -1;
  if (fixed === -1) return;
  const label = labelOfBuffer(problem, fixed);
  const offset = problem.fixedOffsets![fixed];
  throw new PlannerError('BAD_ARGUMENT', {
    message: `The allocator ${name} cannot keep ${label} at its fixed offset ${offset}.`,
    culprit: label,
    value: offset,
    limit: `without a fixed offset for the allocator ${name}`,
    remedy: 'Give another allocator: those that the library names, but for ggml, keep fixed offsets.',
  });
}

function refuseChunks(name: string, size: number, maxChunkSize: number): never {
  throw new PlannerError('OVERSIZE', {
    message: `The allocator ${name} fills one chunk of ${size} bytes, but a chunk may have at most ${maxChunkSize}.`,
    culprit: `the allocator ${name}`,
    value: size,
    limit: `at most maxChunkSize (${maxChunkSize})`,
    remedy: 'Raise `maxChunkSize`, or give an allocator that fills several chunks, such as auto.',
  });
}
