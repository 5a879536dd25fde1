/**
 * Places buffers by size into chunks of limited size: each into the chunk that grows least, by the lowest fit.
 *
 * Invariant: a new chunk is opened only if the buffer fits into no other; fixed offsets are in the first chunk.
 * O(chunks) times the cost of one chunk.
 */
import type { Problem } from '../../problem/problem.js';
import type { Placement } from '../allocator.js';
import { bySize } from '../orders.js';
import { LowestFit } from './lowest-fit.js';
import type { Timeline } from './timeline.js';

/** `maxChunkSize` as in `PlaceOptions`; a buffer above it gets a chunk of its own size. */
export function placeInChunks(problem: Problem, timeline: Timeline, maxChunkSize: number): Placement {
  const { bufferCount, sizes, fixedOffsets } = problem;
  const fits: LowestFit[] = [];
  const chunks: number[] = [];
  const limits: number[] = [];
  const offsets = new Float64Array(bufferCount);
  const chunkOf = new Int32Array(bufferCount);
  const open = (): number => {
    fits.push(new LowestFit(problem, timeline));
    limits.push(maxChunkSize);
    return chunks.push(0) - 1;
  };
  if (fixedOffsets !== null) chunks[open()] = fits[0].takeFixed(maxChunkSize);

  for (const b of bySize(problem)) {
    const size = sizes[b];
    const fixed = fixedOffsets === null ? NaN : fixedOffsets[b];
    if (!Number.isNaN(fixed)) {
      offsets[b] = fixed;
      continue;
    }
    let chunk = -1;
    let growth = Infinity;
    for (let c = 0; c < chunks.length && growth > 0; c++) {
      const offset = fits[c].find(b);
      const end = offset + size;
      if (end > Math.max(limits[c], size) || end - chunks[c] >= growth) continue;
      chunk = c;
      offsets[b] = offset;
      growth = Math.max(0, end - chunks[c]);
    }
    if (chunk === -1) {
      chunk = open();
      offsets[b] = 0;
    }
    fits[chunk].take(b, offsets[b]);
    chunkOf[b] = chunk;
    chunks[chunk] = Math.max(chunks[chunk], offsets[b] + size);
    limits[chunk] = Math.max(limits[chunk], size);
  }
  return { offsets, chunkOf, chunks };
}
