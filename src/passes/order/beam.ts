/**
 * A good order of a segment that is too large to search: of the sets of so many jobs, only the best few are carried on.
 *
 * Invariant: O(jobs · width · ready jobs); deterministic. Proves nothing.
 */
import type { Budget } from '../../solver/budget.js';
import { isIn } from './bits.js';
import { CHOICES_PER_EFFORT, TRIES_PER_EFFORT } from './search.js';
import type { Segment } from './segment.js';
import { StateStore } from './state-store.js';

/**
 * The order of the least peak that is found; null if it is not below `ceiling`, or if the budget is spent before. Pauses
 * after every choice.
 */
export function* beamOrder(
  segment: Segment,
  width: number,
  ceiling: number,
  budget: Budget,
): Generator<void, readonly number[] | null> {
  const store = new StateStore(segment);
  const bits = new Int32Array(segment.words);
  // The key of a state is the least peak on any way to it that was taken.
  let level = [store.add(bits, 0, segment.startLoad, -1, -1)];
  store.keys[0] = segment.startLoad;
  for (let depth = 0; depth < segment.choices.length; depth++) {
    const next: number[] = [];
    let tried = 0;
    for (const state of level) {
      store.read(state, bits);
      const hash = store.hashOf(state);
      for (const choice of segment.choices) {
        if (isIn(bits, choice) || !segment.isReady(bits, choice)) continue;
        tried++;
        segment.tryChoice(bits, hash, store.loads[state], choice);
        const peak = Math.max(store.keys[state], segment.peak);
        if (peak >= ceiling) continue;
        const known = store.find(segment.state, segment.hash);
        const child = known === -1 ? store.add(segment.state, segment.hash, segment.after, state, choice) : known;
        if (known === -1) next.push(child);
        else if (store.keys[child] <= peak) continue;
        store.keys[child] = peak;
        store.parents[child] = state;
        store.jobs[child] = choice;
      }
    }
    budget.charge(Math.ceil((level.length * segment.choices.length) / CHOICES_PER_EFFORT + tried / TRIES_PER_EFFORT));
    if (budget.isSpent) return null;
    const { keys, loads } = store;
    next.sort((a, b) => keys[a] - keys[b] || loads[a] - loads[b] || a - b);
    level = next.slice(0, width);
    if (level.length === 0) return null;
    yield;
  }
  return store.pathTo(level[0]);
}
