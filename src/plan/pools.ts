/**
 * Places the buffers of a graph pool by pool. A plan counts chunks over all pools: those of a pool follow one another.
 *
 *     pool    CUDA0           CUDA_Host        Each pool is a problem of its own for the allocator, which knows
 *     chunk   0        1      2                nothing of the others.
 */
import type { GraphTable } from '../graph/table.js';
import type { Pool, Pools } from '../graph/pools.js';
import { NO_BUFFER, type Liveness } from '../liveness/liveness.js';
import { liveLoad } from '../problem/lower-bound.js';
import { selectBuffers } from '../problem/select.js';
import { placeWith } from './allocator-choice.js';
import { placementSize, type Allocator, type Placement } from '../solver/allocator.js';

/** What one pool of a plan needs. */
export interface PoolMeasurement extends Pool {
  /** Bytes: the sum of its chunks. */
  readonly bufferSize: number;
  /** The size of each of its chunks; the first one is chunk `firstChunk` of the plan. */
  readonly chunks: readonly number[];
  readonly firstChunk: number;
  /** Bytes that no placement with this order and these reuses can go below. */
  readonly lowerBound: number;
  /** Whether `bufferSize` is proven minimal for this order and these reuses. */
  readonly isOptimal: boolean;
  /** Storages that share the pool. */
  readonly bufferCount: number;
}

/** A placement in several pools. */
export interface PooledPlacement {
  /** Chunks are those of the plan; the lower bound is that of all pools together. */
  readonly placement: Placement;
  readonly pools: readonly PoolMeasurement[];
}

/** Places each pool's buffers with `allocator`. */
export function placeInPools(
  table: GraphTable,
  { problem, bufferOf }: Liveness,
  pools: Pools,
  allocator: Allocator,
  allowOversize: boolean,
): PooledPlacement {
  const poolOf = poolsOfBuffers(table, bufferOf, pools, problem.bufferCount);
  const offsets = new Float64Array(problem.bufferCount);
  const chunkOf = new Int32Array(problem.bufferCount);
  const chunks: number[] = [];
  const measured = pools.list.map((pool, index) => {
    const buffers = Int32Array.from(poolOf.keys()).filter((buffer) => poolOf[buffer] === index);
    const part = selectBuffers(problem, buffers);
    const placed = placeWith(allocator, part, { maxChunkSize: pool.maxChunkSize, allowOversize });
    const firstChunk = chunks.length;
    buffers.forEach((buffer, i) => {
      offsets[buffer] = placed.offsets[i];
      chunkOf[buffer] = firstChunk + placed.chunkOf[i];
    });
    chunks.push(...placed.chunks);
    const bufferSize = placementSize(placed);
    const lowerBound = placed.lowerBound ?? liveLoad(part).bytes;
    const isOptimal = bufferSize === lowerBound;
    return {
      ...pool,
      bufferSize,
      chunks: placed.chunks,
      firstChunk,
      lowerBound,
      isOptimal,
      bufferCount: buffers.length,
    };
  });
  const lowerBound = measured.reduce((sum, pool) => sum + pool.lowerBound, 0);
  return { placement: { offsets, chunkOf, chunks, lowerBound }, pools: measured };
}

/** The pool of each buffer: that of the tensors in it. */
function poolsOfBuffers(table: GraphTable, bufferOf: Int32Array, pools: Pools, bufferCount: number): Uint8Array {
  const poolOf = new Uint8Array(bufferCount);
  for (let id = 0; id < table.tensorCount; id++) if (bufferOf[id] !== NO_BUFFER) poolOf[bufferOf[id]] = pools.of[id];
  return poolOf;
}
