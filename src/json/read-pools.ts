/**
 * The memories of a graph file, and which of them each storage lies in.
 *
 * Invariant: a view lies where its storage lies, and says nothing of it.
 */
import type { Pools } from '../graph/pools.js';
import { isPowerOfTwo } from '../units.js';
import { expectField, isObject } from './fields.js';
import type { GraphPoolJson, TensorJson } from './write.js';

/** Null if the file says nothing of them. @throws PlannerError `BAD_DOCUMENT` */
export function readPools(document: unknown, rows: readonly TensorJson[]): Pools | null {
  const { pools } = document as { readonly pools?: unknown };
  if (pools !== undefined) expectField(Array.isArray(pools) && pools.length > 0, 'pools', pools, 'a list of pools');
  const list = ((pools ?? []) as unknown[]).map((pool, index) => poolOf(pool, `pools[${index}]`));
  const most = list.length - 1;
  const limit = most < 0 ? 'left out, for the file has no pools' : `an integer from 0 to ${most}`;
  rows.forEach(({ pool, view, name }, id) => {
    const at = `tensors[${id}] (${name}).pool`;
    expectField(pool === undefined || (Number.isInteger(pool) && pool >= 0 && pool <= most), at, pool, limit);
    expectField(pool === undefined || view === undefined, at, pool, 'left out of a view, which lies with its storage');
  });
  if (list.length === 0) return null;
  return { list, of: Uint8Array.from(rows, ({ pool, view }) => pool ?? rows[view ?? -1]?.pool ?? 0) };
}

function poolOf(pool: unknown, at: string): Pools['list'][number] {
  expectField(isObject(pool), at, pool, 'an object');
  const { name, alignment, maxChunkSize = Infinity, ...rest } = pool as Partial<GraphPoolJson>;
  expectField(typeof name === 'string', `${at}.name`, name, 'a string');
  expectField(isPowerOfTwo(alignment!), `${at}.alignment`, alignment, 'a power of two');
  const isCount = maxChunkSize === Infinity || (Number.isSafeInteger(maxChunkSize) && maxChunkSize >= 1);
  expectField(isCount, `${at}.maxChunkSize`, maxChunkSize, 'an integer from 1 to 2^53 - 1, or left out');
  const [stranger] = Object.keys(rest);
  expectField(stranger === undefined, `${at}.${stranger}`, 'given', 'name, alignment or maxChunkSize');
  return { name, alignment: alignment!, maxChunkSize };
}
