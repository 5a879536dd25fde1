/**
 * Lowers one part whose greedy placement is above the bound, by exact search. If alignments or gaps weaken the bounds,
 * local search over orders joins in.
 *
 *     plain        stack
 *     padding      stack (5 %), orders (25 % of the rest), stack
 *     part gaps    stack (5 %), pairs (5 %), orders (25 %), pairs
 *
 * Invariant: each placement is valid and lower than before; each proof holds for the part in one chunk.
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

/** If bounds are weak, each exact search first gets this share of the remaining budget. */
const FIRST_SHARE = 0.05;
/** Then the search over orders gets this share. */
const CLIMB_SHARE = 0.25;
/** Most pairs that meet of a part whose pairs are decided one by one. */
const MOST_INTERLOCKING_PAIRS = 50_000;
/** Nodes of that search between two turns of the caller. */
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

/** Treats buffers as whole: of two that meet, one lies below the other. */
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
  // If gaps leave windows, the part may have a lower placement than this search can find.
  yield* minimise(instance, new CoreIncumbent(part, core, instance, low, !hasPartialGaps(problem)), budget);
}

/** Searches with windows: lets buffers use the bytes that gaps release. Goes on from where the search was. */
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
