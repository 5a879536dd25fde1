/** Every strategy of the exact search on its own, run to its end: all give the same minimum. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Budget } from '../../../src/solver/budget.js';
import { createInstance } from '../../../src/solver/exact/instance.js';
import { createRandom } from '../../../src/solver/random.js';
import { Search, type Focus, type Outcome } from '../../../src/solver/exact/search.js';
import { createProblem, type BufferSpec } from '../../../src/problem/problem.js';
import { verifyPlacement } from '../../../src/verify/placement.js';
import { minimumPeak } from '../../support/exhaustive.js';
import { tinyBuffers } from '../../support/problems.js';

const FOCUSES: readonly Focus[] = ['fullest', 'deadliest'];
/** Failures between two pauses of the search. */
const PATIENCES = [1, Infinity];
const STRATEGIES = FOCUSES.flatMap((focus) =>
  PATIENCES.flatMap((patience) => [0, 0.5].map((noise) => ({ focus, patience, noise }))),
);

/** Up to seven buffers, some of them fixed; none where fixed offsets collide. */
const problems = fc
  .tuple(
    tinyBuffers({ gaps: 'full', maxAlignmentLog2: 2 }),
    fc.array(fc.option(fc.nat({ max: 12 }), { freq: 4 }), { minLength: 7, maxLength: 7 }),
  )
  .map(([plain, fixed]) =>
    plain.map((buffer, b): BufferSpec => {
      const offset = fixed[b] ?? null;
      return offset === null || offset % 3 > 0
        ? buffer
        : { ...buffer, fixedOffset: offset - (offset % buffer.alignment!) };
    }),
  )
  .filter((buffers) => {
    const pinned = buffers.filter(({ fixedOffset }) => fixedOffset !== undefined);
    const offsets = pinned.map(({ fixedOffset }) => fixedOffset!);
    const placement = { offsets, chunkOf: new Int32Array(pinned.length), chunks: [100] };
    return buffers.length > 0 && verifyPlacement(createProblem(pinned), placement).length === 0;
  });

const unlimited = new Budget({ maxEffort: Infinity, timeLimitMs: Infinity, signal: undefined, onTick: undefined });

function runToTheEnd(search: Search, capacity: number, focus: Focus, patience: number): Outcome {
  search.begin(capacity, focus);
  for (;;) {
    const outcome = search.advance(patience, unlimited);
    if (outcome !== 'paused') return outcome;
  }
}

it.each(STRATEGIES)('$focus, pausing after $patience failures, noise: $noise', ({ focus, patience, noise }) => {
  fc.assert(
    fc.property(problems, fc.nat(), (buffers, seed) => {
      const problem = createProblem(buffers);
      const instance = createInstance(problem);
      const random = createRandom(1 + seed);
      const priorities = Float64Array.from({ length: instance.sectionCount }, () => random() * noise);
      const search = new Search(instance, priorities);
      const minimum = minimumPeak(buffers);
      const capacity = Math.ceil(minimum / instance.unit);
      // The same search object is used again, as restarts do.
      for (const below of [1, 2]) {
        expect(runToTheEnd(search, capacity - below, focus, patience)).toBe('exhausted');
      }
      for (const above of [0, 1]) {
        expect(runToTheEnd(search, capacity + above, focus, patience)).toBe('found');
        const offsets = Array.from(search.state.offsets, (offset) => offset * instance.unit);
        const chunks = [(capacity + above) * instance.unit];
        expect(verifyPlacement(problem, { offsets, chunkOf: new Int32Array(buffers.length), chunks })).toEqual([]);
      }
    }),
    { numRuns: 400 },
  );
});
