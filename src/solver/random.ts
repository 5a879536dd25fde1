/**
 * Repeatable noise.
 *
 * Invariant: the same seed gives the same sequence on every machine: 32-bit integers, none of them bytes.
 */
/* eslint-disable no-bitwise -- hashes are 32-bit integers, none of them bytes */

/** Uniform in [0, 1): a Weyl sequence through the finaliser of MurmurHash3. */
export function createRandom(seed: number): () => number {
  let weyl = seed;
  return () => {
    weyl = (weyl + 0x9e3779b9) | 0;
    let hash = weyl;
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
  };
}
