/**
 * A good order of a segment that is too large to search: of the sets of so many jobs, only the best few are carried on.
 *
 * Invariant: O(jobs · width · ready jobs); deterministic. Proves nothing.
 */
import { addTo, isIn, removeFrom, type Segment } from './segment.js';
import { StateStore } from './state-store.js';

/** The order of the least peak that is found; null if it is not below `ceiling`. Pauses after every job. */
export function* beamOrder(segment: Segment, width: number, ceiling: number): Generator<void, readonly number[] | null> {
  const store = new StateStore(segment);
  const bits = new Int32Array(segment.words);
  // The key of a state is the least peak on any way to it that was taken.
  let level = [store.add(bits, 0, segment.startLoad, -1, -1)];
  store.keys[0] = segment.startLoad;
  for (let depth = 0; depth < segment.count; depth++) {
    const next: number[] = [];
    for (const state of level) {
      store.read(state, bits);
      const hash = store.hashOf(state);
      for (let job = 0; job < segment.count; job++) {
        if (isIn(bits, job) || !segment.isReady(bits, job)) continue;
        segment.tryJob(bits, store.loads[state], job);
        const peak = Math.max(store.keys[state], segment.peak);
        if (peak >= ceiling) continue;
        const childHash = store.hashWith(hash, job);
        addTo(bits, job);
        const known = store.find(bits, childHash);
        const child = known === -1 ? store.add(bits, childHash, segment.after, state, job) : known;
        removeFrom(bits, job);
        if (known === -1) next.push(child);
        else if (store.keys[child] <= peak) continue;
        store.keys[child] = peak;
        store.parents[child] = state;
        store.jobs[child] = job;
      }
    }
    const { keys, loads } = store;
    next.sort((a, b) => keys[a] - keys[b] || loads[a] - loads[b] || a - b);
    level = next.slice(0, width);
    if (level.length === 0) return null;
    yield;
  }
  return store.pathTo(level[0]);
}
