/**
 * The best of all ways to split a few buffers into chunks of limited size.
 *
 *     {a b c}     In each split of a set, one chunk holds the set's first buffer, with or without others. The rest is
 *     {a b} {c}   a smaller set, whose best split is known by then. So each set tries each of its subsets once: 3^n
 *     {a} {b c}   trials in all, which are few for ten buffers and far too many for thirty.
 *
 * Invariant: buffers with a fixed offset share the first chunk, whose limit they keep to; no other split is smaller if
 * `isProven`.
 */
/* eslint-disable no-bitwise -- sets of buffers, one bit each, none of them bytes */
import type { Problem } from '../../problem/problem.js';
import { selectBuffers } from '../../problem/select.js';
import type { Placement, PlaceOptions } from '../allocator.js';
import type { Solution } from './solution.js';

/** Most buffers whose splits are tried one by one. */
export const MOST_PARTITIONED = 10;

export interface Partition extends Placement {
  readonly isProven: boolean;
}

/**
 * Solves every set of buffers with `solveChunk`, as a problem of one unlimited chunk, and finds the split with the
 * smallest sum. O(3^n), and 2^n solutions. There must be some placement within the limits.
 */
export function bestPartition(
  problem: Problem,
  { maxChunkSize = Infinity, allowOversize = false }: PlaceOptions,
  solveChunk: (problem: Problem) => Solution,
): Partition {
  const { bufferCount, sizes, fixedOffsets } = problem;
  const isFixed = (b: number): boolean => fixedOffsets !== null && !Number.isNaN(fixedOffsets[b]);
  const all = Array.from({ length: bufferCount }, (_, b) => b);
  /** The buffer of each bit: fixed buffers come first, so that their chunk is the first. */
  const buffers = [...all.filter(isFixed), ...all.filter((b) => !isFixed(b))];
  const fixedSet = 2 ** all.filter(isFixed).length - 1;
  const membersOf = (set: number): number[] => buffers.filter((_, bit) => (set & (1 << bit)) !== 0);
  let isProven = true;

  const smallestChunk = (set: number): Solution | null => {
    const fixedHere = set & fixedSet;
    if (fixedHere !== 0 && fixedHere !== fixedSet) return null;
    const members = membersOf(set);
    const limit = allowOversize ? members.reduce((most, b) => Math.max(most, sizes[b]), maxChunkSize) : maxChunkSize;
    const chunk = solveChunk(selectBuffers(problem, Int32Array.from(members)));
    if (chunk.lowerBound > limit) return null;
    if (chunk.status !== 'optimal') isProven = false;
    return chunk.bufferSize <= limit ? chunk : null;
  };

  const setCount = 1 << bufferCount;
  const chunkOfSet = Array.from({ length: setCount }, (_, set) => (set === 0 ? null : smallestChunk(set)));
  /** Bytes of the best split of each set, and the chunk in it that holds the set's first buffer. */
  const totals = new Float64Array(setCount).fill(Infinity, 1);
  const firstChunks = new Int32Array(setCount);
  for (let set = 1; set < setCount; set++) {
    const others = set & (set - 1);
    for (let left = others; ; left = (left - 1) & others) {
      const total = (chunkOfSet[set ^ left]?.bufferSize ?? Infinity) + totals[left];
      if (total < totals[set]) {
        totals[set] = total;
        firstChunks[set] = set ^ left;
      }
      if (left === 0) break;
    }
  }

  const offsets = new Float64Array(bufferCount);
  const chunkOf = new Int32Array(bufferCount);
  const chunks: number[] = [];
  for (let set = setCount - 1; set !== 0; set ^= firstChunks[set]) {
    const chunk = chunkOfSet[firstChunks[set]]!;
    membersOf(firstChunks[set]).forEach((b, i) => {
      offsets[b] = chunk.offsets[i];
      chunkOf[b] = chunks.length;
    });
    chunks.push(chunk.bufferSize);
  }
  return { offsets, chunkOf, chunks, isProven };
}
