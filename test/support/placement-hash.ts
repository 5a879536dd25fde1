/** Prints a hash of placements that every part of the solver has a hand in; `determinism.test.ts` compares what engines print. */
import { createHash } from 'node:crypto';
import { solve } from '../../src/solver/search/solve.js';
import { createProblem, type BufferSpec } from '../../src/problem/problem.js';
import { cutUp, network, uniform } from './random-problems.js';

const withGaps = (buffers: readonly BufferSpec[]): BufferSpec[] =>
  buffers.map((buffer, b) => {
    const { size, start, end } = buffer;
    if (b % 3 > 0 || end - start < 3) return buffer;
    return { ...buffer, gaps: [{ start: start + 1, end: end - 1, upper: Math.ceil(size / 2) }] };
  });

const hash = createHash('sha256');
for (const [buffers, maxEffort] of [
  [cutUp(60, 2), 200_000],
  [cutUp(400, 1), 3000],
  [withGaps(cutUp(100, 3)), 3000],
  [network(5000, 1), 3000],
  [uniform(30_000, 1), 1000],
] as const) {
  const { offsets, bufferSize, lowerBound, effort } = solve(createProblem(buffers), { maxEffort });
  hash.update(new Uint8Array(offsets.buffer)).update([bufferSize, lowerBound, effort].join());
}
console.log(hash.digest('hex'));
