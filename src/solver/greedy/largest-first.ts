/**
 * The single most promising placement: the largest buffer first, each at its lowest free offset.
 *
 * Buffers are numbered in order of start. So a buffer meets the buffers that live when it starts, which are listed for
 * each buffer, and the next buffers, which start before it ends. In a model graph it meets a dozen, most of them not
 * yet placed:
 *
 *     b    ▒▒▒▒▒▒▒▒          the list of c is a and b; d and e start before c ends
 *     a  ▒▒▒▒▒▒▒
 *     c        ▒▒▒▒▒▒▒▒
 *     d           ▒▒▒
 *     e              ▒▒▒▒▒
 *
 * In a crowded problem most placed buffers are in the way, so one list of all placed buffers is searched instead.
 *
 * Invariant: the offsets are those of `fillChunks` with `bySize`, or there are none if they would take long.
 */
import type { Problem } from '../../problem/problem.js';
import { alignUp } from '../../units.js';
import { ListFit } from './list-fit.js';
import { placeInOrder } from './lowest-fit.js';
import { bySize } from './orders.js';

/** Most live buffers per step, on average, of a problem that is not crowded. */
const MOST_LIVE = 32;
/** Most buffers in a list; with more, a tree is faster. */
const MOST_LISTED = 4096;
/** Most buffers examined per placed buffer, on average. */
const MOST_LOOKS = 512;

/**
 * Offsets at which no buffer ends above `limit`. Null if these are not found, and for a problem with gaps, with fixed
 * offsets, or with buffers out of order.
 */
export function placeLargestFirst(problem: Problem, limit: number): Float64Array | null {
  const { bufferCount, fixedOffsets, gaps } = problem;
  if (fixedOffsets !== null || gaps !== null || bufferCount === 0) return null;
  if (!isCrowded(problem)) return placeAmongFew(problem, limit);
  return bufferCount <= MOST_LISTED ? placeByList(problem, limit) : null;
}

function isCrowded({ bufferCount, stepCount, starts, ends }: Problem): boolean {
  let live = 0;
  for (let b = 0; b < bufferCount; b++) live += ends[b] - starts[b];
  return live > MOST_LIVE * stepCount;
}

function placeByList(problem: Problem, limit: number): Float64Array | null {
  const offsets = new Float64Array(problem.bufferCount);
  return placeInOrder(problem, new ListFit(problem), bySize(problem), limit, offsets) <= limit ? offsets : null;
}

function placeAmongFew(problem: Problem, limit: number): Float64Array | null {
  const { bufferCount, sizes, starts, ends, alignments } = problem;
  const first = new Int32Array(bufferCount + 1);
  const live = listLive(problem, first);
  if (live === null) return null;
  const order = bySize(problem);
  const offsets = new Float64Array(bufferCount).fill(Infinity);
  // The bytes in the way of buffer b.
  const lows = new Float64Array(bufferCount);
  const highs = new Float64Array(bufferCount);
  let looksLeft = MOST_LOOKS * bufferCount;
  for (let i = 0; i < bufferCount; i++) {
    const b = order[i];
    let count = 0;
    for (let p = first[b]; p < first[b + 1]; p++) {
      const other = live[p];
      const low = offsets[other];
      if (low === Infinity) continue;
      lows[count] = low;
      highs[count++] = low + sizes[other];
    }
    const end = ends[b];
    let other = b + 1;
    for (; other < bufferCount && starts[other] < end; other++) {
      const low = offsets[other];
      if (low === Infinity) continue;
      lows[count] = low;
      highs[count++] = low + sizes[other];
    }
    looksLeft -= other - b;
    const size = sizes[b];
    let offset = 0;
    for (let agreeing = 0, o = 0; agreeing < count; o = o + 1 === count ? 0 : o + 1) {
      agreeing++;
      looksLeft--;
      if (lows[o] >= offset + size || highs[o] <= offset) continue;
      offset = alignUp(highs[o], alignments[b]);
      agreeing = 1;
    }
    if (offset + size > limit || looksLeft < 0) return null;
    offsets[b] = offset;
  }
  return offsets;
}

/**
 * Lists the earlier buffers that live when buffer b starts: `first[b]` to `first[b + 1]` (exclusive) of the result.
 * Null if there are too many, or if buffers are out of order.
 */
function listLive({ bufferCount, starts, ends }: Problem, first: Int32Array): Int32Array | null {
  const lists = new Int32Array(MOST_LIVE * bufferCount);
  let count = 0;
  let from = 0;
  for (let b = 0; b < bufferCount; b++) {
    const start = starts[b];
    if (b > 0 && start < starts[b - 1]) return null;
    // A buffer that lives when b starts is b - 1, or already lived when b - 1 started.
    const to = count;
    if (count + (to - from) + 1 > lists.length) return null;
    first[b] = count;
    for (let p = from; p < to; p++) if (ends[lists[p]] > start) lists[count++] = lists[p];
    if (b > 0 && ends[b - 1] > start) lists[count++] = b - 1;
    from = first[b];
  }
  first[bufferCount] = count;
  return lists;
}
