/**
 * The states that a search has reached, found by their jobs.
 *
 * Invariant: a state is stored once. Two states are equal only if all their bits are; the hash only says where to look.
 */
/* eslint-disable no-bitwise -- hashes and sets of jobs, never bytes */
import { grown } from '../../columns.js';
import type { Segment } from './segment.js';

const NONE = -1;
const FIRST_CAPACITY = 256;

export class StateStore {
  count = 0;
  /** By state: the bytes that are live after it, the state it was reached from, and the job that led here. */
  loads = new Float64Array(FIRST_CAPACITY);
  parents = new Int32Array(FIRST_CAPACITY);
  jobs = new Int32Array(FIRST_CAPACITY);
  /** A number that the search keeps with each state. */
  keys = new Float64Array(FIRST_CAPACITY);
  readonly #words: number;
  #bits: Int32Array;
  #hashes = new Int32Array(FIRST_CAPACITY);
  /** Open addressing: the state in each slot plus one; 0 where a slot is free. */
  #slots = new Int32Array(4 * FIRST_CAPACITY);

  constructor({ words }: Segment) {
    this.#words = words;
    this.#bits = new Int32Array(FIRST_CAPACITY * words);
  }

  /** Copies the jobs of a state. */
  read(state: number, into: Int32Array): void {
    const start = state * this.#words;
    for (let word = 0; word < this.#words; word++) into[word] = this.#bits[start + word];
  }

  hashOf(state: number): number {
    return this.#hashes[state];
  }

  /** The number of the state with these jobs; -1 if it was not reached. */
  find(bits: Int32Array, hash: number): number {
    const mask = this.#slots.length - 1;
    for (let slot = mixed(hash) & mask; ; slot = (slot + 1) & mask) {
      const state = this.#slots[slot] - 1;
      if (state === NONE || (this.#hashes[state] === hash && this.#equals(state, bits))) return state;
    }
  }

  /** Adds a state that is not there yet, and returns its number. */
  add(bits: Int32Array, hash: number, load: number, parent: number, job: number): number {
    if (this.count === this.loads.length) this.#grow();
    const state = this.count++;
    this.#bits.set(bits, state * this.#words);
    this.#hashes[state] = hash;
    this.loads[state] = load;
    this.parents[state] = parent;
    this.jobs[state] = job;
    this.#enter(state);
    return state;
  }

  /** The jobs that led to a state, in order. */
  pathTo(state: number): number[] {
    const path: number[] = [];
    for (let at = state; this.parents[at] !== NONE; at = this.parents[at]) path.push(this.jobs[at]);
    return path.reverse();
  }

  #equals(state: number, bits: Int32Array): boolean {
    const start = state * this.#words;
    for (let word = 0; word < this.#words; word++) if (this.#bits[start + word] !== bits[word]) return false;
    return true;
  }

  #enter(state: number): void {
    const mask = this.#slots.length - 1;
    let slot = mixed(this.#hashes[state]) & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = state + 1;
  }

  #grow(): void {
    this.loads = grown(this.loads);
    this.parents = grown(this.parents);
    this.jobs = grown(this.jobs);
    this.keys = grown(this.keys);
    this.#bits = grown(this.#bits);
    this.#hashes = grown(this.#hashes);
    this.#slots = new Int32Array(2 * this.#slots.length);
    for (let state = 0; state < this.count; state++) this.#enter(state);
  }
}

function mixed(hash: number): number {
  return Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
}
