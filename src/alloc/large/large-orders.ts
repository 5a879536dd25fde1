/**
 * Orders in which to place very many buffers, made by sorting plain numbers.
 *
 * Each order sorts by one measure, coarse or exact; ties go to a second one, then to the larger buffer, then to the one
 * that starts earlier, then to the lower index. Coarse measures (powers of two or four) let the second one speak.
 *
 * Invariant: an order holds every buffer once. O(n log n) without comparisons in JavaScript.
 */
import { liveBytesPerStep } from '../../problem/lower-bound.js';
import type { Problem } from '../../problem/problem.js';
import { floorLog2 } from './floor-log2.js';

/** Something to sort by, the largest first: one number per buffer. */
type Measure = (problem: Problem) => Float64Array;

const size: Measure = ({ sizes }) => sizes;

const lifetime: Measure = ({ bufferCount, starts, ends }) => {
  const keys = new Float64Array(bufferCount);
  for (let b = 0; b < bufferCount; b++) keys[b] = ends[b] - starts[b];
  return keys;
};

const area: Measure = (problem) => lifetime(problem).map((steps, b) => steps * problem.sizes[b]);

const start: Measure = ({ starts }) => Float64Array.from(starts, (step) => -step);

/** The highest live load that a buffer lives to see. A sparse table, one row at a time. O((n + steps) log steps). */
const load: Measure = (problem) => {
  const { bufferCount, starts, ends } = problem;
  const row = liveBytesPerStep(problem).slice();
  const keys = new Float64Array(bufferCount);
  for (let width = 1; width <= row.length; width *= 2) {
    // Here row[s] is the highest load of the steps s to s + width (exclusive).
    for (let b = 0; b < bufferCount; b++) {
      const steps = ends[b] - starts[b];
      if (width <= steps && steps < 2 * width) keys[b] = Math.max(row[starts[b]], row[ends[b] - width]);
    }
    for (let s = 0; s + width < row.length; s++) row[s] = Math.max(row[s], row[s + width]);
  }
  return keys;
};

/** Powers of four. */
const coarse =
  (measure: Measure): Measure =>
  (problem) =>
    measure(problem).map((key) => Math.floor(floorLog2(key) / 2));

/** The measures of each order, the most important first. */
const ORDERS: readonly (readonly Measure[])[] = [
  [size],
  [load],
  [lifetime],
  [coarse(size), lifetime],
  [coarse(lifetime)],
  [area],
];

/** Makes the orders one after another, each when it is asked for. */
export function* largeOrders(problem: Problem): Generator<Int32Array> {
  const byIndex = Int32Array.from(problem.starts.keys());
  const ties = reorder(problem.sizes, reorder(start(problem), byIndex));
  for (const measures of ORDERS) {
    yield measures.reduceRight((order, measure) => reorder(measure(problem), order), ties);
  }
}

/** Sorts by `keys`, the largest first, and keeps the given order among equal ones. */
function reorder(keys: Float64Array, order: Int32Array): Int32Array {
  const count = order.length;
  const ranks = ranksFromLargest(keys);
  const packed = new Float64Array(count);
  for (let place = 0; place < count; place++) packed[place] = ranks[order[place]] * count + place;
  packed.sort();
  const sorted = new Int32Array(count);
  for (let i = 0; i < count; i++) sorted[i] = order[packed[i] % count];
  return sorted;
}

/** The place of each key among the distinct keys: 0 for the largest. */
function ranksFromLargest(keys: Float64Array): Int32Array {
  const sorted = keys.slice().sort();
  let distinct = 0;
  for (let i = 0; i < sorted.length; i++) {
    if (distinct === 0 || sorted[distinct - 1] !== sorted[i]) sorted[distinct++] = sorted[i];
  }
  const ranks = new Int32Array(keys.length);
  for (let b = 0; b < keys.length; b++) {
    let low = 0;
    for (let high = distinct - 1; low < high;) {
      const middle = Math.floor((low + high) / 2);
      if (sorted[middle] < keys[b]) low = middle + 1;
      else high = middle;
    }
    ranks[b] = distinct - 1 - low;
  }
  return ranks;
}
