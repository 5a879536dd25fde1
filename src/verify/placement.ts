/**
 * Checks the geometry of a placement: is every buffer where it may be, and does it share no byte with another?
 *
 * It sweeps over time with a tree of the rectangles that are live, ordered by chunk and offset:
 *
 *     offset                      Only rectangles that begin below the top of the new one and end above its bottom
 *       8 ┤    ┌────┐             can collide with it. The tree keeps the highest end per subtree, so it finds each
 *         │ ┌──┼─┐  │ ← new       of them in logarithmic time.
 *       4 ┤ └──┼─┘! │
 *         │    └────┘             `!` is the collision.
 *       0 ┼────────────► step
 *
 * Invariant: independent of every allocator (it shares no code with alloc/), and it returns every violation.
 */
import type { Problem } from '../problem/problem.js';

/** What a placement looks like to the verifier; the allocators' `Placement` is one. */
export interface PlacementColumns {
  readonly offsets: ArrayLike<number>;
  readonly chunkOf: ArrayLike<number>;
  readonly chunks: ArrayLike<number>;
}

/** The limits under which the placement was made. */
export interface PlacementLimits {
  /** Bytes that one chunk may hold. Default: unlimited. */
  readonly maxChunkSize?: number;
  /** Whether a chunk may be as large as its largest buffer, whatever the limit. Default false. */
  readonly allowOversize?: boolean;
}

/** One broken rule. */
export interface PlacementViolation {
  readonly kind:
    | 'bad-shape'
    | 'bad-offset'
    | 'bad-chunk'
    | 'misaligned'
    | 'fixed-moved'
    | 'chunk-too-small'
    | 'chunk-too-large'
    | 'overlap';
  /** The buffers concerned, lower index first: two for an overlap, none for a chunk's own size. */
  readonly buffers: readonly number[];
  readonly message: string;
}

/** Returns every violation; none means that the placement is valid. O((n + violations) log n). */
export function verifyPlacement(
  problem: Problem,
  placement: PlacementColumns,
  limits: PlacementLimits = {},
): PlacementViolation[] {
  const { offsets, chunkOf } = placement;
  if (offsets.length !== problem.bufferCount || chunkOf.length !== problem.bufferCount) {
    const message = `${offsets.length} offsets and ${chunkOf.length} chunk indices for ${problem.bufferCount} buffers`;
    return [{ kind: 'bad-shape', buffers: [], message }];
  }
  const violations: PlacementViolation[] = [];
  for (let b = 0; b < problem.bufferCount; b++) checkBuffer(problem, placement, b, violations);
  if (violations.some(({ kind }) => kind === 'bad-offset' || kind === 'bad-chunk')) return violations;
  checkChunkSizes(problem, placement, limits, violations);
  return violations.concat(findOverlaps(problem, placement));
}

function checkBuffer(
  { sizes, alignments, fixedOffsets }: Problem,
  { offsets, chunkOf, chunks }: PlacementColumns,
  b: number,
  violations: PlacementViolation[],
): void {
  const offset = offsets[b];
  const chunk = chunkOf[b];
  const report = (kind: PlacementViolation['kind'], message: string): void => {
    violations.push({ kind, buffers: [b], message: `buffer ${b} ${message}` });
  };
  if (!Number.isSafeInteger(offset) || offset < 0 || !Number.isSafeInteger(offset + sizes[b])) {
    return report('bad-offset', `is at ${offset}`);
  }
  if (!Number.isInteger(chunk) || chunk < 0 || chunk >= chunks.length) {
    return report('bad-chunk', `is in chunk ${chunk} of ${chunks.length}`);
  }
  if (offset % alignments[b] !== 0) report('misaligned', `is at ${offset}, no multiple of ${alignments[b]}`);
  if (offset + sizes[b] > chunks[chunk]) {
    report('chunk-too-small', `ends at ${offset + sizes[b]}, but chunk ${chunk} has ${chunks[chunk]} bytes`);
  }
  const fixed = fixedOffsets === null ? NaN : fixedOffsets[b];
  if (!Number.isNaN(fixed) && (offset !== fixed || chunk !== 0)) {
    report('fixed-moved', `is at ${offset} in chunk ${chunk}, but belongs at ${fixed} in chunk 0`);
  }
}

