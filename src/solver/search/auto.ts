/**
 * The default allocator: `solve`, within a budget that a planner can afford.
 *
 * Invariant: deterministic, optimal whenever the live load is reached or the search ends within its budget, and never
 * worse than ggml's allocator if that keeps the limits.
 */
import { checkOptions } from '../../errors.js';
import { checkProblem } from '../../problem/check-problem.js';
import { liveLoad } from '../../problem/lower-bound.js';
import type { Problem } from '../../problem/problem.js';
import { PLACE_OPTIONS, placementSize, type Allocator, type PlaceOptions, type Placement } from '../allocator.js';
import { placeAsGgml } from '../ggml.js';
import { placeLargestFirst } from '../greedy/largest-first.js';
import { solve } from './solve.js';

/** A fraction of a second in the worst case; a typical model graph needs no effort. */
const MAX_EFFORT = 20_000;

export const auto: Allocator = {
  name: 'auto',
  place(problem, options = {}): Placement {
    checkProblem(problem);
    checkOptions(options, PLACE_OPTIONS);
    const atOnce = placeAtOnce(problem, options);
    if (atOnce !== null) return atOnce;
    const { status, offsets, chunkOf, chunks, lowerBound } = solve(problem, { ...options, maxEffort: MAX_EFFORT });
    const found = { offsets, chunkOf, chunks, lowerBound };
    // ggml's allocator cannot keep fixed offsets.
    if (status === 'optimal' || problem.fixedOffsets !== null) return found;
    const { maxChunkSize = Infinity } = options;
    const online = placeAsGgml(problem, maxChunkSize);
    // The last chunk of ggml's allocator ignores the limit.
    const isWithinLimit = online.chunks.every((size) => size <= maxChunkSize);
    return isWithinLimit && placementSize(online) < placementSize(found) ? { ...online, lowerBound } : found;
  },
};

/** The first placement that `solve` would try, found in less time. Nearly every model graph needs no other. */
function placeAtOnce(problem: Problem, { maxChunkSize, allowOversize }: PlaceOptions): Placement | null {
  if (maxChunkSize !== undefined && maxChunkSize !== Infinity) return null;
  if (allowOversize !== undefined && typeof allowOversize !== 'boolean') return null;
  const { bytes } = liveLoad(problem);
  const offsets = placeLargestFirst(problem, bytes);
  if (offsets === null) return null;
  return { offsets, chunkOf: new Int32Array(offsets.length), chunks: [bytes], lowerBound: bytes };
}
