/**
 * The true minimum of a tiny problem, by trying every order, or every offset.
 */
import type { BufferSpec, Problem } from '../../src/problem/problem.js';
import { verifyPlacement } from '../../src/verify/placement.js';

/**
 * Sorted by offset, an optimal placement from which nothing can be moved down is what first fit makes of that order, so
 * the best of all orders is the minimum. Shares no code with the library; gaps must release all bytes.
 */
export function minimumPeak(buffers: readonly BufferSpec[]): number {
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

function shareStep(a: BufferSpec, b: BufferSpec): boolean {
  const isLive = ({ start, end, gaps = [] }: BufferSpec, step: number): boolean =>
    start <= step && step < end && !gaps.some((gap) => gap.start <= step && step < gap.end);
  for (let step = Math.max(a.start, b.start); step < Math.min(a.end, b.end); step++) {
    if (isLive(a, step) && isLive(b, step)) return true;
  }
  return false;
}

/** Tries all offsets of one buffer after the other, judged by the verifier alone; gaps may leave any part. */
export function minimumOfAllOffsets(problem: Problem): number {
  const { bufferCount, sizes, alignments, fixedOffsets } = problem;
  const offsets = new Array<number>(bufferCount).fill(0);
  const highestFixed = Math.max(0, ...(fixedOffsets ?? []).map((offset) => offset || 0));
  let best = sizes.reduce((sum, size, b) => sum + size + alignments[b], highestFixed);
  const place = (b: number, peak: number): void => {
    if (b === bufferCount) {
      const placement = { offsets, chunkOf: new Int32Array(bufferCount), chunks: [peak] };
      if (verifyPlacement(problem, placement).length === 0) best = peak;
      return;
    }
    const fixed = fixedOffsets?.[b] ?? NaN;
    for (offsets[b] = Number.isNaN(fixed) ? 0 : fixed; ; offsets[b] += alignments[b]) {
      const top = Math.max(peak, offsets[b] + sizes[b]);
      if (top >= best) return;
      place(b + 1, top);
      if (!Number.isNaN(fixed)) return;
    }
  };
  place(0, 0);
  return best;
}

/**
 * The least total of all chunks of limited size: of every way to deal the buffers out, each chunk by every order. A chunk may be as
 * large as the largest buffer in it.
 */
export function minimumTotal(buffers: readonly BufferSpec[], maxChunkSize: number): number {
  const count = 2 ** buffers.length;
  const has = (set: number, b: number): boolean => Math.floor(set / 2 ** b) % 2 === 1;
  const alone = Array.from({ length: count }, (_, set) => minimumPeak(buffers.filter((_, b) => has(set, b))));
  const limits = Array.from({ length: count }, (_, set) =>
    buffers.reduce((most, { size }, b) => (has(set, b) ? Math.max(most, size) : most), maxChunkSize),
  );
  const best = [0];
  for (let set = 1; set < count; set++) {
    best[set] = Infinity;
    // The first of its buffers is in some chunk, with a part of the others.
    const first = buffers.findIndex((_, b) => has(set, b));
    for (let part = 1; part <= set; part++) {
      const isPart = has(part, first) && buffers.every((_, b) => !has(part, b) || has(set, b));
      if (isPart && alone[part] <= limits[part]) best[set] = Math.min(best[set], alone[part] + best[set - part]);
    }
  }
  return best[count - 1];
}
