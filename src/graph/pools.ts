/**
 * Pools: memories that a plan fills one by one, such as the memory of each device.
 *
 * Invariant: a storage lies in one pool, and a node reuses an operand only within its pool.
 */

/** A memory that buffers are placed into. */
export interface Pool {
  readonly name: string;
  /** Offsets and sizes are multiples of this power of two, bytes. */
  readonly alignment: number;
  /** Most bytes of one chunk; `Infinity` without a limit. */
  readonly maxChunkSize: number;
}

/** The pools of a graph, and which of them each tensor belongs to. */
export interface Pools {
  readonly list: readonly Pool[];
  /** Index in `list`, by tensor id. */
  readonly of: Uint8Array;
}
