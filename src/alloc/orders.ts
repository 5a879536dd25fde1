/**
 * Orders in which to place buffers: the most demanding first, by various measures.
 *
 * Invariant: each order holds every buffer once and is the same on every machine; ties go to the larger buffer, then to
 * the one that starts earlier, then to the lower index.
 */
import { liveBytesPerStep } from '../problem/lower-bound.js';
import type { Problem } from '../problem/problem.js';

/** Makes an order: buffer indices. */
export type Order = (problem: Problem) => Int32Array;

/** Largest first. */
export const bySize: Order = (problem) => byKey(problem, problem.sizes);

/** Longest life first. */
export const byLifetime: Order = (problem) => byKey(problem, lifetimes(problem));

/** Largest product of size and lifetime first. */
export const byArea: Order = (problem) => {
  const keys = lifetimes(problem);
  for (let b = 0; b < keys.length; b++) keys[b] *= problem.sizes[b];
  return byKey(problem, keys);
};

/** Those of the busiest step first: TensorFlow Lite's "breadth". */
export const byLoad: Order = (problem) => {
  const loads = liveBytesPerStep(problem);
  const keys = new Float64Array(problem.bufferCount);
  for (let b = 0; b < keys.length; b++) {
    for (let step = problem.starts[b]; step < problem.ends[b]; step++) keys[b] = Math.max(keys[b], loads[step]);
  }
  return byKey(problem, keys);
};

/** In the order in which they come to life, as an allocator at run time would see them. */
export const byStart: Order = (problem) =>
  byKey(
    problem,
    problem.starts.map((start) => -start),
  );

function lifetimes({ bufferCount, starts, ends }: Problem): Float64Array {
  const keys = new Float64Array(bufferCount);
  for (let b = 0; b < bufferCount; b++) keys[b] = ends[b] - starts[b];
  return keys;
}

/** Largest key first. */
export function byKey({ bufferCount, sizes, starts }: Problem, keys: ArrayLike<number>): Int32Array {
  const order = new Int32Array(bufferCount);
  for (let b = 0; b < bufferCount; b++) order[b] = b;
  return order.sort((a, b) => keys[b] - keys[a] || sizes[b] - sizes[a] || starts[a] - starts[b] || a - b);
}
