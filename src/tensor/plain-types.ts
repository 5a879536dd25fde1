/**
 * Element types that ggml does not have, for the dialects of other programs.
 *
 * Invariant: no type of ggml stands here. A type of less than a byte is stored in blocks of as many elements as fill one.
 */
const ROWS = [
  // name, elements per block, bytes per block
  ['u8', 1, 1],
  ['u16', 1, 2],
  ['u32', 1, 4],
  ['u64', 1, 8],
  ['bool', 1, 1],
  ['c64', 1, 8],
  ['c128', 1, 16],
  ['f8_e4m3fn', 1, 1],
  ['f8_e4m3fnuz', 1, 1],
  ['f8_e5m2', 1, 1],
  ['f8_e5m2fnuz', 1, 1],
  ['f8_e8m0', 1, 1],
  ['f4_e2m1', 2, 1],
  ['i4', 2, 1],
  ['u4', 2, 1],
  ['i2', 4, 1],
  ['u2', 4, 1],
  ['string', 1, 0],
  ['resource', 1, 4],
  ['variant', 1, 0],
] as const;

/** The name of an element type that ggml does not have. @useDeclaredType */
export type PlainTypeName = (typeof ROWS)[number][0];

/** As `ElementType`, which has these names among its own. */
interface PlainType {
  readonly name: PlainTypeName;
  readonly ggufId: number;
  readonly blockSize: number;
  readonly blockBytes: number;
  readonly isQuantized: boolean;
}

/**
 * Those types by name. The elements of `string` and `variant` lie in memory that their program manages itself, so that
 * they take no bytes of a plan.
 */
export const PLAIN_TYPES: Readonly<Record<PlainTypeName, PlainType>> = Object.fromEntries(
  ROWS.map(([name, blockSize, blockBytes]) => [name, { name, ggufId: -1, blockSize, blockBytes, isQuantized: false }]),
) as unknown as Record<PlainTypeName, PlainType>;
