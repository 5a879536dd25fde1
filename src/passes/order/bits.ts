/**
 * Sets of jobs, one bit each, in 32-bit words.
 */
/* eslint-disable no-bitwise -- sets of jobs, never bytes */

/** Words of a set of `count` jobs; at least one. */
export const wordsOf = (count: number): number => Math.max(1, (count + 31) >> 5);

export const isIn = (set: Int32Array, job: number): boolean => ((set[job >> 5] >>> (job & 31)) & 1) === 1;

export function addTo(set: Int32Array, job: number): void {
  set[job >> 5] |= 1 << (job & 31);
}

export function addAll(set: Int32Array, others: Int32Array): void {
  for (let word = 0; word < set.length; word++) set[word] |= others[word];
}
