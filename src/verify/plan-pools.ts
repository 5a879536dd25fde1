/**
 * Which memory each chunk of a plan lies in, and which memory each storage must lie in.
 *
 *     pool    CUDA0           CUDA_Host        Chunks are counted over all pools; those of a pool follow one another.
 *     chunk   0        1      2
 *
 * Invariant: pools that the caller gives come before what a plan says of its own. A plan without pools is one memory.
 */
import type { Pool, Pools } from '../graph/pools.js';
import { isPowerOfTwo } from '../units.js';
import type { PlanLike, PlanPool } from './plan-like.js';

/** What a memory asks of what lies in it. Bytes. */
export interface Memory {
  readonly alignment: number;
  readonly maxChunkSize: number;
}

/** The memories of a plan. */
export class PlanMemories {
  /** What is wrong with the lists of pools, one part of a sentence for each fault. */
  readonly faults: readonly string[];
  readonly #pools: readonly PlanPool[];
  readonly #given: Pools | null;
  readonly #whole: Memory;

  /** @param whole what is asked of a plan without pools, and of chunks that are in none. Default: nothing */
  constructor(plan: PlanLike, given: Pools | null, whole: Memory = { alignment: 1, maxChunkSize: Infinity }) {
    this.#given = given;
    this.#whole = whole;
    const stated = plan.pools ?? [];
    this.faults = [...faultsOfPools(plan, stated), ...(given === null ? [] : disagreements(stated, given.list))];
    this.#pools = this.faults.length === 0 ? stated : [];
  }

  /** What is asked of the storages in a chunk. */
  ofChunk(chunk: number): Memory {
    const pool = this.#poolOfChunk(chunk);
    if (pool === undefined) return this.#whole;
    const { alignment, maxChunkSize = Infinity } = pool;
    return { alignment, maxChunkSize: Math.min(maxChunkSize, this.#whole.maxChunkSize) };
  }

  /** Where the storage of the tensor `id` is, which lies in `chunk`, if that is not its pool; null if it is. */
  wrongPool(id: number, chunk: number): { readonly found: string; readonly expected: string } | null {
    if (this.#given === null || this.#pools.length === 0) return null;
    const expected = this.#given.list[this.#given.of[id]].name;
    const found = this.#poolOfChunk(chunk)?.name;
    return found === undefined || found === expected ? null : { found, expected };
  }

  #poolOfChunk(chunk: number): PlanPool | undefined {
    return this.#pools.find(({ firstChunk, chunks }) => firstChunk <= chunk && chunk < firstChunk + chunks.length);
  }
}

/** What the pools of a plan say at odds with the plan, or with themselves. */
function faultsOfPools({ chunks, alignment }: PlanLike, pools: readonly PlanPool[]): string[] {
  const faults: string[] = [];
  let next = 0;
  for (const pool of pools) {
    const { name, firstChunk, bufferSize } = pool;
    if (!isPowerOfTwo(pool.alignment)) faults.push(`pool ${name} has the alignment ${pool.alignment}, no power of two`);
    if (firstChunk !== next)
      faults.push(`pool ${name} begins at chunk ${firstChunk}, but the pools before it end at ${next}`);
    pool.chunks.forEach((size, index) => {
      const found = chunks[next + index] as number | undefined;
      const where = `chunk ${next + index}, of pool ${name},`;
      if (found !== size) faults.push(`${where} has ${size} bytes there, but ${found ?? 'none'} in the plan`);
    });
    const sum = pool.chunks.reduce((a, b) => a + b, 0);
    if ((bufferSize ?? sum) !== sum)
      faults.push(`pool ${name} takes ${bufferSize} bytes, but its chunks add up to ${sum}`);
    next += pool.chunks.length;
  }
  if (pools.length === 0) return faults;
  if (next !== chunks.length) faults.push(`the pools have ${next} chunks, but the plan has ${chunks.length}`);
  const largest = Math.max(...pools.map((pool) => pool.alignment));
  if (alignment !== largest) faults.push(`alignment is ${alignment}, but that of the pools is up to ${largest}`);
  return faults;
}

/** Where the pools that a plan states are not those that it was to be made for. */
function disagreements(stated: readonly PlanPool[], given: readonly Pool[]): string[] {
  if (stated.length !== given.length) return [`the plan has ${stated.length} pools, but the graph has ${given.length}`];
  return given.flatMap((pool, index) => {
    const [found, expected] = [describe(stated[index]), describe(pool)];
    return found === expected ? [] : [`pool ${index} is ${found} in the plan, but ${expected} in the graph`];
  });
}

function describe({ name, alignment, maxChunkSize = Infinity }: Partial<Pool>): string {
  const limit = maxChunkSize === Infinity ? 'of any size' : `of at most ${maxChunkSize} bytes`;
  return `${name} with an alignment of ${alignment} and chunks ${limit}`;
}
