/**
 * How crowded a problem is, which decides by which method it is placed.
 */
import type { Problem } from '../problem/problem.js';

/** How many pairs of buffers live at one step, gaps not counted. O(n + steps). */
export function countOverlaps({ bufferCount, stepCount, starts, ends }: Problem): number {
  const startsAt = new Int32Array(stepCount + 1);
  const endsAt = new Int32Array(stepCount + 1);
  for (let b = 0; b < bufferCount; b++) {
    startsAt[starts[b]]++;
    endsAt[ends[b]]++;
  }
  let live = 0;
  let pairs = 0;
  for (let step = 0; step < stepCount; step++) {
    live -= endsAt[step];
    pairs += startsAt[step] * (live + (startsAt[step] - 1) / 2);
    live += startsAt[step];
  }
  return pairs;
}
