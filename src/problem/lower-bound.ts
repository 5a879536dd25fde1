/**
 * The live load: the bytes that are needed at once, and so the simplest lower bound of every peak.
 *
 *     load
 *       12 ┤ ██ ██ ██ ··      the five buffers of problem.ts: the load is 12 at steps 0 to 2,
 *        8 ┤ ██ ██ ██ ██      so no placement has a peak below 12, and one with a peak of 12 is optimal
 *        4 ┤ ██ ██ ██ ██
 *        0 ┼──┬──┬──┬──
 *
 * Invariant: neither padding nor bytes that a gap releases are counted.
 */
import { checkProblem } from './check-problem.js';
import { partsOf } from './parts.js';
import type { Problem } from './problem.js';

/** The largest total of live bytes, and where it occurs. */
export interface LiveLoad {
  /** Bytes. */
  readonly bytes: number;
  /** The first step with that load; -1 if there are no buffers. */
  readonly step: number;
}

/** Live bytes at every step, `stepCount` entries. O(buffers + gaps + steps). @throws PlannerError `BAD_ARGUMENT` */
export function liveBytesPerStep(problem: Problem): Float64Array {
  const bytes = changesPerStep(problem);
  for (let step = 1; step < bytes.length; step++) bytes[step] += bytes[step - 1];
  return bytes.subarray(0, problem.stepCount);
}

/** The largest live load of a problem. O(buffers + gaps + steps). @throws PlannerError `BAD_ARGUMENT` */
export function liveLoad(problem: Problem): LiveLoad {
  const changes = changesPerStep(problem);
  let live = 0;
  let bytes = 0;
  let step = -1;
  for (let s = 0; s < changes.length; s++) {
    live += changes[s];
    if (live > bytes) {
      bytes = live;
      step = s;
    }
  }
  return { bytes, step };
}

/** By how many bytes the live load grows at each step, and after the last one. */
function changesPerStep(problem: Problem): Float64Array {
  checkProblem(problem);
  const { owners, starts, ends, lowers, uppers } = partsOf(problem);
  const bytes = new Float64Array(problem.stepCount + 1);
  for (let p = 0; p < owners.length; p++) {
    const needed = uppers[p] - lowers[p];
    bytes[starts[p]] += needed;
    bytes[ends[p]] -= needed;
  }
  return bytes;
}
