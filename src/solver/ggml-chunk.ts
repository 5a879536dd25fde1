/**
 * The free blocks of one chunk, as ggml's allocator keeps them. O(blocks) for each call; a model has a handful.
 *
 * Invariant: blocks are sorted by offset and never touch one another, unless there are blocks of no bytes.
 */
import { grown } from '../columns.js';

export class Chunk {
  maxSize = 0;
  #offsets = new Float64Array(16);
  #sizes = new Float64Array(16);
  #count = 1;
  #selected = 0;

  constructor(limit: number) {
    this.#sizes[0] = limit;
  }

  selectedOffset(): number {
    return this.#offsets[this.#selected];
  }

  /** Selects the smallest block of at least `size` other than the last, the later one on a tie. */
  selectHole(size: number): boolean {
    const sizes = this.#sizes;
    let best = -1;
    let bestSize = Infinity;
    for (let i = 0, last = this.#count - 1; i < last; i++) {
      const blockSize = sizes[i];
      if (blockSize >= size && blockSize <= bestSize) {
        best = i;
        bestSize = blockSize;
      }
    }
    if (best === -1) return false;
    this.#selected = best;
    return true;
  }

  selectLastBlock(size: number): boolean {
    const last = this.#count - 1;
    if (last < 0 || this.#sizes[last] < size) return false;
    this.#selected = last;
    return true;
  }

  /** Takes `size` bytes from the start of the selected block and returns their offset. */
  take(size: number): number {
    const block = this.#selected;
    const offset = this.#offsets[block];
    const end = offset + size;
    if (this.#sizes[block] === size) {
      this.#remove(block);
    } else {
      this.#offsets[block] = end;
      this.#sizes[block] -= size;
    }
    if (end > this.maxSize) this.maxSize = end;
    return offset;
  }

  /**
   * Gives `size` bytes at `offset` back and joins them with their neighbours. ggml frees places of no bytes too, whose
   * blocks may keep others from joining: hence its order of looking at blocks.
   */
  free(offset: number, size: number): void {
    const offsets = this.#offsets;
    const sizes = this.#sizes;
    const end = offset + size;
    for (let block = 0; block < this.#count; block++) {
      if (offsets[block] + sizes[block] === offset) {
        sizes[block] += size;
        this.#joinNext(block);
        return;
      }
      if (offsets[block] === end) {
        offsets[block] = offset;
        sizes[block] += size;
        if (block > 0) this.#joinNext(block - 1);
        return;
      }
    }
    let next = 0;
    while (next < this.#count && offsets[next] < offset) next++;
    this.#insert(next, offset, size);
  }

  /** Joins a block with the next one if they touch. */
  #joinNext(block: number): void {
    const next = block + 1;
    if (next >= this.#count || this.#offsets[block] + this.#sizes[block] !== this.#offsets[next]) return;
    this.#sizes[block] += this.#sizes[next];
    this.#remove(next);
  }

  /** A loop: there are too few blocks for `copyWithin` to pay. */
  #remove(block: number): void {
    const offsets = this.#offsets;
    const sizes = this.#sizes;
    const last = --this.#count;
    for (let i = block; i < last; i++) {
      offsets[i] = offsets[i + 1];
      sizes[i] = sizes[i + 1];
    }
  }

  #insert(block: number, offset: number, size: number): void {
    if (this.#count === this.#offsets.length) this.#grow();
    const offsets = this.#offsets;
    const sizes = this.#sizes;
    for (let i = this.#count++; i > block; i--) {
      offsets[i] = offsets[i - 1];
      sizes[i] = sizes[i - 1];
    }
    offsets[block] = offset;
    sizes[block] = size;
  }

  #grow(): void {
    this.#offsets = grown(this.#offsets);
    this.#sizes = grown(this.#sizes);
  }
}
