/**
 * PyTorch's CUDA caching allocator, by its public rules (`c10/cuda/CUDACachingAllocator.cpp`), for one stream and default
 * settings. It takes segments of the driver, splits them into blocks, and keeps what is freed.
 *
 * - A request is rounded up to 512 bytes. Up to 1 MiB it comes from the small pool, else from the large one.
 * - The smallest free block that holds it is taken, the one with the lowest address of equal ones. What is left over stays free
 *   if it is at least 512 bytes (small pool, expandable segments) or above 1 MiB (large pool).
 * - If no block holds it, the driver gives a segment: 2 MiB in the small pool; in the large one 20 MiB below 10 MiB, and
 *   else a multiple of 2 MiB. If the driver has no memory left, segments that are free as a whole go back to it first.
 * - An expandable segment is one stretch of addresses for each pool, to which 2 or 20 MiB of memory are mapped at a time.
 */
import { alignUp } from '../../units.js';
import { Blocks, FREE, LARGE, NONE, SMALL, UNMAPPED, USED } from './blocks.js';

const MIB = 1024 ** 2;

/** Every block is a multiple of so many bytes, and has at least as many. */
const MIN_BLOCK = 512;

/** The largest request of the small pool. */
const SMALL_REQUEST = MIB;

/** By pool, bytes of a segment for small requests of the pool, and the unit of expandable segments. */
const SEGMENT = [2 * MIB, 20 * MIB];

/** From here on a request of the large pool has a segment of its own size. */
const LARGE_REQUEST = 10 * MIB;

/** Segments of their own size are multiples of this. */
const LARGE_UNIT = 2 * MIB;

/** Addresses of an expandable segment where no capacity says how many can ever be mapped. */
const ADDRESSES = 2 ** 44;

/** The allocator at work: requests in, blocks out. */
export class CachingAllocator {
  /** Bytes that the driver has given. */
  reserved = 0;
  /** Bytes of used blocks. */
  allocated = 0;
  /** How often all free segments went back to the driver. */
  retries = 0;
  readonly #blocks = new Blocks();
  readonly #capacity: number;
  readonly #isExpandable: boolean;
  #nextAddress = 0;

  /** @param capacity bytes that the driver has */
  constructor(capacity: number, isExpandable: boolean) {
    this.#capacity = capacity;
    this.#isExpandable = isExpandable;
  }

  /** A block for so many bytes, at least 1; null if there is no memory left. O(log n) comparisons. */
  allocate(bytes: number): number | null {
    const size = alignUp(bytes, MIN_BLOCK);
    const pool = size <= SMALL_REQUEST ? SMALL : LARGE;
    let block = this.#fromCache(pool, size) ?? this.#fromDriver(pool, size);
    if (block === null) {
      this.retries++;
      this.#releaseCached();
      block = this.#fromDriver(pool, size);
    }
    if (block === null) return null;
    const rest = this.#blocks.size[block] - size;
    const least = pool === SMALL || this.#isExpandable ? MIN_BLOCK : SMALL_REQUEST + 1;
    if (rest >= least) this.#blocks.settle(this.#blocks.split(block, size), FREE);
    this.allocated += this.#blocks.size[block];
    return block;
  }

  /** Gives a block back to the cache. */
  free(block: number): void {
    this.allocated -= this.#blocks.size[block];
    this.#blocks.settle(block, FREE);
  }

