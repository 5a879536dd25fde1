/**
 * The interface of every allocator: a {@link Problem} in, a {@link Placement} out.
 *
 * Invariant: offsets are multiples of the buffers' alignments, and no two buffers of one chunk share a byte at a step
 * at which both need it. The allocators trust their input; `createProblem` has checked it.
 */
import type { OptionNames } from '../errors.js';
import type { Problem } from '../problem/problem.js';

/** Where every buffer of a problem goes. */
export interface Placement {
  /** Byte offset within its chunk, one per buffer. */
  readonly offsets: Float64Array;
  /** Chunk index, one per buffer. */
  readonly chunkOf: Int32Array;
  /** Bytes of each chunk: the highest end in it. */
  readonly chunks: readonly number[];
  /** Bytes that no placement can go below; absent if the allocator has proven nothing. */
  readonly lowerBound?: number;
}

/** Limits that the caller sets. */
export interface PlaceOptions {
  /** Bytes that one chunk may hold. Default: unlimited, a single chunk. */
  readonly maxChunkSize?: number;
  /**
   * Whether a buffer above `maxChunkSize` gets a chunk of its own size instead of an error; others may join it. Buffers with a
   * fixed offset must end by `maxChunkSize`, or by the largest size among them. Default false.
   */
  readonly allowOversize?: boolean;
}

/** The option names, for checks. */
export const PLACE_OPTIONS: OptionNames<PlaceOptions> = { maxChunkSize: true, allowOversize: true };

/** A way to place buffers: pure and deterministic. */
export interface Allocator {
  readonly name: string;
  /** Whether buffers of no bytes make a difference to it. Default false: it is not given any. */
  readonly placesEmptyBuffers?: boolean;
  /**
   * Places every buffer. Offsets are in bytes from the start of the chunk.
   *
   * @throws PlannerError `OVERSIZE` if a buffer is above `maxChunkSize` or fixed beyond it, `FIXED_OVERLAP` if fixed
   *   offsets collide, `BAD_ARGUMENT`. The allocator `ggml` accepts a buffer above `maxChunkSize`, but throws
   *   `BAD_ARGUMENT` for a fixed offset, which it cannot keep, and `BYTES_TOO_LARGE` if its placement, with all sizes
   *   padded to the largest alignment, exceeds 2^53 - 1 bytes.
   */
  place(problem: Problem, options?: PlaceOptions): Placement;
}

/** The bytes of all chunks together: the compute-buffer size. */
export function placementSize(placement: Placement): number {
  let sum = 0;
  for (const size of placement.chunks) sum += size;
  return sum;
}
