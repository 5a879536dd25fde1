/**
 * The lowest peak of one instance: dives that look for placements, and beside them one exhaustive search for a proof.
 *
 *     low                       ◄── stride ── high        `low` is proven, `high` is in hand. The lower bound itself
 *      ├──────────────────────────────┼────────┤          comes first, being the answer more often than not. Then
 *      no less than                 tried    found        come some that are higher by 1/64, 3/64, 7/64 and so on, until
 *                                                         one is met; and then it goes down, in strides that double
 *                                                         where a placement was found and halve where none was.
 *
 * The time that a search takes has a heavy tail: where one order of sections is lost, another is done at once (Gomes,
 * Selman and Kautz, 1998). So a dive is given up early, and the next one follows other priorities. What a dive cannot do
 * is prove that nothing exists; that takes the one search which is never given up.
 *
 * Invariant: `low <= true minimum <= high`, in units; deterministic.
 */
import type { Budget } from '../budget.js';
import type { Instance, Units } from './instance.js';
import { Population } from './population.js';
import { Search, type Outcome } from './search.js';

/** Where the minimum of an instance lies, in units. */
export interface Range {
  low: number;
  high: number;
}

/** What happens on the way. */
export interface Observer {
  /** A placement with the peak `range.high`, which is lower than the one before. */
  onPlacement(offsets: Units): void;
  /** `range.low` has been proven by a search of so many nodes. Whether to go on. */
  onBound(nodes: number): boolean;
}

/** A dive may fail so often. */
const DIVE_FAILURES = 150;
/** The last dive of every round goes where failures have been frequent, and may fail twice as often. */
const ROUND = 6;
/** At first rounds are short: early on, failures say more than breeding can. */
const SHORT_ROUND = 3;
const DEATH_DECAY = 0.5;
/** The search for a proof begins after so many rounds; then it gets this part of what the dives get. */
const ROUNDS_BEFORE_PROOF = 4;
const PROOF_SHARE = 0.25;

/**
 * Narrows `range` until it closes, `high` is no more than `goal`, or the budget is spent. A generator, so that the caller
 * can look up between two dives.
 */
export function* minimise(
  instance: Instance,
  range: Range,
  goal: number,
  budget: Budget,
  observer: Observer,
): Generator<void, void> {
  const descent = new Descent(range, goal);
  if (descent.lowest >= range.high) return;
  const population = new Population(instance.sectionCount);
  const diver = new Search(instance, population.priorities);
  let prover: Search | null = null;
  let capacityToProve = -1;

  /** Whether to go on. */
  const settle = (outcome: Outcome, capacity: number, { state: { offsets }, nodes }: Search): boolean => {
    if (outcome === 'found') {
      range.high = peakOf(instance, offsets);
      observer.onPlacement(offsets);
      population.age();
      descent.onFound();
    } else if (outcome === 'exhausted') {
      range.low = capacity + 1;
      descent.onRefuted();
      if (!observer.onBound(nodes)) return false;
    }
    return outcome !== 'stopped' && descent.lowest < range.high;
  };

  for (let round = 1; ; round++) {
    const before = budget.steps;
    const turns = round <= ROUNDS_BEFORE_PROOF ? SHORT_ROUND : ROUND;
    for (let turn = 1; turn < turns; turn++) {
      const { capacity } = descent;
      population.draw();
      diver.begin(capacity, 'fullest');
      const outcome = diver.advance(DIVE_FAILURES, budget);
      if (!settle(outcome, capacity, diver)) return;
      population.rate(diver.mostPlaced);
      if (outcome === 'paused') descent.onMissed();
      yield;
    }
    // A tight capacity steers the search where a loose one may lead it astray.
    const capacity = range.low < goal ? range.low : descent.capacity;
    diver.begin(capacity, 'deadliest');
    if (!settle(diver.advance(2 * DIVE_FAILURES, budget), capacity, diver)) return;
    const { deaths } = diver.state;
    for (let s = 0; s < deaths.length; s++) deaths[s] *= DEATH_DECAY;
    yield;
    if (round < ROUNDS_BEFORE_PROOF) continue;
    prover ??= new Search(instance);
    if (capacityToProve < descent.lowest || capacityToProve >= range.high) {
      capacityToProve = descent.capacity;
      prover.begin(capacityToProve, 'deadliest');
    }
    const failures = Math.ceil((budget.steps - before) * PROOF_SHARE);
    if (!settle(prover.advance(failures, budget), capacityToProve, prover)) return;
    yield;
  }
}

/** A capacity gets so many dives before the next one is tried; the first one gets twice as many. */
const DIVES = 12;

/** Which capacity to try. */
class Descent {
  capacity: number;
  /** By how much to climb next, while nothing has been found. */
  private climb: number;
  private stride = 1;
  private divesLeft = 2 * DIVES;

  constructor(
    private readonly range: Range,
    private readonly goal: number,
  ) {
    this.capacity = this.lowest;
    this.climb = Math.ceil(this.capacity / 64);
  }

  /** Nothing below this capacity is of interest. */
  get lowest(): number {
    return Math.max(this.range.low, this.goal);
  }

  onFound(): void {
    this.stride = this.climb > 0 ? this.quarter : 2 * this.stride;
    this.climb = 0;
    this.goDown();
  }

  /** A dive has failed, which says little. */
  onMissed(): void {
    if (--this.divesLeft === 0) this.onRefuted();
  }

  onRefuted(): void {
    if (this.climb > 0 && this.capacity + this.climb < this.range.high) {
      this.capacity += this.climb;
      this.climb *= 2;
      this.divesLeft = DIVES;
      return;
    }
    this.stride = this.climb > 0 ? this.quarter : Math.ceil(this.stride / 2);
    this.climb = 0;
    this.goDown();
  }

  private goDown(): void {
    this.capacity = Math.max(this.lowest, this.range.high - this.stride);
    this.divesLeft = DIVES;
  }

  private get quarter(): number {
    return Math.ceil((this.range.high - this.lowest) / 4);
  }
}

function peakOf({ count, sizes }: Instance, offsets: Units): number {
  let peak = 0;
  for (let b = 0; b < count; b++) peak = Math.max(peak, offsets[b] + sizes[b]);
  return peak;
}
