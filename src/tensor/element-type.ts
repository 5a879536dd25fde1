/**
 * ggml's element types: how many bytes a block of elements takes.
 *
 * Invariant: ids and sizes are those of ggml 0.18 (`enum ggml_type`, `type_traits`); removed types have no row.
 */
import { named, PlannerError, shown } from '../errors.js';
import type { PlainTypeName } from './plain-types.js';

/** One element type. Quantised types store `blockSize` elements in `blockBytes` bytes. */
export interface ElementType {
  readonly name: ElementTypeName;
  /** The number that stands for the type in a GGUF file; -1 for a type that ggml does not have. */
  readonly ggufId: number;
  /** Elements per block; 1 for plain types. */
  readonly blockSize: number;
  /** Bytes per block. */
  readonly blockBytes: number;
  readonly isQuantized: boolean;
}

const ROWS = [
  // name, GGUF id, elements per block, bytes per block
  ['f32', 0, 1, 4],
  ['f16', 1, 1, 2],
  ['q4_0', 2, 32, 18],
  ['q4_1', 3, 32, 20],
  ['q5_0', 6, 32, 22],
  ['q5_1', 7, 32, 24],
  ['q8_0', 8, 32, 34],
  ['q8_1', 9, 32, 36],
  ['q2_K', 10, 256, 84],
  ['q3_K', 11, 256, 110],
  ['q4_K', 12, 256, 144],
  ['q5_K', 13, 256, 176],
  ['q6_K', 14, 256, 210],
  ['q8_K', 15, 256, 292],
  ['iq2_xxs', 16, 256, 66],
  ['iq2_xs', 17, 256, 74],
  ['iq3_xxs', 18, 256, 98],
  ['iq1_s', 19, 256, 50],
  ['iq4_nl', 20, 32, 18],
  ['iq3_s', 21, 256, 110],
  ['iq2_s', 22, 256, 82],
  ['iq4_xs', 23, 256, 136],
  ['i8', 24, 1, 1],
  ['i16', 25, 1, 2],
  ['i32', 26, 1, 4],
  ['i64', 27, 1, 8],
  ['f64', 28, 1, 8],
  ['iq1_m', 29, 256, 56],
  ['bf16', 30, 1, 2],
  ['tq1_0', 34, 256, 54],
  ['tq2_0', 35, 256, 66],
  ['mxfp4', 39, 32, 17],
  ['nvfp4', 40, 64, 36],
  ['q1_0', 41, 128, 18],
  ['q2_0', 42, 64, 18],
] as const;

/** ggml's name of an element type. @useDeclaredType */
export type GgmlTypeName = (typeof ROWS)[number][0];

/** The name of an element type, of ggml's or of those that other programs have besides. */
export type ElementTypeName = GgmlTypeName | PlainTypeName;

/** Every element type of ggml by name. */
export const ELEMENT_TYPES: Readonly<Record<GgmlTypeName, ElementType>> = Object.fromEntries(
  ROWS.map(([name, ggufId, blockSize, blockBytes]) => [
    name,
    { name, ggufId, blockSize, blockBytes, isQuantized: blockSize > 1 },
  ]),
) as unknown as Record<GgmlTypeName, ElementType>;

const BY_GGUF_ID: ReadonlyMap<number, ElementType> = new Map(
  Object.values(ELEMENT_TYPES).map((type) => [type.ggufId, type]),
);

/** The first number in GGUF files that ggml has given to no type yet; lower ones without a type are of types given up. */
export const NEXT_GGUF_TYPE = 1 + ROWS[ROWS.length - 1][1];

/** Looks up a type by ggml's name. @throws PlannerError `UNKNOWN_TYPE` */
export function elementType(name: string, culprit = 'element type'): ElementType {
  if (typeof name === 'string' && Object.hasOwn(ELEMENT_TYPES, name)) return ELEMENT_TYPES[name as GgmlTypeName];
  const lower = shown(name).slice(1, -1).toLowerCase();
  const meant = Object.keys(ELEMENT_TYPES).find((each) => each.toLowerCase() === lower);
  throw new PlannerError('UNKNOWN_TYPE', {
    message: `${named(culprit)} names the element type ${shown(name)}, which ggml does not have.`,
    culprit,
    value: name,
    limit: `one of ${Object.keys(ELEMENT_TYPES).join(', ')}`,
    remedy:
      meant !== undefined
        ? `Write ${meant}: case matters.`
        : `The types are ${Object.keys(ELEMENT_TYPES).join(', ')}; case matters.`,
  });
}

/** Looks up a type by its number in a GGUF file; `undefined` if ggml has no such type (any more). */
export function elementTypeOfGguf(ggufId: number): ElementType | undefined {
  return BY_GGUF_ID.get(ggufId);
}
