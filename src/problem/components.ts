/**
 * Splits a problem between steps where no live range crosses: a buffer before never meets a buffer after.
 *
 * Invariant: every buffer is in exactly one component, and no two components overlap in time.
 */
import type { Problem } from './problem.js';

/** The buffers of each component, in order of time; within one, by index. O(n + steps). */
export function timeComponents({ bufferCount, stepCount, starts, ends }: Problem): Int32Array[] {
  const crossings = new Int32Array(stepCount + 2);
  for (let b = 0; b < bufferCount; b++) {
    // The buffer crosses the boundaries before the steps start + 1 to end - 1.
    crossings[starts[b] + 1]++;
    crossings[ends[b]]--;
  }
  const componentAt = new Int32Array(stepCount + 1);
  let component = 0;
  for (let step = 1, crossing = crossings[0]; step <= stepCount; step++) {
    crossing += crossings[step];
    if (crossing === 0) component++;
    componentAt[step] = component;
  }
  const sizes = new Int32Array(component + 1);
  for (let b = 0; b < bufferCount; b++) sizes[componentAt[starts[b]]]++;
  const components = Array.from(sizes, (size) => new Int32Array(size));
  sizes.fill(0);
  for (let b = 0; b < bufferCount; b++) {
    const c = componentAt[starts[b]];
    components[c][sizes[c]++] = b;
  }
  return components.filter((buffers) => buffers.length > 0);
}
