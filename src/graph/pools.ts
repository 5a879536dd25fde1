/**
 * Pools: memories that a plan fills one by one, such as the memory of each device.
 *
 * Invariant: a storage lies in one pool, and a node reuses an operand only within its pool.
 */
import { checkArgument, isListLike } from '../errors.js';
import { checkAlignment } from '../units.js';

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

const REMEDY = 'Give the pools that scheduleGraph returned.';

/** @throws PlannerError `BAD_ARGUMENT`, `BAD_ALIGNMENT` unless each pool is one */
export function checkPools(pools: Pools): void {
  const { list, of } = (pools ?? {}) as Partial<Record<keyof Pools, unknown>>;
  const areLists = isListLike(list) && list.length > 0 && isListLike(of);
  checkArgument(areLists, 'pools', pools, 'lists { list, of }, of at least one pool', REMEDY);
  pools.list.forEach((pool: Partial<Pool> | null, index) => {
    const at = `pools.list[${index}]`;
    const { name, alignment = NaN, maxChunkSize = NaN } = pool ?? {};
    checkArgument(typeof name === 'string', `${at}.name`, name, 'a string', REMEDY);
    checkAlignment(alignment, `${at}.alignment`);
    checkArgument(maxChunkSize >= 1, `${at}.maxChunkSize`, maxChunkSize, 'a number of bytes of at least 1', REMEDY);
  });
}

/** @throws PlannerError `BAD_ARGUMENT` unless each of `tensorCount` tensors belongs to one of the pools */
export function checkPoolOfEach({ list, of }: Pools, tensorCount: number): void {
  const isComplete = of.length === tensorCount;
  checkArgument(isComplete, 'pools.of', `${of.length} entries`, `${tensorCount}, one for each tensor`, REMEDY);
  const stranger = of.findIndex((pool) => !(pool < list.length));
  const limit = `an index from 0 to ${list.length - 1}`;
  checkArgument(stranger === -1, `pools.of[${stranger}]`, of[stranger], limit, REMEDY);
}