  #fromCache(pool: number, size: number): number | null {
    const { free } = this.#blocks;
    let position = this.#blocks.firstFit(pool, size);
    if (position === free[pool].length) return null;
    if (this.#isExpandable) {
      // What a block can grow to counts as its size, so that one with open addresses behind it is taken last.
      while (
        position + 1 < free[pool].length &&
        this.#growable(free[pool][position + 1]) < this.#growable(free[pool][position])
      ) {
        position++;
      }
    }
    const block = free[pool][position];
    this.#blocks.take(block);
    return block;
  }

  #growable(block: number): number {
    const { size, next, state } = this.#blocks;
    const behind = next[block];
    return size[block] + (behind !== NONE && state[behind] === UNMAPPED ? size[behind] : 0);
  }

  #fromDriver(pool: number, size: number): number | null {
    if (this.#isExpandable) return this.#expand(pool, size);
    const isShared = pool === SMALL || size < LARGE_REQUEST;
    const segment = isShared ? SEGMENT[pool] : alignUp(size, LARGE_UNIT);
    if (this.reserved + segment > this.#capacity) return null;
    this.reserved += segment;
    const block = this.#blocks.add(pool, this.#nextAddress, segment);
    this.#nextAddress += segment;
    return block;
  }

  /** A used block of at least so many bytes, made of free and unmapped neighbours. */
  #expand(pool: number, size: number): number | null {
    const blocks = this.#blocks;
    let block = this.#firstRoom(pool, size);
    if (blocks.state[block] === UNMAPPED) {
      const mapped = this.#map(block, Math.min(blocks.size[block], size));
      if (mapped === null) return null;
      block = mapped;
    }
    while (blocks.size[block] < size) {
      const behind = blocks.next[block];
      const mapped = this.#map(behind, Math.min(size - blocks.size[block], blocks.size[behind]));
      if (mapped === null) return null;
      block = mapped;
    }
    blocks.take(block);
    return block;
  }

  /** The first block from which free and unmapped blocks have so many bytes in a row, and one of them is unmapped. */
  #firstRoom(pool: number, size: number): number {
    const { unmapped, previous, state } = this.#blocks;
    for (const block of unmapped[pool]) {
      const before = previous[block];
      const first = before !== NONE && state[before] === FREE ? before : block;
      if (this.#bytesInARow(first, size) >= size) return first;
    }
    const addresses = Number.isFinite(this.#capacity) ? 1.125 * this.#capacity + size : ADDRESSES;
    const unit = SEGMENT[pool];
    const whole = Math.ceil(addresses / unit) * unit;
    const start = Math.ceil(this.#nextAddress / unit) * unit; // so that units of memory begin at multiples of their size
    const block = this.#blocks.add(pool, start, whole);
    this.#nextAddress = start + whole;
    return this.#blocks.settle(block, UNMAPPED);
  }

  #bytesInARow(first: number, enough: number): number {
    const { size, next, state } = this.#blocks;
    let bytes = 0;
    for (let block = first; block !== NONE && state[block] !== USED && bytes < enough; block = next[block]) {
      bytes += size[block];
    }
    return bytes;
  }

  /** Maps memory to the first bytes of an unmapped block. Returns the free block that has them; null without memory. */
  #map(block: number, bytes: number): number | null {
    const blocks = this.#blocks;
    const unit = SEGMENT[blocks.pool[block]];
    const mapped = Math.min(Math.ceil(bytes / unit) * unit, blocks.size[block]);
    if (this.reserved + mapped > this.#capacity) return null;
    this.reserved += mapped;
    blocks.take(block);
    if (mapped < blocks.size[block]) blocks.settle(blocks.split(block, mapped), UNMAPPED);
    return blocks.settle(block, FREE);
  }

  /** Gives back what is free: whole segments; of expandable ones, whole units. */
  #releaseCached(): void {
    for (const pool of [LARGE, SMALL]) {
      for (const block of [...this.#blocks.free[pool]]) {
        if (this.#isExpandable) this.#unmap(block);
        else if (this.#blocks.previous[block] === NONE && this.#blocks.next[block] === NONE) this.#release(block);
      }
    }
  }

  #release(block: number): void {
    this.#blocks.take(block);
    this.reserved -= this.#blocks.size[block];
    this.#blocks.remove(block);
  }

  #unmap(block: number): void {
    const blocks = this.#blocks;
    const unit = SEGMENT[blocks.pool[block]];
    const [start, end] = [blocks.address[block], blocks.address[block] + blocks.size[block]];
    const first = Math.ceil(start / unit) * unit;
    const last = Math.floor(end / unit) * unit;
    if (first >= last) return;
    blocks.take(block);
    const middle = first > start ? blocks.split(block, first - start) : block;
    const behind = last < end ? blocks.split(middle, last - first) : NONE;
    if (middle !== block) blocks.settle(block, FREE);
    if (behind !== NONE) blocks.settle(behind, FREE);
    this.reserved -= last - first;
    blocks.settle(middle, UNMAPPED);
  }
}
