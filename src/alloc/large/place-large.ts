/**
 * Places problems with too many overlapping pairs to list: up to a million buffers and more.
 *
 * Invariant: valid and deterministic, for effort is counted in steps, never in time. Optimal only where `peak` equals
 * `lowerBound`. Memory O(n) and what the sets of `occupancy.ts` need, O(n log n) at worst.
 */
import { liveLoad } from '../../problem/lower-bound.js';
import type { Problem } from '../../problem/problem.js';
import { placementSize, type Placement, type PlaceOptions } from '../allocator.js';
import { checkChunkLimit } from '../place-in-order.js';
import { placeInChunks } from './place-in-chunks.js';
import { Search } from './search.js';
import { createTimeline } from './timeline.js';

/** Limits of {@link placeLarge}. */
export interface PlaceLargeOptions extends PlaceOptions {
  /** Bytes at which to stop. Default: the lower bound. */
  readonly capacity?: number;
  /**
   * Effort: sets read or changed and intervals met, 20 to 100 ns each. Default: 800 a buffer, at least a million and at
   * most 50 million. One placement is always finished.
   */
  readonly stepBudget?: number;
  /** Asked now and then whether to end with the best so far; one placement is always finished. Default: never. */
  readonly shouldStop?: () => boolean;
  /** Told each peak, in bytes of one chunk, that is lower than the one before, and the effort so far. */
  readonly onPlacement?: (peak: number, steps: number) => void;
}

/** A placement and how good it is known to be. */
export interface LargePlacement extends Placement {
  /** Bytes of all chunks together. */
  readonly peak: number;
  /** Bytes that no placement can do without: the live load, or the largest buffer, or the highest fixed end. */
  readonly lowerBound: number;
  /** Effort spent in the search, in the unit of `stepBudget`. */
  readonly steps: number;
}

const STEPS_PER_BUFFER = 800;
const LEAST_STEPS = 1e6;
const MOST_STEPS = 5e7;

/**
 * Places a problem of any size.
 *
 * With `maxChunkSize` one chunk is tried first; if that is too large, buffers go by size into the chunk that grows
 * least, whatever the budget.
 *
 * @throws PlannerError `OVERSIZE`, `FIXED_OVERLAP`, `BAD_ARGUMENT`.
 */
export function placeLarge(problem: Problem, options: PlaceLargeOptions = {}): LargePlacement {
  const { maxChunkSize = Infinity, allowOversize = false, capacity = 0 } = options;
  const { bufferCount } = problem;
  checkChunkLimit(problem, maxChunkSize, allowOversize);
  const lowerBound = boundOf(problem);
  const timeline = createTimeline(problem);
  const { stepBudget = defaultStepBudget(problem), shouldStop = () => false, onPlacement = () => undefined } = options;
  const goal = Math.max(capacity, lowerBound);
  const search = new Search(problem, timeline, goal, stepBudget, { shouldStop, onPlacement });
  if (bufferCount > 0) search.run();
  const { offsets, peak, steps } = search;
  const largestChunk = allowOversize ? problem.sizes.reduce((a, b) => Math.max(a, b), maxChunkSize) : maxChunkSize;
  const placement =
    bufferCount > 0 && peak > largestChunk
      ? placeInChunks(problem, timeline, maxChunkSize)
      : { offsets, chunkOf: new Int32Array(bufferCount), chunks: bufferCount === 0 ? [] : [peak] };
  return { ...placement, peak: placementSize(placement), lowerBound, steps };
}

/** What {@link placeLarge} spends if nothing is said. */
export function defaultStepBudget({ bufferCount }: Problem): number {
  return Math.min(MOST_STEPS, Math.max(LEAST_STEPS, STEPS_PER_BUFFER * bufferCount));
}

function boundOf(problem: Problem): number {
  const { bufferCount, sizes, fixedOffsets } = problem;
  let bound = liveLoad(problem).bytes;
  for (let b = 0; b < bufferCount; b++) {
    const fixed = fixedOffsets === null ? NaN : fixedOffsets[b];
    bound = Math.max(bound, Number.isNaN(fixed) ? sizes[b] : fixed + sizes[b]);
  }
  return bound;
}