function checkChunkSizes(
  { bufferCount, sizes }: Problem,
  { chunkOf, chunks }: PlacementColumns,
  { maxChunkSize = Infinity, allowOversize = false }: PlacementLimits,
  violations: PlacementViolation[],
): void {
  const limits = new Float64Array(chunks.length).fill(maxChunkSize);
  if (allowOversize) for (let b = 0; b < bufferCount; b++) limits[chunkOf[b]] = Math.max(limits[chunkOf[b]], sizes[b]);
  for (let chunk = 0; chunk < chunks.length; chunk++) {
    if (chunks[chunk] <= limits[chunk]) continue;
    const message = `chunk ${chunk} has ${chunks[chunk]} bytes, above its limit of ${limits[chunk]}`;
    violations.push({ kind: 'chunk-too-large', buffers: [], message });
  }
}

/** The bytes that one buffer needs during one part of its life. */
interface Rectangle {
  readonly buffer: number;
  readonly start: number;
  readonly end: number;
  readonly chunk: number;
  readonly bottom: number;
  readonly top: number;
}

function rectanglesOf(problem: Problem, { offsets, chunkOf }: PlacementColumns): Rectangle[] {
  const { bufferCount, sizes, starts, ends, gaps } = problem;
  const rectangles: Rectangle[] = [];
  for (let buffer = 0; buffer < bufferCount; buffer++) {
    const push = (start: number, end: number, lower: number, upper: number): void => {
      if (start === end || lower === upper) return;
      const bottom = offsets[buffer] + lower;
      rectangles.push({ buffer, start, end, chunk: chunkOf[buffer], bottom, top: offsets[buffer] + upper });
    };
    let start = starts[buffer];
    if (gaps !== null) {
      for (let g = gaps.first[buffer]; g < gaps.first[buffer + 1]; g++) {
        push(start, gaps.starts[g], 0, sizes[buffer]);
        push(gaps.starts[g], gaps.ends[g], gaps.lowers[g], gaps.uppers[g]);
        start = gaps.ends[g];
      }
    }
    push(start, ends[buffer], 0, sizes[buffer]);
  }
  return rectangles;
}

function findOverlaps(problem: Problem, placement: PlacementColumns): PlacementViolation[] {
  const violations: PlacementViolation[] = [];
  const reported = new Set<number>();
  const byChunk = Array.from(placement.chunks, (): Rectangle[] => []);
  for (const rectangle of rectanglesOf(problem, placement)) byChunk[rectangle.chunk].push(rectangle);
  for (const rectangles of byChunk) {
    sweep(rectangles, (a, b) => {
      const low = Math.min(a.buffer, b.buffer);
      const high = Math.max(a.buffer, b.buffer);
      if (reported.has(low * problem.bufferCount + high)) return;
      reported.add(low * problem.bufferCount + high);
      const bytes = `[${Math.max(a.bottom, b.bottom)}, ${Math.min(a.top, b.top)})`;
      const message = `buffers ${low} and ${high} share bytes ${bytes} of chunk ${a.chunk} at step ${b.start}`;
      violations.push({ kind: 'overlap', buffers: [low, high], message });
    });
  }
  return violations;
}

/** Reports every pair of rectangles of one chunk that intersect, the one that starts later second. */
function sweep(rectangles: Rectangle[], report: (earlier: Rectangle, later: Rectangle) => void): void {
  rectangles.sort((a, b) => a.bottom - b.bottom);
  const count = rectangles.length;
  const byStart = Array.from(rectangles.keys()).sort((a, b) => rectangles[a].start - rectangles[b].start);
  const byEnd = Array.from(rectangles.keys()).sort((a, b) => rectangles[a].end - rectangles[b].end);

  // A binary tree over the rectangles by bottom; tops[node] is the highest top of a live one below that node.
  const leafCount = 2 ** Math.ceil(Math.log2(Math.max(1, count)));
  const tops = new Float64Array(2 * leafCount).fill(-Infinity);
  const setTop = (rank: number, top: number): void => {
    tops[leafCount + rank] = top;
    for (let node = Math.floor((leafCount + rank) / 2); node >= 1; node = Math.floor(node / 2)) {
      tops[node] = Math.max(tops[2 * node], tops[2 * node + 1]);
    }
  };
  /** Visits the live rectangles below `node`, which starts at rank `first` and spans `width`, that meet `later`. */
  const visit = (node: number, first: number, width: number, later: Rectangle): void => {
    if (tops[node] <= later.bottom || first >= count || rectangles[first].bottom >= later.top) return;
    if (width === 1) return report(rectangles[first], later);
    visit(2 * node, first, width / 2, later);
    visit(2 * node + 1, first + width / 2, width / 2, later);
  };

  let ended = 0;
  for (const rank of byStart) {
    const rectangle = rectangles[rank];
    for (; rectangles[byEnd[ended]].end <= rectangle.start; ended++) setTop(byEnd[ended], -Infinity);
    visit(1, 0, leafCount, rectangle);
    setTop(rank, rectangle.top);
  }
}
