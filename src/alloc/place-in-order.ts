/**
 * Places buffers one after the other, each into a hole between those already placed, or else on top.
 *
 *     offset        C is to be placed. The offsets that its neighbours rule out are sorted; what is left are holes.
 *         │ ▒▒▒▒    Best fit takes the hole with the fewest bytes to spare, lowest fit the lowest hole. Without a
 *         │  C ?    hole it goes on top, in the chunk that grows least.
 *         │ ▒▒▒▒
 *         │  C ?
 *         ┼───── step
 *
 * Invariant: a new chunk is opened only if the buffer fits into no other; what is placed stays; buffers with a fixed offset are placed first. The idea, with several orders, is that
 * of Pisarchyk and Lee, "Efficient memory management for deep neural net inference" (2020).
 */
import { PlannerError } from '../errors.js';
import { labelOfBuffer, type Problem } from '../problem/problem.js';
import { alignUp } from '../units.js';
import type { PlaceOptions, Placement } from './allocator.js';
import type { Overlaps } from './overlaps.js';

/** Which hole a buffer goes into. */
export type Fit = 'best' | 'lowest';

const UNPLACED = -1;

/** The offsets that the placed neighbours of one buffer rule out in one chunk: open intervals, sorted by `lows`. */
interface Ruled {
  readonly lows: Float64Array;
  readonly highs: Float64Array;
  count: number;
}

/**
 * Places the buffers of `order`, which holds each of them once. O(sum of neighbours · log of the largest number).
 *
 * @throws PlannerError `OVERSIZE` if a buffer is above `maxChunkSize`, `FIXED_OVERLAP` if fixed offsets collide.
 */
export function placeInOrder(
  problem: Problem,
  overlaps: Overlaps,
  order: Int32Array,
  fit: Fit,
  { maxChunkSize = Infinity, allowOversize = false }: PlaceOptions = {},
): Placement {
  const { bufferCount, sizes, alignments, fixedOffsets } = problem;
  checkChunkLimit(problem, maxChunkSize, allowOversize);
  const offsets = new Float64Array(bufferCount).fill(UNPLACED);
  const chunkOf = new Int32Array(bufferCount);
  const chunks: number[] = [];
  const limits: number[] = [];
  const ruled = createRuled(overlaps, bufferCount);
  const limitFor = (b: number, chunk: number): number => Math.max(limits[chunk], allowOversize ? sizes[b] : 0);
  const settle = (b: number, chunk: number, offset: number): void => {
    if (chunk === chunks.length) {
      chunks.push(0);
      limits.push(maxChunkSize);
    }
    offsets[b] = offset;
    chunkOf[b] = chunk;
    chunks[chunk] = Math.max(chunks[chunk], offset + sizes[b]);
    limits[chunk] = limitFor(b, chunk);
  };
  if (fixedOffsets !== null) placeFixed(problem, overlaps, maxChunkSize, settle);

  for (let i = 0; i < bufferCount; i++) {
    const b = order[i];
    if (offsets[b] !== UNPLACED) continue;
    let chunk = chunks.length;
    let offset = 0;
    let growth = Infinity;
    for (let c = 0; c < chunks.length && growth > 0; c++) {
      collectRuled(problem, overlaps, b, c, offsets, chunkOf, ruled);
      const candidate = findHole(ruled, alignments[b], fit);
      const end = candidate + sizes[b];
      if (end > limitFor(b, c) || end - chunks[c] >= growth) continue;
      chunk = c;
      offset = candidate;
      growth = Math.max(0, end - chunks[c]);
    }
    settle(b, chunk, offset);
  }
  return { offsets, chunkOf, chunks };
}

