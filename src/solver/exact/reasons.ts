/**
 * Sets of placed buffers: why each bound holds, and why a node failed.
 *
 * As long as the buffers of a reason are where they are, the bound that it belongs to holds. One bit per buffer: these
 * are sets, not byte counts, hence the bitwise operators.
 *
 * Invariant: the last sets saved are the first restored.
 */
/* eslint-disable no-bitwise -- sets of buffers, one bit each, none of them bytes */
import { grown } from '../../columns.js';

export class Reasons {
  /** The buffers that caused the last failure; before a failure, the causes collected so far. */
  readonly conflict: Int32Array;
  readonly #wordCount: number;
  readonly #sets: Int32Array;
  readonly #neighbours: Int32Array;
  readonly #placed: Int32Array;
  #saved = new Int32Array(4096);
  #savedCount = 0;

  /** Neighbours of b: `other[first[b]]` to `other[first[b + 1]]`, exclusive. */
  constructor(count: number, first: Int32Array, other: Int32Array) {
    this.#wordCount = (count + 31) >>> 5;
    this.conflict = new Int32Array(this.#wordCount);
    this.#placed = new Int32Array(this.#wordCount);
    this.#sets = new Int32Array(count * this.#wordCount);
    this.#neighbours = new Int32Array(count * this.#wordCount);
    for (let b = 0; b < count; b++) {
      for (let e = first[b]; e < first[b + 1]; e++) {
        this.#neighbours[b * this.#wordCount + (other[e] >>> 5)] |= 1 << (other[e] & 31);
      }
    }
  }

  setPlaced(b: number): void {
    this.#placed[b >>> 5] |= 1 << (b & 31);
  }

  clearPlaced(b: number): void {
    this.#placed[b >>> 5] &= ~(1 << (b & 31));
  }

  /** Whether the failure depends on where this placed buffer is. */
  isBlamed(b: number): boolean {
    return (this.conflict[b >>> 5] & (1 << (b & 31))) !== 0;
  }

  blame(b: number): void {
    this.conflict[b >>> 5] |= 1 << (b & 31);
  }

  /** Replaces one buffer in the conflict by the reasons of its bound. */
  replaceBlame(b: number): void {
    this.conflict[b >>> 5] &= ~(1 << (b & 31));
    this.blameReasonsOf(b);
  }

  blameReasonsOf(b: number): void {
    const { conflict } = this;
    const sets = this.#sets;
    const wordCount = this.#wordCount;
    for (let i = 0, s = b * wordCount; i < wordCount; i++, s++) conflict[i] |= sets[s];
  }

  blamePlacedNeighboursOf(b: number): void {
    const { conflict } = this;
    const neighbours = this.#neighbours;
    const placed = this.#placed;
    const wordCount = this.#wordCount;
    for (let i = 0, s = b * wordCount; i < wordCount; i++, s++) conflict[i] |= neighbours[s] & placed[i];
  }

  /** Adds a reason for the bound of `b`; {@link remove} takes it back. */
  add(b: number, reason: number): void {
    this.#sets[b * this.#wordCount + (reason >>> 5)] |= 1 << (reason & 31);
  }

  remove(b: number, reason: number): void {
    this.#sets[b * this.#wordCount + (reason >>> 5)] &= ~(1 << (reason & 31));
  }

  /** Adds the conflict to the reasons of `b`; {@link restore} takes it back. */
  addConflict(b: number): void {
    const { conflict } = this;
    const sets = this.#sets;
    const wordCount = this.#wordCount;
    if (this.#savedCount + wordCount > this.#saved.length) {
      this.#saved = grown(this.#saved, 2 * this.#saved.length + wordCount);
    }
    for (let i = 0, s = b * wordCount; i < wordCount; i++, s++) {
      this.#saved[this.#savedCount++] = sets[s];
      sets[s] |= conflict[i];
    }
  }

  restore(b: number): void {
    const sets = this.#sets;
    const saved = this.#saved;
    const wordCount = this.#wordCount;
    this.#savedCount -= wordCount;
    for (let i = 0, s = b * wordCount; i < wordCount; i++, s++) sets[s] = saved[this.#savedCount + i];
  }
}
