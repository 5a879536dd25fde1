/**
 * Places buffers in a given order, each at the lowest free offset of the chunk that grows least.
 *
 * Greedy placement in several orders follows Pisarchyk and Lee, "Efficient memory management for deep neural net
 * inference" (2020).
 *
 * Invariant: a new chunk is opened only if the buffer fits into no other; fixed offsets are in the first chunk.
 * O(chunks) times the cost of one chunk.
 */
import { checkArgument, PlannerError, subject } from '../../errors.js';
import { labelOfBuffer, type Problem } from '../../problem/problem.js';
import type { Placement, PlaceOptions } from '../allocator.js';
import type { LowestFit } from './fit.js';
import { createLowestFit, takeFixed } from './lowest-fit.js';
import type { Timeline } from '../../problem/timeline.js';

/** A placement with the work that it took: sets read or changed and intervals met. */
export interface FilledChunks extends Placement {
  readonly work: number;
}

/**
 * Places the buffers of `order`, which holds each of them once.
 *
 * @throws PlannerError `OVERSIZE` if a buffer is above `maxChunkSize` or fixed beyond it, `FIXED_OVERLAP` if fixed
 *   offsets collide, `BAD_ARGUMENT`.
 */
export function fillChunks(
  problem: Problem,
  timeline: Timeline,
  order: Int32Array,
  options: PlaceOptions = {},
): FilledChunks {
  checkChunkLimit(problem, options);
  const { maxChunkSize = Infinity } = options;
  const { bufferCount, sizes, fixedOffsets } = problem;
  const fits: LowestFit[] = [];
  const chunks: number[] = [];
  /** Bytes that each chunk may hold: more than `maxChunkSize` once an oversize buffer has been put into it. */
  const limits: number[] = [];
  const offsets = new Float64Array(bufferCount);
  const chunkOf = new Int32Array(bufferCount);
  const open = (): number => {
    fits.push(createLowestFit(problem, timeline));
    limits.push(maxChunkSize);
    return chunks.push(0) - 1;
  };
  if (fixedOffsets !== null) {
    open();
    limits[0] = limitOfFixed(problem, options);
    chunks[0] = takeFixed(problem, fits[0]);
  }

  for (const b of order) {
    const size = sizes[b];
    const fixed = fixedOffsets === null ? NaN : fixedOffsets[b];
    if (!Number.isNaN(fixed)) {
      offsets[b] = fixed;
      continue;
    }
    let chunk = -1;
    let growth = Infinity;
    for (let c = 0; c < chunks.length && growth > 0; c++) {
      const offset = fits[c].find(b);
      const end = offset + size;
      if (end > Math.max(limits[c], size) || end - chunks[c] >= growth) continue;
      chunk = c;
      offsets[b] = offset;
      growth = Math.max(0, end - chunks[c]);
    }
    if (chunk === -1) {
      chunk = open();
      offsets[b] = 0;
    }
    fits[chunk].take(b, offsets[b]);
    chunkOf[b] = chunk;
    chunks[chunk] = Math.max(chunks[chunk], offsets[b] + size);
    limits[chunk] = Math.max(limits[chunk], size);
  }
  return { offsets, chunkOf, chunks, work: fits.reduce((sum, fit) => sum + fit.work, 0) };
}

/**
 * Rejects invalid limits, buffers that no chunk can hold, and fixed offsets beyond the chunk of the fixed buffers.
 *
 * @throws PlannerError `BAD_ARGUMENT`, `OVERSIZE`
 */
export function checkChunkLimit(problem: Problem, options: PlaceOptions): void {
  const { bufferCount, sizes, fixedOffsets } = problem;
  const { maxChunkSize = Infinity, allowOversize = false } = options;
  const isLimit = typeof maxChunkSize === 'number' && maxChunkSize > 0;
  checkArgument(isLimit, 'maxChunkSize', maxChunkSize, 'above 0', 'Leave it out if chunks are unlimited.');
  const isFlag = typeof allowOversize === 'boolean';
  checkArgument(isFlag, 'allowOversize', allowOversize, 'true or false', 'Correct it, or leave it out.');
  if (maxChunkSize === Infinity) return;
  for (let b = 0; b < bufferCount && !allowOversize; b++) {
    if (sizes[b] <= maxChunkSize) continue;
    throw oversized(labelOfBuffer(problem, b), sizes[b], maxChunkSize);
  }
  const limit = limitOfFixed(problem, options);
  fixedOffsets?.forEach((offset, b) => {
    if (Number.isNaN(offset) || offset + sizes[b] <= limit) return;
    const label = labelOfBuffer(problem, b);
    throw new PlannerError('OVERSIZE', {
      message: `With the fixed offset of ${label}, ${offset}, it ends at ${offset + sizes[b]}, but its chunk ends at ${limit}.`,
      culprit: `the fixed offset of ${label}`,
      value: offset,
      limit: `low enough to end by ${limit}`,
      remedy: 'Choose a lower one, leave it to the planner, or raise `maxChunkSize`.',
    });
  });
}

/** The error for a buffer or tensor that no chunk can hold. */
export function oversized(culprit: string, bytes: number, maxChunkSize: number): PlannerError {
  return new PlannerError('OVERSIZE', {
    message: `${subject(culprit)} takes ${bytes} bytes, but a chunk may have at most ${maxChunkSize}.`,
    culprit,
    value: bytes,
    limit: `at most maxChunkSize (${maxChunkSize})`,
    remedy: 'Split it, or raise `maxChunkSize`; from code, `allowOversize` gives it a chunk of its own size.',
  });
}

/**
 * Bytes that the chunk of the fixed buffers may hold: `maxChunkSize`, or the largest fixed buffer if that is larger.
 */
function limitOfFixed({ sizes, fixedOffsets }: Problem, { maxChunkSize = Infinity }: PlaceOptions): number {
  let limit = maxChunkSize;
  fixedOffsets?.forEach((offset, b) => {
    if (!Number.isNaN(offset)) limit = Math.max(limit, sizes[b]);
  });
  return limit;
}
