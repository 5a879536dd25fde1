/**
 * Lowers one component whose greedy placement is above the bound: exact search, and where alignments or gaps make bounds weak, local
 * search over orders beside it.
 *
 *     plain        stack
 *     padding      stack (5 %), orders (25 % of the rest), stack
 *     part gaps    stack (5 %), pairs (5 %), orders (25 %), pairs
 *
 * Invariant: what is placed is valid and lower than before; what is proven holds for the component in one chunk.
 */
import type { Problem } from '../../problem/problem.js';
import { selectBuffers } from '../../problem/select.js';
import { stackBoundOf } from './bounds.js';
import type { Budget } from '../budget.js';
import { findCore, placeAround } from '../exact/core.js';
import { createInstance, needsPadding, type Units } from '../exact/instance.js';
import { Interlocking } from '../exact/interlocking.js';
import { minimise } from '../exact/minimise.js';
import { findOverlaps } from '../exact/overlaps.js';
import { climb } from '../greedy/order-climb.js';

/** A component, and whom to tell what is found. */
export interface Component {
  readonly problem: Problem;
  /** Bytes: nothing above them is of interest once they are refuted. `Infinity`: there is no capacity. */
  readonly capacity: number;
  /** Bytes of its best placement so far. */
  peak(): number;
  /** Bytes at which to stop; may rise with every proof. */
  goal(): number;
  /** Takes a placement with a lower peak, and copies it. */
  place(offsets: Float64Array): void;
  /** No placement is below `bytes`: the search was exhausted after so many nodes. */
  prove(bytes: number, nodes: number): void;
}

/** Where bounds are weak, each exact search first gets this part of what is left. */
const FIRST_SHARE = 0.05;
/** Then other orders get this part. */
const CLIMB_SHARE = 0.25;
/** Above so many pairs that meet, to decide them one by one is hopeless. */
const MOST_INTERLOCKING_PAIRS = 50_000;
/** After so many of its nodes, the caller can do something else. */
const TURN_NODES = 64;

/** Lowers the peak until it is no more than the goal, or the budget is spent. */
export function* lowerComponent(component: Component, budget: Budget): Generator<void, void> {
  if (hasPartialGaps(component.problem)) return yield* lowerInterlocking(component, budget);
  if (needsPadding(component.problem)) return yield* lowerPadded(component, budget);
  yield* lowerStack(component, budget);
}

function* lowerPadded(component: Component, budget: Budget): Generator<void, void> {
  yield* lowerStack(component, budget.slice(FIRST_SHARE));
  yield* tryOrders(component, budget.slice(CLIMB_SHARE));
  yield* lowerStack(component, budget);
}

function* lowerInterlocking(component: Component, budget: Budget): Generator<void, void> {
  yield* lowerStack(component, budget.slice(FIRST_SHARE));
  if (component.peak() <= component.goal()) return;
  const overlaps = findOverlaps(component.problem);
  const isHopeless = overlaps.other.length > 2 * MOST_INTERLOCKING_PAIRS;
  const search = isHopeless ? null : new Interlocking(component.problem, overlaps);
  if (search !== null) yield* decidePairs(component, search, budget.slice(FIRST_SHARE));
  yield* tryOrders(component, budget.slice(CLIMB_SHARE));
  if (search !== null) yield* decidePairs(component, search, budget);
  else budget.giveUp();
}

function tryOrders(component: Component, budget: Budget): Generator<void, void> {
  const place = (offsets: Float64Array): void => component.place(offsets);
  return climb(component.problem, component.peak(), component.goal(), budget, place);
}

/** Takes buffers as whole, each below or above another. */
function* lowerStack(component: Component, budget: Budget): Generator<void, void> {
  const { problem, capacity } = component;
  if (component.peak() <= component.goal()) return;
  const overlaps = findOverlaps(problem);
  const bound = stackBoundOf(problem).bytes;
  const core = findCore(problem, bound, overlaps);
  const coreProblem = selectBuffers(problem, core.buffers);
  const isWhole = coreProblem === problem;
  const place = (found: Units, unit: number): void => {
    const coreOffsets = new Float64Array(found.length);
    for (let b = 0; b < found.length; b++) coreOffsets[b] = found[b] * unit;
    component.place(placeAround(problem, core, coreOffsets));
  };
  if (coreProblem.bufferCount === 0) return place(new Int32Array(0), 1);
  const instance = createInstance(coreProblem, isWhole ? overlaps : findOverlaps(coreProblem));
  const { unit } = instance;
  const coreBound = isWhole ? bound : stackBoundOf(coreProblem).bytes;
  const range = { low: Math.ceil(coreBound / unit), high: Math.ceil(component.peak() / unit) };
  yield* minimise(instance, range, Math.floor(component.goal() / unit), budget, {
    onPlacement: (found) => place(found, unit),
    onBound: (nodes) => {
      const bytes = range.low * unit;
      // With parts of buffers in use, less may do.
      if (!hasPartialGaps(problem)) component.prove(bytes, nodes);
      return bytes <= capacity;
    },
  });
}

/** Makes use of parts of buffers that are not needed at times. Goes on from where the search was. */
function* decidePairs(component: Component, search: Interlocking, budget: Budget): Generator<void, void> {
  while (component.peak() > component.goal()) {
    const limit = Math.min(component.peak() - 1, component.capacity);
    const outcome = search.advance(limit, TURN_NODES, budget);
    if (outcome === 'stopped') return budget.giveUp();
    if (outcome === 'exhausted') return component.prove(limit + 1, search.nodes);
    if (outcome === 'found') component.place(search.offsets);
    yield;
  }
}

/** Whether some buffer needs only a part of its bytes at times. */
function hasPartialGaps({ gaps }: Problem): boolean {
  return gaps !== null && gaps.lowers.some((lower, g) => lower < gaps.uppers[g]);
}
