/**
 * Lowers one part whose greedy placement is above the bound: exact search, and where alignments or gaps make bounds weak, local
 * search over orders beside it.
 *
 *     plain        stack
 *     padding      stack (5 %), orders (25 % of the rest), stack
 *     part gaps    stack (5 %), pairs (5 %), orders (25 %), pairs
 *
 * Invariant: what is placed is valid and lower than before; what is proven holds for the part in one chunk.
 */
import { buffersWithWindows } from '../../problem/parts.js';
import type { Problem } from '../../problem/problem.js';
import { selectBuffers } from '../../problem/select.js';
import { stackBoundOf } from './bounds.js';
import type { Budget } from '../budget.js';
import { findCore, placeAround } from '../exact/core.js';
import { createInstance, needsPadding } from '../exact/instance.js';
import { Interlocking } from '../exact/interlocking.js';
import { minimise } from '../exact/minimise.js';
import { findOverlaps } from '../../problem/overlaps.js';
import { climb } from '../greedy/order-climb.js';
import { CoreIncumbent, type PartIncumbent } from './incumbents.js';

/** Where bounds are weak, each exact search first gets this part of what is left. */
const FIRST_SHARE = 0.05;
/** Then other orders get this part. */
const CLIMB_SHARE = 0.25;
/** Above so many pairs that meet, to decide them one by one is hopeless. */
const MOST_INTERLOCKING_PAIRS = 50_000;
/** After so many of its nodes, the caller can do something else. */
const TURN_NODES = 64;

/** Lowers the peak until it is no more than the goal, or the budget is spent. */
export function* lowerPart(part: PartIncumbent, budget: Budget): Generator<void, void> {
  if (hasPartialGaps(part.problem)) return yield* lowerInterlocking(part, budget);
  if (needsPadding(part.problem)) return yield* lowerPadded(part, budget);
  yield* lowerStack(part, budget);
}

function* lowerPadded(part: PartIncumbent, budget: Budget): Generator<void, void> {
  yield* lowerStack(part, budget.slice(FIRST_SHARE));
  yield* climb(part.problem, part, budget.slice(CLIMB_SHARE));
  yield* lowerStack(part, budget);
}

function* lowerInterlocking(part: PartIncumbent, budget: Budget): Generator<void, void> {
  yield* lowerStack(part, budget.slice(FIRST_SHARE));
  if (part.isDone) return;
  const overlaps = findOverlaps(part.problem);
  const isHopeless = overlaps.other.length > 2 * MOST_INTERLOCKING_PAIRS;
  const search = isHopeless ? null : new Interlocking(part.problem, overlaps);
  if (search !== null) yield* decidePairs(part, search, budget.slice(FIRST_SHARE));
  yield* climb(part.problem, part, budget.slice(CLIMB_SHARE));
  if (search !== null) yield* decidePairs(part, search, budget);
  else budget.giveUp();
}

/** Takes buffers as whole, each below or above another. */
function* lowerStack(part: PartIncumbent, budget: Budget): Generator<void, void> {
  if (part.isDone) return;
  const { problem } = part;
  const overlaps = findOverlaps(problem);
  const bound = stackBoundOf(problem).bytes;
  const core = findCore(problem, bound, overlaps);
  const coreProblem = selectBuffers(problem, core.buffers);
  if (coreProblem.bufferCount === 0) return part.offer(placeAround(problem, core, new Float64Array(0)));
  const isWhole = coreProblem === problem;
  const instance = createInstance(coreProblem, isWhole ? overlaps : findOverlaps(coreProblem));
  const coreBound = isWhole ? bound : stackBoundOf(coreProblem).bytes;
  const low = Math.ceil(coreBound / instance.unit);
  // With parts of buffers in use, less may do.
  yield* minimise(instance, new CoreIncumbent(part, core, instance, low, !hasPartialGaps(problem)), budget);
}

/** Makes use of parts of buffers that are not needed at times. Goes on from where the search was. */
function* decidePairs(part: PartIncumbent, search: Interlocking, budget: Budget): Generator<void, void> {
  while (!part.isDone) {
    const limit = Math.min(part.peak - 1, part.capacity);
    const outcome = search.advance(limit, TURN_NODES, budget);
    if (outcome === 'stopped') return budget.giveUp();
    if (outcome === 'exhausted') return part.prove(limit + 1, search.nodes);
    if (outcome === 'found') part.offer(search.offsets);
    yield;
  }
}

/** Whether some buffer needs only a part of its bytes at times. */
function hasPartialGaps(problem: Problem): boolean {
  return problem.gaps !== null && buffersWithWindows(problem).includes(1);
}
