/**
 * The whole numbers that a result holds where they follow from shapes and constants: files compute shapes of them.
 *
 * Invariant: an answer is what the runtime computes, element for element; whatever is not certain is null.
 */
import { countOf, numberOf, type ShapeQuery } from './shape-query.js';
import { stridedSlice } from './slice-shapes.js';

/** More numbers than this are no shape. */
export const MOST_VALUES = 1024;

type Evaluation = (query: ShapeQuery) => readonly number[] | null;

const same: Evaluation = ({ values }) => values(0);

/** Each pair of numbers; one number is repeated. */
const each =
  (compute: (a: number, b: number) => number): Evaluation =>
  ({ values }) => {
    const [a, b] = [values(0), values(1)];
    if (a === null || b === null || (a.length !== b.length && a.length !== 1 && b.length !== 1)) return null;
    const count = a.length === 1 ? b.length : a.length;
    const result = Array.from({ length: count }, (_, index) =>
      compute(a[a.length === 1 ? 0 : index], b[b.length === 1 ? 0 : index]),
    );
    return result.every(Number.isSafeInteger) ? result : null;
  };

/** Operands one after another. */
const joined: Evaluation = ({ shapes, values }) => {
  const parts = shapes.map((shape, slot) => (shape !== null && shape.length <= 1 ? values(slot) : null));
  return parts.some((part) => part === null) ? null : parts.flatMap((part) => [...part!]);
};

const EVALUATIONS: Readonly<Record<string, Evaluation>> = {
  SHAPE: ({ shapes }) => shapes[0],
  RANK: ({ shapes }) => shapes[0] && [shapes[0].length],
  CAST: same,
  RESHAPE: same,
  SQUEEZE: same,
  EXPAND_DIMS: same,
  ADD: each((a, b) => a + b),
  SUB: each((a, b) => a - b),
  MUL: each((a, b) => a * b),
  DIV: each((a, b) => Math.trunc(a / b)),
  FLOOR_DIV: each((a, b) => Math.floor(a / b)),
  FLOOR_MOD: each((a, b) => a - b * Math.floor(a / b)),
  MAXIMUM: each(Math.max),
  MINIMUM: each(Math.min),
  PACK: joined,
  CONCATENATION: joined,
  STRIDED_SLICE: (query) => {
    const input = query.values(0);
    if (input === null || query.shapes[0]?.length !== 1) return null;
    const [slice] = stridedSlice(query) ?? [];
    if (slice === undefined) return null;
    return Array.from({ length: slice.count }, (_, index) => input[slice.begin + index * slice.step]);
  },
  SLICE: ({ shapes, values }) => {
    const [input, begins, lengths] = [values(0), values(1), values(2)];
    if (input === null || begins === null || lengths === null || shapes[0]?.length !== 1) return null;
    return input.slice(begins[0], lengths[0] === -1 ? undefined : begins[0] + lengths[0]);
  },
  GATHER: (query) => {
    const [input, indices] = [query.values(0), query.values(1)];
    if (input === null || indices === null || query.shapes[0]?.length !== 1 || numberOf(query, 'axis') !== 0)
      return null;
    const found = indices.map((index) => input[index]);
    return found.includes(undefined as never) ? null : found;
  },
  REDUCE_PROD: ({ shapes, values }) => {
    const input = values(0);
    return input === null || shapes[0]?.length !== 1 ? null : [countOf(input)];
  },
  FILL: ({ values }) => {
    const [shape, value] = [values(0), values(1)];
    if (shape === null || value === null || countOf(shape) > MOST_VALUES) return null;
    return Array.from({ length: countOf(shape) }, () => value[0]);
  },
};

/** What the node's only result holds; null if that is not known. O(numbers). */
export function knownValues(query: ShapeQuery): readonly number[] | null {
  if (query.resultCount !== 1 || !Object.hasOwn(EVALUATIONS, query.op)) return null;
  const values = EVALUATIONS[query.op](query);
  return values !== null && values !== undefined && values.length <= MOST_VALUES ? values : null;
}
