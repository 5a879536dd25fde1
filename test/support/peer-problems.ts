/**
 * Random placement problems, the same on every machine, on which the planners of other runtimes were run: sizes are
 * multiples of 64, many are equal, and live ranges have at least two steps as those of a chain of operators.
 */
import type { BufferSpec } from '../../src/problem/problem.js';

/** A sequence of whole numbers below `limit`, by a generator that is written here in full. */
function numbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state * 48271) % 2147483647;
    return state % limit;
  };
}

/** The first `count` problems. Each has a buffer that starts at step 0 and one that ends at the last step. */
export function* peerProblems(count: number): Generator<BufferSpec[]> {
  for (let index = 0; index < count; index++) {
    const next = numbers(1 + index * 7919);
    for (let skipped = 0; skipped < 10; skipped++) next(2);
    const bufferCount = 1 + next(40);
    const stepCount = 2 + next(30);
    const sizeCount = 1 + next(20);
    yield Array.from({ length: bufferCount }, (_, buffer) => {
      const start = buffer === 0 ? 0 : next(stepCount);
      const end = buffer === bufferCount - 1 ? stepCount : Math.min(stepCount, start + 1 + next(8));
      return { size: 64 * (1 + next(sizeCount)), start: Math.min(start, end - 1), end };
    });
  }
}
