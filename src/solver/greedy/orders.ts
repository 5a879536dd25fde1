/**
 * Orders in which to place buffers: the most demanding first, by various measures.
 *
 * Invariant: each order holds every buffer once and is the same on every machine; ties go to the larger buffer, then to
 * the one that starts earlier, then to the lower index. O((n + steps) log(n + steps)).
 */
import { liveBytesPerStep, liveLoad } from '../../problem/lower-bound.js';
import type { Problem } from '../../problem/problem.js';
import { floorLog2 } from '../../units.js';

/** Makes an order: buffer indices. */
export type Order = (problem: Problem) => Int32Array;

/** Largest first. */
export const bySize: Order = (problem) =>
  isAscending(problem.starts) ? sizesDescending(problem.sizes) : byKey(problem, problem.sizes);

/** Longest lifetime first. */
export const byLifetime: Order = (problem) => byKey(problem, lifetimes(problem));

/** Largest product of size and lifetime first. */
export const byArea: Order = (problem) =>
  byKey(
    problem,
    lifetimes(problem).map((steps, b) => steps * problem.sizes[b]),
  );

/** Buffers of the busiest steps first: TensorFlow Lite's "breadth". */
export const byLoad: Order = (problem) => byKey(problem, busiestLoads(problem));

/** In order of start, as an allocator at run time would see them. */
export const byStart: Order = (problem) =>
  byKey(
    problem,
    problem.starts.map((start) => -start),
  );

/** Largest size class first; within a class, longest lifetime first. */
export const bySizeClass: Order = (problem) => byKey(problem, classes(problem.sizes), lifetimes(problem));

/** Longest class of lifetimes first; within a class, largest first. */
export const byLifetimeClass: Order = (problem) => byKey(problem, classes(lifetimes(problem)));

/** Buffers of the busiest step before all others; both in order of start. */
export const fromBusiestStep: Order = (problem) => {
  const { starts, ends } = problem;
  const { step } = liveLoad(problem);
  const isLive = Float64Array.from(starts, (start, b) => Number(start <= step && step < ends[b]));
  return byKey(
    problem,
    isLive,
    starts.map((start) => -start),
  );
};

/** The orders to try, the most promising first: on nearly all real graphs the first order is enough. */
export const ORDERS: readonly Order[] = [
  bySize,
  byLoad,
  fromBusiestStep,
  bySizeClass,
  byLifetime,
  byArea,
  byLifetimeClass,
];

/** Largest key first, then largest second key. */
export function byKey(
  { bufferCount, sizes, starts }: Problem,
  keys: ArrayLike<number>,
  secondKeys: ArrayLike<number> = sizes,
): Int32Array {
  const order = new Int32Array(bufferCount);
  for (let b = 0; b < bufferCount; b++) order[b] = b;
  return order.sort(
    (a, b) =>
      keys[b] - keys[a] || secondKeys[b] - secondKeys[a] || sizes[b] - sizes[a] || starts[a] - starts[b] || a - b,
  );
}

/** `bySize` for buffers in order of start, where ties go to the lower index. Sorts plain sizes, without a callback. */
function sizesDescending(sizes: Float64Array): Int32Array {
  const sorted = sizes.slice().sort();
  /** Where the next buffer of each size goes. */
  const places = new Map<number, number>();
  for (let i = sorted.length - 1, place = 0; i >= 0; i--, place++) {
    if (i === sorted.length - 1 || sorted[i] !== sorted[i + 1]) places.set(sorted[i], place);
  }
  const order = new Int32Array(sizes.length);
  for (let b = 0; b < sizes.length; b++) {
    const place = places.get(sizes[b])!;
    order[place] = b;
    places.set(sizes[b], place + 1);
  }
  return order;
}

function isAscending(values: Int32Array): boolean {
  for (let i = 1; i < values.length; i++) if (values[i - 1] > values[i]) return false;
  return true;
}

/** Classes of values that differ by less than a factor of four. */
const classes = (keys: Float64Array): Float64Array => keys.map((key) => Math.floor(floorLog2(key) / 2));

function lifetimes({ bufferCount, starts, ends }: Problem): Float64Array {
  const steps = new Float64Array(bufferCount);
  for (let b = 0; b < bufferCount; b++) steps[b] = ends[b] - starts[b];
  return steps;
}

/** The highest live load within each live range. A sparse table, one row at a time. */
function busiestLoads(problem: Problem): Float64Array {
  const { bufferCount, starts, ends } = problem;
  const row = liveBytesPerStep(problem).slice();
  const loads = new Float64Array(bufferCount);
  for (let width = 1; width <= row.length; width *= 2) {
    // Here row[s] is the highest load of the steps s to s + width (exclusive).
    for (let b = 0; b < bufferCount; b++) {
      const steps = ends[b] - starts[b];
      if (width <= steps && steps < 2 * width) loads[b] = Math.max(row[starts[b]], row[ends[b] - width]);
    }
    for (let s = 0; s + width < row.length; s++) row[s] = Math.max(row[s], row[s + width]);
  }
  return loads;
}
