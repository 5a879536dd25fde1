/**
 * Limits that a user asked for, and what does not keep them: a sentence, or `undefined` if all is within them.
 */
import type { Placement } from '../solver/allocator.js';
import type { CsvProblem } from '../problem/csv.js';
import { exactBytes } from '../format.js';
import type { Measurement } from '../plan/measure.js';
import type { Flags } from './flags.js';

/** Of the allocators only ggml's makes a chunk larger than it may be; the others refuse the tensor. */
export function oversizeChunk(chunks: readonly number[], { maxChunkSize = Infinity }: Flags): string | undefined {
  const chunk = chunks.findIndex((size) => size > maxChunkSize);
  if (chunk === -1) return undefined;
  const has = `chunk ${chunk} has ${exactBytes(chunks[chunk])}, but --max-chunk-size is ${exactBytes(maxChunkSize)}`;
  return `${has}; one tensor alone is larger, and the allocator ggml makes its chunk as large`;
}

/** The same for the pools that a graph file names. */
export function oversizePool({ pools }: Pick<Measurement, 'pools'>): string | undefined {
  const pool = pools?.find(({ chunks, maxChunkSize }) => chunks.some((size) => size > maxChunkSize));
  if (pool === undefined) return undefined;
  const { name, chunks, maxChunkSize } = pool;
  const has = `a chunk of pool ${name} has ${exactBytes(Math.max(...chunks))}, but its limit is ${exactBytes(maxChunkSize)}`;
  return `${has}; one tensor alone is larger, and the allocator ggml makes its chunk as large`;
}

/** The same for a placed problem, whose rows may ask for less than `--alignment`. */
export function brokenLimit(csv: CsvProblem, placement: Placement, flags: Flags): string | undefined {
  const { alignment = 1 } = flags;
  const buffer = placement.offsets.findIndex((offset) => offset % alignment !== 0);
  if (buffer === -1) return oversizeChunk(placement.chunks, flags);
  const place = `buffer ${csv.ids[buffer]} is at offset ${placement.offsets[buffer]}, no multiple of --alignment ${alignment}`;
  return `${place}; its own row asks for ${csv.problem.alignments[buffer]} only`;
}
