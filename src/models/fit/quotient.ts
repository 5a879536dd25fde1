/**
 * Division of whole numbers as C++ does it on 64 bits, for products that exceed 2^53.
 */

/** `a · b / c` without its fraction, towards zero; 0 if `c` is 0, where llama.cpp would end with an error. */
export function quotient(a: number, b: number, c: number): number {
  return c === 0 ? 0 : Number((BigInt(a) * BigInt(b)) / BigInt(c));
}

/** `a / b` without its fraction, towards zero. */
export function truncated(a: number, b: number): number {
  return quotient(a, 1, b);
}
