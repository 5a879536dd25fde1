/**
 * The bytes that a tensor's elements really occupy within its storage, as dense spans: gaps between strides left out.
 *
 * Invariant: exact for every layout with non-negative strides; spans may touch or repeat where strides overlap, but
 * together they are the elements' bytes and no others.
 */
import { PlannerError, subject } from '../errors.js';
import type { Graph } from '../graph/graph.js';
import { isPureView } from '../graph/node-kind.js';
import type { Tensor } from '../tensor/tensor.js';
import { IntervalMap, UNWRITTEN } from './interval-map.js';

/** Spans of the same length: they begin at every sum of multiples of the strides. */
interface Spans {
  readonly length: number;
  /** The smallest stride first. */
  readonly dims: readonly { readonly stride: number; readonly count: number }[];
  /** Whether each repetition of a stride ends before the next one begins. */
  readonly isAscending: boolean;
}

function spansOf({ type, shape, strides }: Tensor): Spans {
  const dims = strides
    .map((stride, dim) => ({ stride, count: dim === 0 ? shape[0] / type.blockSize : shape[dim] }))
    .sort((a, b) => a.stride - b.stride);
  let length = type.blockBytes;
  while (dims.length > 0 && dims[0].stride <= length) {
    const { stride, count } = dims.shift()!;
    length += stride * (count - 1);
  }
  let extent = length;
  let isAscending = true;
  for (const { stride, count } of dims) {
    if (stride < extent) isAscending = false;
    extent += stride * (count - 1);
  }
  return { length, dims, isAscending };
}

/** How many spans {@link forEachSpan} visits. O(1). */
export function countSpans(tensor: Tensor): number {
  return tensor.shape.includes(0) ? 0 : spansOf(tensor).dims.reduce((product, { count }) => product * count, 1);
}

/**
 * Calls `visit` with first and one past the last byte of every span, by ascending first bytes. O(spans): 1 for dense
 * tensors, permuted or not, and one per row for a matrix whose rows are apart.
 */
export function forEachSpan(tensor: Tensor, visit: (from: number, to: number) => void): void {
  if (tensor.shape.includes(0)) return;
  const { length, dims, isAscending } = spansOf(tensor);
  const walk = (start: number, dim: number, visitStart: (start: number) => void): void => {
    if (dim < 0) return visitStart(start);
    for (let i = 0; i < dims[dim].count; i++) walk(start + i * dims[dim].stride, dim - 1, visitStart);
  };
  const visitStart = (start: number): void => visit(start, start + length);
  if (isAscending) return walk(tensor.viewOffset, dims.length - 1, visitStart);
  const starts: number[] = [];
  walk(tensor.viewOffset, dims.length - 1, (start) => void starts.push(start));
  Float64Array.from(starts).sort().forEach(visitStart);
}

/**
 * The first bytes that two tensors have in common where their storages begin at the given bytes; `null` if there are
 * none.
 */
export function firstCommonBytes(
  a: Tensor,
  startOfA: number,
  b: Tensor,
  startOfB: number,
): readonly [number, number] | null {
  const [fromA, fromB] = [startOfA + a.viewOffset, startOfB + b.viewOffset];
  if (fromA + a.byteLength <= fromB || fromB + b.byteLength <= fromA) return null;
  const ranges: number[] = [];
  forEachSpan(a, (from, to) => void ranges.push(startOfA + from, startOfA + to, 1));
  const taken = new IntervalMap();
  taken.write(ranges);
  let found: readonly [number, number] | null = null;
  forEachSpan(b, (from, to) => {
    taken.read(startOfB + from, startOfB + to, (first, end, tag) => {
      if (tag !== UNWRITTEN) found ??= [first, end];
    });
  });
  return found;
}

/** Spans that a replay may read and write: one to two minutes' worth. */
const MOST_SPANS = 2 ** 27;
/** Spans that a replay may write: it remembers each of them, in 1 to 1.5 GB. */
const MOST_WRITTEN = 2 ** 22;

/** @throws PlannerError `TOO_MANY_SPANS` if following the bytes of a graph would take too much time or memory */
export function checkSpanCount({ leafs, nodes }: Graph): void {
  let written = 0;
  let visited = 0;
  for (const node of [...leafs, ...nodes]) {
    if (isPureView(node)) continue;
    written += countSpans(node);
    visited += node.sources.reduce((sum, source) => sum + (source === null ? 0 : countSpans(source)), countSpans(node));
    const [value, most] = written > MOST_WRITTEN ? [written, MOST_WRITTEN] : [visited, MOST_SPANS];
    if (value <= most) continue;
    const culprit = node.label;
    throw new PlannerError('TOO_MANY_SPANS', {
      message: `${subject(culprit)} brings the graph to ${value} separate runs of bytes, but a replay follows at most ${most}.`,
      culprit,
      value,
      limit: `among the first ${most} separate runs of bytes of its graph`,
      remedy: 'Replay the same graph with fewer rows.',
    });
  }
}
