/**
 * Bytes that every order of a segment needs at some job.
 *
 *     a ──▶ b ──▶ d        While b runs, a's result is read, so it is live. What c reads or makes is not counted: c may run
 *     └───▶ c ─────┘       before b as well as after it.
 *
 * Invariant: a storage counts at a job only if it was certainly made by then, and is certainly read then or later.
 */
/* eslint-disable no-bitwise -- sets of jobs, one bit each, never bytes */
import { addTo, isIn, type Segment } from './segment.js';

/** For segments of more jobs than these only what a job itself reads and makes is counted: sets of ancestors would be large. */
const MOST_JOBS = 8192;

/** The most of these bytes over all jobs. O(jobs² / 32 + jobs · storages), or O(jobs + reads). */
export function floorOf(segment: Segment): number {
  const { count } = segment;
  const relatives = count > 1 && count <= MOST_JOBS ? new Relatives(segment) : null;
  let floor = segment.startLoad;
  for (let job = 0; job < count; job++) floor = Math.max(floor, bytesAt(segment, job, relatives));
  return floor;
}

/** Jobs that come before and after each job in every order. */
export class Relatives {
  readonly #words: number;
  readonly #ancestors: Int32Array;
  readonly #descendants: Int32Array;

  constructor({ count, words, needs, followers }: Segment) {
    this.#words = words;
    this.#ancestors = new Int32Array(count * words);
    this.#descendants = new Int32Array(count * words);
    const include = (sets: Int32Array, job: number, other: number): void => {
      for (let word = 0; word < words; word++) sets[job * words + word] |= sets[other * words + word];
      addTo(sets.subarray(job * words, (job + 1) * words), other);
    };
    for (let job = 0; job < count; job++) {
      for (let at = needs.first[job]; at < needs.first[job + 1]; at++) include(this.#ancestors, job, needs.items[at]);
    }
    for (let job = count - 1; job >= 0; job--) {
      for (let at = followers.first[job]; at < followers.first[job + 1]; at++) {
        include(this.#descendants, job, followers.items[at]);
      }
    }
  }

  ancestorsOf(job: number): Int32Array {
    return this.#ancestors.subarray(job * this.#words, (job + 1) * this.#words);
  }

  descendantsOf(job: number): Int32Array {
    return this.#descendants.subarray(job * this.#words, (job + 1) * this.#words);
  }
}

function bytesAt(segment: Segment, job: number, relatives: Relatives | null): number {
  const { sizes, readers, makers, madeBytes, reusable } = segment;
  const before = relatives?.ancestorsOf(job);
  const after = relatives?.descendantsOf(job);
  const isBefore = (other: number): boolean => before !== undefined && isIn(before, other);
  const isAfter = (other: number): boolean => after !== undefined && isIn(after, other);
  let bytes = segment.startLoad;
  const lazyOf = lazyMakers(segment);
  for (let storage = 0; storage < sizes.length; storage++) {
    let isRead = false;
    for (let at = readers.first[storage]; at < readers.first[storage + 1] && !isRead; at++) {
      isRead = readers.items[at] === job || isAfter(readers.items[at]);
    }
    const maker = makers[storage];
    const lazy = lazyOf[storage];
    if (maker === -1 && lazy === -1) {
      if (!isRead) bytes -= sizes[storage]; // part of the start load, but it may be gone
    } else if (isRead && (lazy === -1 ? isBefore(maker) : isNeededBy(segment, lazy, job, isBefore))) {
      bytes += sizes[storage];
    }
  }
  bytes += immortalBytes(segment, isBefore, job);
  let reused = 0;
  for (let at = reusable.first[job]; at < reusable.first[job + 1]; at++) {
    const storage = reusable.items[at];
    let isSure = true;
    for (let r = readers.first[storage]; r < readers.first[storage + 1]; r++) if (isAfter(readers.items[r])) isSure = false;
    if (isSure) reused = Math.max(reused, sizes[storage]);
  }
  return bytes + Math.max(0, madeBytes[job] - reused);
}

const lazyMakersOf = new WeakMap<Segment, Int32Array>();

/** By storage, the lazy job that makes it; -1 if none does. */
function lazyMakers(segment: Segment): Int32Array {
  let makers = lazyMakersOf.get(segment);
  if (makers === undefined) {
    makers = new Int32Array(segment.sizes.length).fill(-1);
    for (let lazy = 0; lazy < segment.lazyStorages.length; lazy++) {
      if (segment.lazyStorages[lazy] !== -1) makers[segment.lazyStorages[lazy]] = lazy;
    }
    lazyMakersOf.set(segment, makers);
  }
  return makers;
}

function isNeededBy({ lazyNeeders }: Segment, lazy: number, job: number, isBefore: (other: number) => boolean): boolean {
  for (let at = lazyNeeders.first[lazy]; at < lazyNeeders.first[lazy + 1]; at++) {
    if (lazyNeeders.items[at] === job || isBefore(lazyNeeders.items[at])) return true;
  }
  return false;
}

/** Bytes that jobs before `job` have made and that outlast the segment. */
function immortalBytes(segment: Segment, isBefore: (other: number) => boolean, job: number): number {
  const { count, keptBytes, makers, lazyStorages, lazyBytes } = segment;
  const isMortal = new Uint8Array(count);
  for (const maker of makers) if (maker !== -1) isMortal[maker] = 1;
  let bytes = 0;
  for (let other = 0; other < count; other++) if (isMortal[other] === 0 && isBefore(other)) bytes += keptBytes[other];
  for (let lazy = 0; lazy < lazyBytes.length; lazy++) {
    if (lazyStorages[lazy] === -1 && isNeededBy(segment, lazy, job, isBefore)) bytes += lazyBytes[lazy];
  }
  return bytes;
}
