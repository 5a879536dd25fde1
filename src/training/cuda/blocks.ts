/**
 * The blocks of PyTorch's CUDA caching allocator: stretches of device memory that are used, free, or (of an expandable
 * segment) reserved as addresses only.
 *
 * Invariant: blocks of a segment lie one behind another without gaps, and no two neighbours are both free, or both
 * unmapped. A free block stands in the list of its pool, by size and then address; an unmapped one in the other list, by address.
 */

/** What a block's bytes are. */
export const FREE = 0;
export const USED = 1;
export const UNMAPPED = 2;

/** No block. */
export const NONE = -1;

/** Pools: requests up to 1 MiB, and larger ones. */
export const SMALL = 0;
export const LARGE = 1;

/** Blocks in columns; a block is its index. Indices of blocks that were merged away are used again. */
export class Blocks {
  readonly size: number[] = [];
  readonly address: number[] = [];
  readonly previous: number[] = [];
  readonly next: number[] = [];
  readonly state: number[] = [];
  readonly pool: number[] = [];
  /** By pool, free blocks by size and address. */
  readonly free: readonly number[][] = [[], []];
  /** By pool, unmapped blocks by address. */
  readonly unmapped: readonly number[][] = [[], []];
  readonly #unusedIndices: number[] = [];

  /** A used block that stands in no list, behind `previous` and before `next`. */
  add(pool: number, address: number, size: number, previous = NONE, next = NONE): number {
    const block = this.#unusedIndices.pop() ?? this.size.length;
    this.size[block] = size;
    this.address[block] = address;
    this.previous[block] = previous;
    this.next[block] = next;
    this.state[block] = USED;
    this.pool[block] = pool;
    if (previous !== NONE) this.next[previous] = block;
    if (next !== NONE) this.previous[next] = block;
    return block;
  }

  /** Gives a used block another state, joined with neighbours of that state. Returns the block that has its bytes then. */
  settle(block: number, state: typeof FREE | typeof UNMAPPED): number {
    this.state[block] = state;
    const [before, after] = [this.previous[block], this.next[block]];
    if (before !== NONE && this.state[before] === state) {
      this.take(before);
      this.address[block] = this.address[before];
      this.#absorb(block, before, this.previous[before], this.next[block]);
    }
    if (after !== NONE && this.state[after] === state) {
      this.take(after);
      this.#absorb(block, after, this.previous[block], this.next[after]);
    }
    this.state[block] = state;
    const list = this.#listOf(block);
    list.splice(this.#position(list, block), 0, block);
    return block;
  }

  /** Takes a free or unmapped block out of its list; it counts as used. */
  take(block: number): void {
    const list = this.#listOf(block);
    list.splice(this.#position(list, block), 1);
    this.state[block] = USED;
  }

  /** Cuts a used block: it keeps the first `size` bytes. Returns the used block that has the rest. */
  split(block: number, size: number): number {
    const rest = this.size[block] - size;
    this.size[block] = size;
    return this.add(this.pool[block], this.address[block] + size, rest, block, this.next[block]);
  }

  /** Forgets a used block that is a whole segment. */
  remove(block: number): void {
    this.#unusedIndices.push(block);
  }

  /** Position, in the free list of a pool, of the smallest block that has so many bytes; the list's length if none has. */
  firstFit(pool: number, size: number): number {
    return lowerBound(this.free[pool], (block) => this.size[block] < size);
  }

  #absorb(block: number, other: number, previous: number, next: number): void {
    this.size[block] += this.size[other];
    this.previous[block] = previous;
    this.next[block] = next;
    if (previous !== NONE) this.next[previous] = block;
    if (next !== NONE) this.previous[next] = block;
    this.#unusedIndices.push(other);
  }

  #listOf(block: number): number[] {
    return (this.state[block] === FREE ? this.free : this.unmapped)[this.pool[block]];
  }

  #position(list: readonly number[], block: number): number {
    const [size, address, isFree] = [this.size[block], this.address[block], this.state[block] === FREE];
    return lowerBound(list, (other) => {
      const difference = isFree ? this.size[other] - size : 0;
      return difference < 0 || (difference === 0 && this.address[other] < address);
    });
  }
}

/** Index of the first item for which `isBefore` no longer holds. O(log n). */
function lowerBound(list: readonly number[], isBefore: (item: number) => boolean): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (isBefore(list[middle])) low = middle + 1;
    else high = middle;
  }
  return low;
}
