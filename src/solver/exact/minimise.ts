/**
 * The lowest peak of one instance: dives that look for placements, and beside them one exhaustive search for a proof.
 *
 *     bound                     ◄── stride ── peak        Dives first try the bound as capacity, which is most often
 *      ├──────────────────────────────┼────────┤          the answer. Then they try capacities higher by 1/64, 3/64,
 *      no less than                 tried    found        7/64 and so on, until a dive finds a placement. From there
 *                                                         the capacity goes down, in strides that double after a
 *                                                         placement and halve after a failure.
 *
 * The time that a search takes has a heavy tail: one order of sections gets lost where another finishes at once (Gomes,
 * Selman and Kautz, 1998). So a dive is given up early, and the next dive follows other priorities. A dive that is
 * given up proves nothing. The proof that no placement exists comes from the one search that is never given up.
 *
 * Invariant: `bound <= true minimum <= peak`, in units; deterministic.
 */
import type { Budget } from '../budget.js';
import type { Incumbent } from '../incumbent.js';
import type { Instance, Units } from './instance.js';
import { Population } from './population.js';
import { Search, type Outcome } from './search.js';

/** Failures after which a dive is given up. */
const DIVE_FAILURES = 150;
/** Dives per round. The last dive prefers sections with frequent failures, and may fail twice as often. */
const ROUND = 6;
/** Dives per round at first, when failures guide the search better than bred priorities. */
const SHORT_ROUND = 3;
const DEATH_DECAY = 0.5;
/** Rounds before the search for a proof begins. Then that search gets `PROOF_SHARE` of the effort of the dives. */
const ROUNDS_BEFORE_PROOF = 4;
const PROOF_SHARE = 0.25;

/**
 * Lowers the peak and raises the bound, both in units, until the incumbent is done or the budget is spent. A generator,
 * so that the caller can do something else between two dives.
 */
export function* minimise(instance: Instance, incumbent: Incumbent<Units>, budget: Budget): Generator<void, void> {
  if (incumbent.isDone) return;
  const descent = new Descent(incumbent);
  const population = new Population(instance.sectionCount);
  const diver = new Search(instance, population.priorities);
  let prover: Search | null = null;
  let capacityToProve = -1;

  /** Reports an outcome to the incumbent; returns whether to go on. */
  const settle = (outcome: Outcome, capacity: number, { state: { offsets }, nodes }: Search): boolean => {
    if (outcome === 'found') {
      incumbent.offer(offsets);
      population.age();
      descent.onFound();
    } else if (outcome === 'exhausted') {
      incumbent.prove(capacity + 1, nodes);
      descent.onRefuted();
    }
    return outcome !== 'stopped' && !incumbent.isDone;
  };

  for (let round = 1; ; round++) {
    const before = budget.effort;
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
    const capacity = incumbent.bound < incumbent.goal ? incumbent.bound : descent.capacity;
    diver.begin(capacity, 'deadliest');
    if (!settle(diver.advance(2 * DIVE_FAILURES, budget), capacity, diver)) return;
    const { deaths } = diver.state;
    for (let s = 0; s < deaths.length; s++) deaths[s] *= DEATH_DECAY;
    yield;
    if (round < ROUNDS_BEFORE_PROOF) continue;
    prover ??= new Search(instance);
    if (capacityToProve < incumbent.goal || capacityToProve >= incumbent.peak) {
      capacityToProve = descent.capacity;
      prover.begin(capacityToProve, 'deadliest');
    }
    const failures = Math.ceil((budget.effort - before) * PROOF_SHARE);
    if (!settle(prover.advance(failures, budget), capacityToProve, prover)) return;
    yield;
  }
}

/** Dives at one capacity before the next capacity is tried; the first capacity gets twice as many. */
const DIVES = 12;

/** Chooses the capacity that the dives try. */
class Descent {
  capacity: number;
  /** By how much to climb next, while nothing has been found. */
  #climb: number;
  #stride = 1;
  #divesLeft = 2 * DIVES;
  readonly #incumbent: Incumbent<Units>;

  constructor(incumbent: Incumbent<Units>) {
    this.#incumbent = incumbent;
    this.capacity = incumbent.goal;
    this.#climb = Math.ceil(this.capacity / 64);
  }

  onFound(): void {
    this.#stride = this.#climb > 0 ? this.#quarter : 2 * this.#stride;
    this.#climb = 0;
    this.#goDown();
  }

  /** A dive was given up, which proves nothing. */
  onMissed(): void {
    if (--this.#divesLeft === 0) this.onRefuted();
  }

  onRefuted(): void {
    if (this.#climb > 0 && this.capacity + this.#climb < this.#incumbent.peak) {
      this.capacity += this.#climb;
      this.#climb *= 2;
      this.#divesLeft = DIVES;
      return;
    }
    this.#stride = this.#climb > 0 ? this.#quarter : Math.ceil(this.#stride / 2);
    this.#climb = 0;
    this.#goDown();
  }

  #goDown(): void {
    this.capacity = Math.max(this.#incumbent.goal, this.#incumbent.peak - this.#stride);
    this.#divesLeft = DIVES;
  }

  get #quarter(): number {
    return Math.ceil((this.#incumbent.peak - this.#incumbent.goal) / 4);
  }
}
