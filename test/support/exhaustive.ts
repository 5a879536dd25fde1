/**
 * The true minimum of a tiny problem, by trying every order, or every offset.
 */
import type { Buffer, Problem } from '../../src/problem/problem.js';
import { verifyPlacement } from '../../src/verify/placement.js';

/**
 * Sorted by offset, an optimal placement from which nothing can be moved down is what first fit makes of that order, so
 * the best of all orders is the minimum. Shares no code with the library; gaps must release all bytes.
 */
export function minimumPeak(buffers: readonly Buffer[]): number {
  const meet = buffers.map((a) => buffers.map((b) => shareStep(a, b)));
  const offsets = buffers.map(({ fixedOffset }) => fixedOffset ?? -1);
  let best = Infinity;
  const extend = (peak: number): void => {
    if (peak >= best) return;
    if (!offsets.includes(-1)) best = peak;
    buffers.forEach(({ size, alignment = 1 }, b) => {
      if (offsets[b] !== -1) return;
      const collides = (offset: number): boolean =>
        buffers.some(
          (other, o) =>
            o !== b &&
            meet[b][o] &&
            offsets[o] !== -1 &&
            offset < offsets[o] + other.size &&
            offsets[o] < offset + size,
        );
      let offset = 0;
      while (collides(offset)) offset += alignment;
      offsets[b] = offset;
      extend(Math.max(peak, offset + size));
      offsets[b] = -1;
    });
  };
  extend(Math.max(0, ...buffers.map(({ size, fixedOffset }) => (fixedOffset === undefined ? 0 : fixedOffset + size))));
  return best;
}

function shareStep(a: Buffer, b: Buffer): boolean {
  const isLive = ({ start, end, gaps = [] }: Buffer, step: number): boolean =>
    start <= step && step < end && !gaps.some((gap) => gap.start <= step && step < gap.end);
  for (let step = Math.max(a.start, b.start); step < Math.min(a.end, b.end); step++) {
    if (isLive(a, step) && isLive(b, step)) return true;
  }
  return false;
}

/** Tries every offset of every buffer, judged by the verifier alone; gaps may leave any part. */
export function minimumOfAllOffsets(problem: Problem): number {
  const { bufferCount, sizes, alignments } = problem;
  const offsets = new Array<number>(bufferCount).fill(0);
  const most = sizes.reduce((sum, size) => sum + size + 1, 0);
  let best = Infinity;
  for (;;) {
    const peak = offsets.reduce((top, offset, b) => Math.max(top, offset + sizes[b]), 0);
    const placement = { offsets, chunkOf: new Int32Array(bufferCount), chunks: [peak] };
    if (peak < best && verifyPlacement(problem, placement).length === 0) best = peak;
    let b = 0;
    while (b < bufferCount && (offsets[b] += alignments[b]) > most) offsets[b++] = 0;
    if (b === bufferCount) return best;
  }
}