/** Rejects buffers that no chunk can hold. */
export function checkChunkLimit(problem: Problem, maxChunkSize: number, allowOversize: boolean): void {
  const { bufferCount, sizes } = problem;
  if (!(maxChunkSize > 0)) {
    throw new PlannerError('BAD_ARGUMENT', {
      culprit: 'maxChunkSize',
      value: maxChunkSize,
      limit: 'above 0',
      remedy: 'Leave it out if chunks are unlimited.',
    });
  }
  if (allowOversize || maxChunkSize === Infinity) return;
  for (let b = 0; b < bufferCount; b++) {
    if (sizes[b] <= maxChunkSize) continue;
    throw new PlannerError('OVERSIZE', {
      culprit: labelOfBuffer(problem, b),
      value: sizes[b],
      limit: `at most maxChunkSize (${maxChunkSize})`,
      remedy: 'Split the buffer, raise maxChunkSize, or set allowOversize to give it a chunk of its own size.',
    });
  }
}

function placeFixed(
  { bufferCount, sizes, fixedOffsets, names }: Problem,
  { first, other, below, above }: Overlaps,
  maxChunkSize: number,
  settle: (b: number, chunk: number, offset: number) => void,
): void {
  const fixed = fixedOffsets!;
  const reject = (code: 'FIXED_OVERLAP' | 'OVERSIZE', b: number, limit: string): never => {
    throw new PlannerError(code, {
      culprit: `the fixed offset of ${labelOfBuffer({ names }, b)}`,
      value: fixed[b],
      limit,
      remedy: 'Choose another fixed offset, or leave it to the planner.',
    });
  };
  for (let b = 0; b < bufferCount; b++) {
    if (Number.isNaN(fixed[b])) continue;
    if (fixed[b] + sizes[b] > maxChunkSize) reject('OVERSIZE', b, `at most ${maxChunkSize - sizes[b]}`);
    for (let e = first[b]; e < first[b + 1]; e++) {
      const low = fixed[other[e]] + (below === null ? -sizes[b] : below[e]);
      const high = fixed[other[e]] + (above === null ? sizes[other[e]] : above[e]);
      if (low < fixed[b] && fixed[b] < high) {
        reject('FIXED_OVERLAP', b, `${low < 0 ? '' : `at most ${low} or `}at least ${high}`);
      }
    }
    settle(b, 0, fixed[b]);
  }
}

function createRuled({ first }: Overlaps, bufferCount: number): Ruled {
  let most = 0;
  for (let b = 0; b < bufferCount; b++) most = Math.max(most, first[b + 1] - first[b]);
  return { lows: new Float64Array(most), highs: new Float64Array(most), count: 0 };
}

function collectRuled(
  { sizes }: Problem,
  { first, other, below, above }: Overlaps,
  b: number,
  chunk: number,
  offsets: Float64Array,
  chunkOf: Int32Array,
  ruled: Ruled,
): void {
  const { lows, highs } = ruled;
  let count = 0;
  for (let e = first[b]; e < first[b + 1]; e++) {
    const a = other[e];
    if (offsets[a] === UNPLACED || chunkOf[a] !== chunk) continue;
    lows[count] = offsets[a] + (below === null ? -sizes[b] : below[e]);
    highs[count++] = offsets[a] + (above === null ? sizes[a] : above[e]);
  }
  ruled.count = count;
  sortRuled(ruled);
}

/** Ciura's gaps, continued by a factor of 2.25. */
const SHELL_GAPS = [9289, 4129, 1750, 701, 301, 132, 57, 23, 10, 4, 1];

function sortRuled({ lows, highs, count }: Ruled): void {
  for (const gap of SHELL_GAPS) {
    for (let i = gap; i < count; i++) {
      const low = lows[i];
      const high = highs[i];
      let j = i;
      for (; j >= gap && lows[j - gap] > low; j -= gap) {
        lows[j] = lows[j - gap];
        highs[j] = highs[j - gap];
      }
      lows[j] = low;
      highs[j] = high;
    }
  }
}

/** The offset to take: a hole if there is one, otherwise the lowest one above everything. */
function findHole({ lows, highs, count }: Ruled, alignment: number, fit: Fit): number {
  let free = 0;
  let best = -1;
  let leastSpare = Infinity;
  for (let i = 0; i < count; i++) {
    const spare = lows[i] - free;
    if (spare >= 0 && spare < leastSpare) {
      if (fit === 'lowest') return free;
      best = free;
      leastSpare = spare;
    }
    if (highs[i] > free) free = alignUp(highs[i], alignment);
  }
  return best >= 0 ? best : free;
}
