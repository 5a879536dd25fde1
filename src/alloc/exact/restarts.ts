/**
 * Runs the depth-first search again and again, each time in another way and with more patience.
 *
 * The time that one run takes has a heavy tail: where one strategy is lost, another is done at once (Gomes, Selman and
 * Kautz, 1998). So several take turns under a limit on failures that grows; sections that one of them found dead often
 * come earlier in its next run. Noise comes from a generator with a fixed seed.
 *
 * Invariant: a run that ends by itself is a proof either way, and deterministic.
 */
import type { Budget } from './budget.js';
import { createRandom } from './random.js';
import type { Search, Strategy } from './search.js';

/**
 * With the amplitude of the noise on the load of a section, relative to the capacity; none in the first round of
 * the first seed. The patient one waits until the limit has doubled; then it may fail as often as all runs so far have
 * taken steps, so that a proof that needs a long run gets half of the effort.
 */
const STRATEGIES: readonly (Strategy & { noise: number; isPatient?: true })[] = [
  { focus: 'fullest', backwards: false, noise: 0.005 },
  { focus: 'fullest', backwards: true, noise: 0.005 },
  { focus: 'deadliest', backwards: false, noise: 0.005 },
  { focus: 'deadliest', backwards: true, noise: 0.005 },
  { focus: 'lowest', backwards: false, noise: 0 },
  { focus: 'deadliest', backwards: false, noise: 0, isPatient: true },
];
const FIRST_LIMIT = 200;
const LIMIT_GROWTH = 1.15;
const DEATH_DECAY = 0.9;

/**
 * Whether a placement within `capacity` units exists; if `feasible`, the search's state holds one. Another `seed` gives
 * other noise.
 */
export function decide(
  search: Search,
  capacity: number,
  budget: Budget,
  seed: number,
): 'feasible' | 'infeasible' | 'unknown' {
  const { bias, state } = search;
  const random = createRandom(seed);
  const start = budget.steps;
  state.deaths.fill(0);
  let amplitude = seed === 1 ? 0 : 1;
  for (let limit = FIRST_LIMIT; ; limit *= LIMIT_GROWTH) {
    for (const strategy of STRATEGIES) {
      if (strategy.isPatient && limit < 2 * FIRST_LIMIT) continue;
      for (let s = 0; s < bias.length; s++) bias[s] = random() * strategy.noise * amplitude;
      const patience = strategy.isPatient ? budget.steps - start : limit;
      const outcome = search.run(capacity, strategy, patience, budget);
      if (outcome === 'found') return 'feasible';
      if (outcome === 'exhausted') return 'infeasible';
      if (outcome === 'stopped') return 'unknown';
    }
    for (let s = 0; s < bias.length; s++) state.deaths[s] *= DEATH_DECAY;
    amplitude = 1;
  }
}
