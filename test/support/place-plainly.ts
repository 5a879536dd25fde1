/**
 * Lowest fit in the plainest way: every buffer at the lowest aligned offset at which it collides with none before it.
 * Shares no code with the library. O(buffers) for each buffer, but slow.
 */
import type { Buffer } from '../../src/problem/problem.js';

/** A stretch of steps in which a buffer needs the same bytes. */
interface Piece {
  readonly start: number;
  readonly end: number;
  readonly lower: number;
  readonly upper: number;
}

function piecesOf({ start, end, size, gaps = [] }: Buffer): Piece[] {
  const pieces: Piece[] = [];
  let from = start;
  for (const gap of gaps) {
    const { lower = 0, upper = lower } = gap;
    pieces.push(
      { start: from, end: gap.start, lower: 0, upper: size },
      { start: gap.start, end: gap.end, lower, upper },
    );
    from = gap.end;
  }
  return [...pieces, { start: from, end, lower: 0, upper: size }].filter((p) => p.start < p.end && p.lower < p.upper);
}

/** Offsets of buffers that are placed in the given order. */
export function placePlainly(buffers: readonly Buffer[], order: Iterable<number>): Float64Array {
  const pieces = buffers.map(piecesOf);
  const offsets = new Float64Array(buffers.length);
  const placed: number[] = [];
  for (const b of order) {
    const { alignment = 1 } = buffers[b];
    // What the placed buffers rule out: the open interval between low and high for each two pieces that meet.
    const ruled = placed.flatMap((a) =>
      pieces[a].flatMap((p) =>
        pieces[b]
          .filter((q) => p.start < q.end && q.start < p.end)
          .map((q) => ({ low: offsets[a] + p.lower - q.upper, high: offsets[a] + p.upper - q.lower })),
      ),
    );
    ruled.sort((x, y) => x.low - y.low);
    let offset = 0;
    for (const { low, high } of ruled) {
      if (low < offset && offset < high) offset = Math.ceil(high / alignment) * alignment;
    }
    offsets[b] = offset;
    placed.push(b);
  }
  return offsets;
}
