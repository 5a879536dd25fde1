/**
 * The lowest peak of one instance, by deciding one capacity after the other.
 *
 *     low                       ◄── stride ── high        `low` is proven, `high` is in hand. The lower bound itself
 *      ├──────────────────────────────┼────────┤          comes first, being the answer more often than not. Then
 *      no less than                 tried    found        come some that are higher by 1/64, 3/64, 7/64 and so on, until
 *                                                         one is met; and then it goes down, in strides that double
 *                                                         where a placement was found and halve where none was.
 *
 * Invariant: `low <= true minimum <= high`, in units.
 */
import type { Budget } from './budget.js';
import type { Instance, Units } from './instance.js';
import { decide } from './restarts.js';
import { Search } from './search.js';

/** Where the minimum of an instance lies, in units. */
export interface Range {
  low: number;
  high: number;
}

/** What happens on the way. */
export interface Observer {
  /** A placement with the peak `range.high`, which is lower than the one before. */
  onPlacement(offsets: Units): void;
  /** `range.low` has been proven. Whether to go on. */
  onBound(): boolean;
}

/** What part of the remaining budget goes to the lower bound, to one capacity, and to one a unit below the best. */
const FIRST_SLICE = 0.2;
/** Steps for the lower bound at first: nearly always it takes a few, or is out of reach. */
const MOST_FIRST_STEPS = 40_000;
const SLICE = 0.05;
const LAST_SLICE = 0.5;

/** Narrows `range` until it closes, `high` is no more than `goal`, or the budget is spent. */
export function minimise(instance: Instance, range: Range, goal: number, budget: Budget, observer: Observer): void {
  const search = new Search(instance);
  const lowest = (): number => Math.max(range.low, goal);
  let capacity = lowest();
  let climb = Math.ceil(capacity / 64);
  let stride = 1;
  let slice = FIRST_SLICE;
  for (let seed = 1; lowest() < range.high && !budget.isSpent; seed++) {
    const answer = decide(search, capacity, budget.slice(slice, seed === 1 ? MOST_FIRST_STEPS : Infinity), seed);
    if (answer === 'feasible') {
      range.high = peakOf(instance, search.state.offsets);
      observer.onPlacement(search.state.offsets);
      stride = climb > 0 ? Math.ceil((range.high - lowest()) / 4) : stride * 2;
      climb = 0;
    } else {
      if (answer === 'infeasible') {
        range.low = capacity + 1;
        if (!observer.onBound()) return;
      }
      stride = Math.ceil(stride / 2);
    }
    if (climb > 0 && capacity + climb >= range.high) {
      climb = 0;
      stride = Math.ceil((range.high - lowest()) / 4);
    }
    slice = climb > 0 || stride > 1 ? SLICE : LAST_SLICE;
    // A tight capacity steers the search where a loose one may lead it astray.
    if (seed === 1 && range.low < goal) {
      capacity = range.low;
      continue;
    }
    capacity = Math.max(lowest(), climb > 0 ? capacity + climb : range.high - stride);
    climb *= 2;
  }
}

function peakOf({ count, sizes }: Instance, offsets: Units): number {
  let peak = 0;
  for (let b = 0; b < count; b++) peak = Math.max(peak, offsets[b] + sizes[b]);
  return peak;
}
