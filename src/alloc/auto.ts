/**
 * The default allocator: everything that `solve` has, within a budget that a planner can afford.
 *
 * Invariant: deterministic, optimal whenever the live load is reached or the search ends within its budget, and never
 * worse than ggml's allocator where that can be used.
 */
import { checkOptions } from '../errors.js';
import { PLACE_OPTIONS, placementSize, type Allocator, type Placement } from './allocator.js';
import { placeAsGgml } from './ggml.js';
import { solve } from './solve.js';

/** A fraction of a second in the worst case; a typical model graph needs none of them. */
const MAX_STEPS = 20_000;

export const auto: Allocator = {
  name: 'auto',
  place(problem, options = {}): Placement {
    checkOptions(options, PLACE_OPTIONS);
    const { status, offsets, chunkOf, chunks, lowerBound } = solve(problem, { ...options, maxSteps: MAX_STEPS });
    const found = { offsets, chunkOf, chunks, lowerBound };
    // ggml knows no fixed offsets.
    if (status === 'optimal' || problem.fixedOffsets !== null) return found;
    const { maxChunkSize = Infinity } = options;
    const online = placeAsGgml(problem, maxChunkSize);
    // Its last chunk ignores the limit.
    const isWithinLimit = online.chunks.every((size) => size <= maxChunkSize);
    return isWithinLimit && placementSize(online) < placementSize(found) ? { ...online, lowerBound } : found;
  },
};
